//! Where log lines go: to a file in the rescue image (it ends up on the
//! restored disk), to standard error everywhere else.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;
use lifeboat_sys::fs::{PathContext, create_dir_all};
use log::{LevelFilter, Log, Metadata, Record};

use crate::progress;

struct FileLog {
    file: Mutex<File>,
    start: Instant,
}

impl Log for FileLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let seconds = self.start.elapsed().as_secs_f64();
        let line = format!("[{seconds:9.3}] {:5} {}\n", record.level(), record.args());
        // A log that cannot be written must not stop a restore.
        if let Ok(mut file) = self.file.lock() {
            let _ = file.write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

struct ErrorLog;

impl Log for ErrorLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        // Errors reach the operator once, as the command's own last words.
        if record.level() > log::Level::Error && self.enabled(record.metadata()) {
            progress::clear();
            eprintln!("lifeboat: {}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Appends everything to `path`.
pub fn to_file(path: &str) -> Result<()> {
    if let Some(parent) = Path::new(path).parent() {
        create_dir_all(parent)?;
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .at("open", path)?;
    log::set_boxed_logger(Box::new(FileLog {
        file: Mutex::new(file),
        start: Instant::now(),
    }))?;
    log::set_max_level(LevelFilter::Debug);
    Ok(())
}

/// Warnings to standard error; with [`log::set_max_level`] more than that.
pub fn to_stderr() {
    // Only fails when a logger is set already, and this is called once.
    if log::set_logger(&ErrorLog).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

/// Also what is done: the programs that run.
pub fn verbose() {
    log::set_max_level(LevelFilter::Info);
}
