//! `lsmksysb -B`: the backups that this system has written.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use lifeboat_backup::log::{self, Entry, LOG};
use serde_json::json;

use super::print::{Form, Table};
use crate::out;

/// Prints the log, the newest backup last.
///
/// # Errors
/// When it cannot be read.
pub fn print(form: Form) -> Result<ExitCode> {
    let entries = log::entries(Path::new(LOG))?;
    match form {
        Form::Json => {
            let values: Vec<_> = entries.iter().map(value).collect();
            out::line(&json!(values).to_string())?;
        }
        Form::Colons => out::print(&table(&entries).colons())?,
        Form::Aligned if entries.is_empty() => out::line("No backup was written yet.")?,
        Form::Aligned => out::print(&table(&entries).aligned())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[Entry]) -> Table<'static> {
    let row = |entry: &Entry| {
        vec![
            entry.date.clone(),
            entry.shrink_size.to_string(),
            entry.full_size.to_string(),
            entry.level.clone(),
            entry.device.clone(),
            entry.command.clone(),
        ]
    };
    Table {
        title: None,
        columns: &[
            ("DATE", 28),
            ("SHRINK MB", 9),
            ("FULL MB", 9),
            ("OSLEVEL", 28),
            ("DEVICE", 32),
            ("COMMAND", 0),
        ],
        rows: entries.iter().map(row).collect(),
    }
}

fn value(entry: &Entry) -> serde_json::Value {
    json!({
        "device": entry.device, "command": entry.command, "date": entry.date,
        "shrink_size_mb": entry.shrink_size, "size_mb": entry.full_size, "os_level": entry.level,
    })
}
