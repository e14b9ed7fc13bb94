//! A console with the program that runs there.

use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lifeboat_sys::session;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use crate::kmsg;
use crate::options::Mode;
use crate::policy::{Ended, Policy, Program, first};
use crate::terminal::Terminal;

/// What `$PATH` is for everything that runs here.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

const SHELL_HINT: &str = "\n\
Maintenance shell. \"exit\" starts the menus, \"lifeboat --help\" lists commands,\n\
\"reboot\", \"halt\" and \"poweroff\" leave the rescue image in good order.\n\n";

/// One console.
pub struct Station {
    terminal: Terminal,
    policy: Policy,
    state: State,
}

enum State {
    /// This starts then.
    Due(Program, Instant),
    Running {
        program: Program,
        pid: Pid,
        since: Instant,
    },
}

impl Station {
    /// A console on which a program may start at once.
    pub fn new(terminal: Terminal, mode: Mode, preferred: bool) -> Self {
        let state = State::Due(first(mode, preferred), Instant::now());
        Self {
            terminal,
            policy: Policy::default(),
            state,
        }
    }

    /// Shows a line there.
    pub fn say(&self, line: &str) {
        self.terminal.say(line);
        self.terminal.say("\n");
    }

    /// When something is to start there.
    pub fn due(&self) -> Option<Instant> {
        match self.state {
            State::Due(_, when) => Some(when),
            State::Running { .. } => None,
        }
    }

    /// Starts what is due.
    pub fn start_due(&mut self, now: Instant) {
        let State::Due(program, when) = self.state else {
            return;
        };
        if when > now {
            return;
        }
        match self.start(program) {
            Ok(pid) => {
                log::info!(
                    "{}: {program:?} started as process {pid}",
                    self.terminal.name()
                );
                self.state = State::Running {
                    program,
                    pid,
                    since: now,
                };
            }
            Err(error) => {
                self.report(&format!(
                    "0590-606 {} cannot be started: {error}",
                    path(program)
                ));
                self.next(
                    program,
                    Ended {
                        clean: false,
                        ran: Duration::ZERO,
                    },
                );
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "it owns a terminal and ends when it likes"
    )]
    fn start(&self, program: Program) -> io::Result<Pid> {
        let terminal = self.terminal.for_program().map_err(|error| error.source)?;
        if program == Program::Shell {
            self.terminal.say(SHELL_HINT);
        }
        let mut command = Command::new(path(program));
        command.args(arguments(program)).current_dir("/");
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", "/root")
            .env("TERM", self.terminal.kind());
        let copy = |file: &File| file.try_clone().map(Stdio::from);
        command
            .stdin(copy(&terminal)?)
            .stdout(copy(&terminal)?)
            .stderr(copy(&terminal)?);
        let child = session::lead(&mut command).spawn()?;
        // The main loop waits for every process there is; `child` is only a number.
        Ok(Pid::from_raw(child.id().cast_signed()))
    }

    /// Takes note that a process ended, if it is the one that runs here.
    pub fn ended(&mut self, status: WaitStatus) {
        let State::Running {
            program,
            pid,
            since,
        } = self.state
        else {
            return;
        };
        if status.pid() != Some(pid) {
            return;
        }
        let clean = matches!(status, WaitStatus::Exited(_, 0));
        if !clean && program != Program::Shell {
            self.report(&format!(
                "0590-604 {} ended unexpectedly ({})",
                path(program),
                how(status)
            ));
        }
        self.next(
            program,
            Ended {
                clean,
                ran: since.elapsed(),
            },
        );
    }

    fn next(&mut self, program: Program, ended: Ended) {
        let (next, pause) = self.policy.after(program, ended);
        if next == Program::Shell {
            self.report("0590-605 The menus failed several times in a row");
        }
        self.state = State::Due(next, Instant::now() + pause);
    }

    fn report(&self, text: &str) {
        log::warn!("{}: {text}", self.terminal.name());
        self.say(text);
    }
}

fn path(program: Program) -> &'static str {
    match program {
        Program::Menu | Program::Auto => "/bin/lifeboat",
        Program::Shell => "/bin/sh",
    }
}

fn arguments(program: Program) -> &'static [&'static str] {
    match program {
        Program::Menu => &["menu"],
        Program::Auto => &["menu", "--auto"],
        Program::Shell => &["-l"],
    }
}

fn how(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(_, code) => format!("status {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("signal {}", signal.as_str()),
        other => format!("{other:?}"),
    }
}

/// One line about where we are.
pub fn banner() -> String {
    let kernel = nix::sys::utsname::uname().map_or_else(
        |_| "?".to_owned(),
        |uname| uname.release().to_string_lossy().into_owned(),
    );
    let memory = nix::sys::sysinfo::sysinfo().map_or(0, |info| info.ram_total() >> 20);
    format!(
        "Lifeboat {}, Linux {kernel}, {memory} MiB of usable memory, {:.1} s after the start of the kernel",
        env!("CARGO_PKG_VERSION"),
        kmsg::seconds()
    )
}
