//! `lsmksysb -V`: everything is read and checked.

use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use anyhow::Result;
use lifeboat_archive::escape;
use serde_json::json;

use crate::input::Input;
use crate::out;
use crate::progress::Progress;

/// Reads the backup to its end mark and says what is wrong with it.
///
/// # Errors
/// When standard output takes no more.
pub fn verify(input: Input, as_json: bool) -> Result<ExitCode> {
    let mut progress = Progress::on_stderr();
    let report = input.verify(&mut |p| progress.show(p.done, p.total));
    progress.end();
    for finding in &report.damaged {
        eprintln!("lifeboat: {finding}");
    }
    if as_json {
        let damaged: Vec<_> = report
            .damaged
            .iter()
            .map(|finding| {
                let path = escape(finding.path.as_os_str().as_bytes());
                json!({ "path": path, "message": finding.to_string() })
            })
            .collect();
        let (members, bytes) = (report.members, report.bytes);
        let value = json!({ "members": members, "bytes": bytes, "damaged": damaged });
        out::line(&value.to_string())?;
    }
    if !report.damaged.is_empty() {
        eprintln!(
            "lifeboat: 0590-714 The backup is damaged: {} findings",
            report.damaged.len()
        );
        return Ok(ExitCode::FAILURE);
    }
    if !as_json {
        out::line(&format!(
            "{} members, {} MiB: every hash is right",
            report.members,
            report.bytes >> 20
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
