//! What a person who waits is told: each step's name when it starts, a sign of
//! life while it runs, its time when it ends. With `--verbose` also every
//! program that runs and what it says.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a long step shows that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// Runs one step under its name.
pub fn step<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    eprintln!("{name} ...");
    let (done, waiting) = mpsc::channel::<()>();
    let result = thread::scope(|scope| {
        scope.spawn(move || {
            while waiting.recv_timeout(SIGN_OF_LIFE) == Err(RecvTimeoutError::Timeout) {
                eprintln!(
                    "  still at it after {} s: {name}",
                    start.elapsed().as_secs()
                );
            }
        });
        let result = work();
        // The channel's end, not a message, ends the thread: it ends on a panic too.
        drop(done);
        result
    });
    eprintln!("  {:.1} s", start.elapsed().as_secs_f32());
    result
}

/// Shows log records of this level and above on standard error.
pub fn log_to_stderr(level: log::LevelFilter) {
    static LOGGER: Stderr = Stderr;
    // Refused only when a logger is set already, which then does the same.
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(level);
    }
}

struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("  {}", record.args());
    }

    fn flush(&self) {}
}
