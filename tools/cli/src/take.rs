//! Taking files out of a backup.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lifeboat_archive::{ExtractOptions, ExtractReport, Trouble, escape};
use nix::unistd::geteuid;

use crate::input::Input;
use crate::out;
use crate::progress::Progress;
use crate::stop;

/// Which files, and how.
#[derive(Debug)]
pub struct Wish {
    /// The directory below which they are restored.
    pub directory: PathBuf,
    /// Their paths; all if there are none.
    pub names: Vec<OsString>,
    /// Whether extended attributes, and so access control lists, are restored.
    pub attributes: bool,
    /// Whether files get the time that they had.
    pub times: bool,
    /// Print each path.
    pub verbose: bool,
}

/// Restores the files, and says what was not restored as it was.
///
/// # Errors
/// When nothing more can be read or written.
pub fn take(input: Input, wish: Wish) -> Result<ExitCode> {
    let options = ExtractOptions {
        only: wish.names.into_iter().map(OsString::into_vec).collect(),
        attributes: wish.attributes,
        times: wish.times,
        each: wish.verbose.then_some(name as fn(&[u8])),
        stop: Some(stop::on_signals(stop::Again::EndsAtOnce)?),
        ..ExtractOptions::default()
    };
    let mut progress = Progress::on_stderr();
    let report = input.extract(&wish.directory, &options, &mut |p| {
        progress.show(p.done, p.total);
    });
    progress.end();
    let report = report?;
    let wrong = tell(&report);
    let all = report.files + report.directories + report.links + report.others;
    out::line(&format!(
        "{all} files, {} MiB restored below {}",
        report.bytes >> 20,
        wish.directory.display()
    ))?;
    if wrong == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("lifeboat: 0590-733 Files that are not as they are in the backup: {wrong}");
    Ok(ExitCode::FAILURE)
}

/// Says that a file is being restored. When nobody listens any more the restore goes on.
fn name(path: &[u8]) {
    let _ = out::line(&format!("x {}", escape(path)));
}

/// Prints what was not restored as it was, and counts it. Somebody who is not root
/// cannot give files away: that is said once.
fn tell(report: &ExtractReport) -> usize {
    let is_root = geteuid().is_root();
    let mut owners = 0;
    for finding in report.damaged.iter().chain(&report.refused) {
        match finding.trouble {
            Trouble::MetadataRefused { what: "owner", .. } if !is_root => owners += 1,
            _ => eprintln!("lifeboat: {finding}"),
        }
    }
    if owners > 0 {
        eprintln!(
            "lifeboat: 0590-734 Only root can give files to others; files that are yours now: {owners}"
        );
    }
    report.damaged.len() + report.refused.len()
}
