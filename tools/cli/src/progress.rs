//! Progress of long commands on standard error: one line that is rewritten on a
//! terminal, a plain line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use lifeboat_menu::progress;

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

    /// Shows `done` of `total` bytes, if it is time to; a total that is not known shows no share.
    pub fn show(&mut self, done: u64, total: Option<u64>) {
        let pause = Duration::from_secs(if self.terminal { 1 } else { 20 });
        if self.shown.unwrap_or(self.start).elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let line = total.map_or_else(
            || format!("{} MiB", done >> 20),
            |total| progress::line(done, total, self.start.elapsed()),
        );
        if self.terminal {
            eprint!("\r{line:<79}");
            // Progress that cannot be shown stops nothing.
            let _ = stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// Ends the line.
    pub fn end(&self) {
        if self.terminal && self.shown.is_some() {
            eprintln!();
        }
    }
}
