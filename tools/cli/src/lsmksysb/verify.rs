//! `lsmksysb -V`: everything is read and checked.

use std::process::ExitCode;

use lifeboat_archive::escape;
use serde_json::json;
use std::os::unix::ffi::OsStrExt;

use crate::input::Input;
use crate::progress::Progress;

/// Reads the backup to its end mark and says what is wrong with it.
pub fn verify(input: Input, as_json: bool) -> ExitCode {
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
        println!(
            "{}",
            json!({ "members": members, "bytes": bytes, "damaged": damaged })
        );
    }
    if !report.damaged.is_empty() {
        eprintln!(
            "lifeboat: 0590-714 The backup is damaged: {} findings",
            report.damaged.len()
        );
        return ExitCode::FAILURE;
    }
    if !as_json {
        println!(
            "{} members, {} MiB: every hash is right",
            report.members,
            report.bytes >> 20
        );
    }
    ExitCode::SUCCESS
}
