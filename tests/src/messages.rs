//! Log records, for a person who watches.

use log::{LevelFilter, Log, Metadata, Record};

/// Shows log records of this level and above on standard error.
pub fn to_stderr(level: LevelFilter) {
    // Refused only when it was set already: it is the same one.
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(level);
    }
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        eprintln!("  {}", record.args());
    }

    fn flush(&self) {}
}
