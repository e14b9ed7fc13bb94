//! What starts on a console, and what after it.

use std::time::Duration;

use crate::options::Mode;

/// A program that ran at least this long was of use; its end is no sign that
/// it will always end at once.
const USEFUL: Duration = Duration::from_secs(60);
/// A program that ended sooner than this may do so for ever.
const QUICK: Duration = Duration::from_secs(2);
/// So many failures of the menus in a row, and the shell starts.
const FAILURES: u32 = 3;
/// The longest pause before another start.
const PAUSE: Duration = Duration::from_secs(30);

/// A program on a console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The menus.
    Menu,
    /// The installation without questions.
    Auto,
    /// The maintenance shell.
    Shell,
}

/// How a program ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// With status 0.
    pub clean: bool,
    /// How long it ran.
    pub ran: Duration,
}

/// Decides what runs on one console.
#[derive(Debug, Default)]
pub struct Policy {
    /// Failures of the menus in a row.
    failures: u32,
    /// Quick ends of anything in a row.
    quick: u32,
}

/// What starts first. An installation without questions runs once, on the
/// preferred console only: two would write the same disk.
pub fn first(mode: Mode, preferred: bool) -> Program {
    match mode {
        Mode::Shell => Program::Shell,
        Mode::Auto if preferred => Program::Auto,
        Mode::Auto | Mode::Menu => Program::Menu,
    }
}

impl Policy {
    /// What starts when a program has ended, and after which pause.
    pub fn after(&mut self, program: Program, ended: Ended) -> (Program, Duration) {
        self.quick = if ended.ran < QUICK { self.quick + 1 } else { 0 };
        let failed = program != Program::Shell && !ended.clean;
        self.failures = match (failed, ended.ran < USEFUL) {
            (true, true) => self.failures + 1,
            (true, false) => 1,
            (false, _) => 0,
        };
        let next = if self.failures < FAILURES {
            Program::Menu
        } else {
            Program::Shell
        };
        (next, self.pause())
    }

    /// None for the first quick ends, which an operator may have wanted, then
    /// doubling: programs that end at once must not take the whole machine.
    fn pause(&self) -> Duration {
        match self.quick {
            0..=3 => Duration::ZERO,
            quick => PAUSE.min(Duration::from_secs(1) * 2_u32.saturating_pow(quick - 4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: Ended = Ended {
        clean: false,
        ran: Duration::from_millis(10),
    };
    const DONE: Ended = Ended {
        clean: true,
        ran: Duration::from_secs(300),
    };

    #[test]
    fn an_installation_without_questions_runs_once_and_on_one_console() {
        assert_eq!(first(Mode::Auto, true), Program::Auto);
        assert_eq!(first(Mode::Auto, false), Program::Menu);
        for ended in [CRASH, DONE] {
            assert_eq!(
                Policy::default().after(Program::Auto, ended).0,
                Program::Menu
            );
        }
    }

    #[test]
    fn menus_that_crash_give_way_to_the_shell_and_it_to_the_menus() {
        let mut policy = Policy::default();
        let mut program = Program::Menu;
        let mut ran = vec![program];
        for _ in 0..6 {
            program = policy.after(program, CRASH).0;
            ran.push(program);
        }
        use Program::{Menu, Shell};
        assert_eq!(ran, [Menu, Menu, Menu, Shell, Menu, Menu, Menu]);
    }

    #[test]
    fn a_crash_after_a_useful_time_counts_as_the_first() {
        let mut policy = Policy::default();
        let late = Ended {
            ran: USEFUL,
            ..CRASH
        };
        for _ in 0..10 {
            assert_eq!(
                policy.after(Program::Menu, late),
                (Program::Menu, Duration::ZERO)
            );
        }
    }

    #[test]
    fn what_ends_at_once_is_started_ever_more_slowly() {
        let mut policy = Policy::default();
        let quick = Ended {
            clean: true,
            ran: Duration::ZERO,
        };
        let pauses: Vec<u64> = (0..12)
            .map(|_| policy.after(Program::Shell, quick).1.as_secs())
            .collect();
        assert_eq!(pauses, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(policy.after(Program::Menu, DONE).1, Duration::ZERO);
    }
}
