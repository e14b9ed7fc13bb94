//! Progress of long commands on standard error: one line that is rewritten on a
//! terminal, a plain line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lifeboat_menu::progress;

/// Whether the terminal's last line is one of progress, without a line end.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Takes the progress line off the terminal, if there is one: something else is to be
/// printed.
pub fn clear() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        eprint!("\r{:79}\r", "");
    }
}

/// Shows how far a command has come.
pub struct Progress {
    terminal: bool,
    start: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Starts the clock.
    pub fn on_stderr() -> Self {
        Self {
            terminal: stderr().is_terminal(),
            start: Instant::now(),
            shown: None,
        }
    }

    /// Shows `done` of `total` bytes, if it is time to; a total that is not known shows
    /// no share and no time left.
    pub fn show(&mut self, done: u64, total: Option<u64>) {
        let pause = Duration::from_secs(if self.terminal { 1 } else { 20 });
        if self.shown.unwrap_or(self.start).elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let elapsed = self.start.elapsed();
        let line = match total {
            Some(total) => progress::line(done, total, elapsed),
            None => progress::line_without_total(done, elapsed),
        };
        if self.terminal {
            SHOWN.store(true, Ordering::Relaxed);
            eprint!("\r{line:<79}");
            // Progress that cannot be shown stops nothing.
            let _ = stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// Ends the line.
    pub fn end(&self) {
        clear();
    }
}
