//! The log of PID 1: lines for the kernel's log and a file in `/run`.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use heapless::HistoryBuf;
use lifeboat_sys::fs::{FsError, PathContext, create_dir_all};
use log::{Level, LevelFilter, Log, Metadata, Record};
use nix::time::{ClockId, clock_gettime};

/// The kernel cuts longer lines into pieces that may be torn apart.
const LONGEST: usize = 900;
/// Lines kept until `/dev/kmsg` is there: `/dev` is mounted first of all.
const EARLY: usize = 8;

const DIRECTORY: &str = "/run/lifeboat";
const FILE: &str = "/run/lifeboat/init.log";

/// A line without its end; what is too long is cut, and control characters
/// that would end it or drive a terminal become blanks.
#[derive(Debug, Default, Clone)]
pub struct Line(heapless::String<LONGEST>);

impl Line {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        // The first character that does not fit ends the line and its formatting.
        clean
            .try_for_each(|c| self.0.push(c))
            .map_err(|_| fmt::Error)
    }
}

struct Sinks {
    early: HistoryBuf<(Level, Line), EARLY>,
    kmsg: Option<File>,
    file: Option<File>,
}

/// The logger; there is one.
struct KernelLog(Mutex<Sinks>);

static LOG: KernelLog = KernelLog(Mutex::new(Sinks {
    early: HistoryBuf::new(),
    kmsg: None,
    file: None,
}));

/// Starts logging; lines are kept until [`open`].
pub fn start() {
    // Only fails when there is a logger already, and this is called once.
    if log::set_logger(&LOG).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Opens `/dev/kmsg` and the file, and writes what was kept. What cannot be
/// opened is logged to the other.
pub fn open() {
    let kmsg = OpenOptions::new()
        .write(true)
        .open("/dev/kmsg")
        .at("open", "/dev/kmsg");
    let (kmsg, no_kmsg) = split(kmsg);
    let (file, no_file) = split(open_file());
    let mut sinks = LOG.sinks();
    sinks.kmsg = kmsg;
    sinks.file = file;
    let early = std::mem::take(&mut sinks.early);
    for (level, line) in early.oldest_ordered() {
        sinks.write(*level, line);
    }
    drop(sinks);
    for error in [no_kmsg, no_file].into_iter().flatten() {
        log::warn!("{error}: {}", error.source);
    }
}

fn open_file() -> Result<File, FsError> {
    create_dir_all(DIRECTORY)?;
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(FILE)
        .at("open", FILE)
}

fn split<T, E>(result: Result<T, E>) -> (Option<T>, Option<E>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    }
}

impl KernelLog {
    /// Between any two statements the sinks are whole, also after a panic.
    fn sinks(&self) -> MutexGuard<'_, Sinks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sinks {
    /// Errors have nowhere to go: this is where they would be told.
    fn write(&mut self, level: Level, line: &Line) {
        let text = line.as_str();
        if let Some(kmsg) = &mut self.kmsg {
            // One write is one record.
            let _ = kmsg.write_all(record(level, text).as_bytes());
        }
        if let Some(file) = &mut self.file {
            let _ = writeln!(file, "[{:9.3}] {level:5} {text}", seconds());
        }
    }
}

/// The kernel's syntax: severity as in syslog(2), then the text.
fn record(level: Level, text: &str) -> String {
    let severity = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    format!("<{severity}>lifeboat: {text}\n")
}

impl Log for KernelLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, entry: &Record<'_>) {
        let mut line = Line::default();
        // An error says that the line was cut.
        let _ = write!(line, "{}", entry.args());
        let mut sinks = self.sinks();
        if sinks.kmsg.is_some() || sinks.file.is_some() {
            sinks.write(entry.level(), &line);
        } else {
            sinks.early.write((entry.level(), line));
        }
    }

    fn flush(&self) {}
}

/// Seconds since the kernel started.
pub fn seconds() -> f64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map_or(0.0, |time| std::time::Duration::from(time).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let mut line = Line::default();
        let (long, last) = ("x".repeat(LONGEST - 1), 'y');
        assert!(write!(line, "{long}ä{last}").is_err());
        assert_eq!(line.as_str(), long);
    }

    #[test]
    fn a_line_is_one_line() {
        let mut line = Line::default();
        write!(line, "two\nlines\x1b[2J").unwrap();
        assert_eq!(line.as_str(), "two lines [2J");
        assert_eq!(
            record(Level::Warn, line.as_str()),
            "<4>lifeboat: two lines [2J\n"
        );
    }

    #[test]
    fn lines_are_kept_until_there_is_a_place_for_them() {
        let mut early = HistoryBuf::<(Level, Line), EARLY>::new();
        for at in 0..EARLY + 2 {
            let mut line = Line::default();
            write!(line, "{at}").unwrap();
            early.write((Level::Info, line));
        }
        let kept: Vec<&str> = early
            .oldest_ordered()
            .map(|(_, line)| line.as_str())
            .collect();
        assert_eq!(kept, ["2", "3", "4", "5", "6", "7", "8", "9"]);
    }
}
