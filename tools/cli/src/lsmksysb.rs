//! `lifeboat lsmksysb`: what a system backup holds, and whether it is sound.

use std::io::{BufWriter, ErrorKind, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lifeboat_archive::{Backup, escape};
use lifeboat_restore::source::describe;
use serde_json::json;

use crate::progress::Progress;

/// List, summarise or check a system backup
///
/// Without -l or -V the files are listed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The backup
    #[arg(short = 'f', value_name = "FILE")]
    file: PathBuf,

    /// Summary: when it was made, of what, how large
    #[arg(short = 'l', conflicts_with = "verify")]
    summary: bool,

    /// Read everything and check every hash
    #[arg(short = 'V')]
    verify: bool,

    /// The summary as JSON
    #[arg(long, requires = "summary")]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let backup = Backup::open(&args.file)?;
    if args.verify {
        return Ok(verify(&backup));
    }
    if args.summary {
        summary(&backup, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    list(&backup)
}

fn summary(backup: &Backup, as_json: bool) {
    let totals = backup.totals();
    let info = &backup.summary().info;
    if as_json {
        let value = json!({
            "tool": info.tool, "kernel": info.kernel, "date": info.date,
            "members": totals.members, "bytes": totals.bytes_raw, "bytes_compressed": totals.bytes_compressed,
        });
        println!("{value}");
        return;
    }
    println!("System:      {}", describe(backup.summary()));
    println!("Written by:  {} on kernel {}", info.tool, info.kernel);
    println!("Members:     {}", totals.members);
    println!(
        "Size:        {} MiB in {} MiB",
        totals.bytes_raw >> 20,
        totals.bytes_compressed >> 20
    );
    println!("\n{}", String::from_utf8_lossy(&backup.summary().image));
}

fn list(backup: &Backup) -> Result<ExitCode> {
    let manifest = backup.manifest()?;
    let mut out = BufWriter::new(stdout().lock());
    for entry in manifest.entries() {
        let line = writeln!(out, "{:>12} {}", entry.size, escape(&entry.path));
        match line {
            // A reader that has seen enough, as `head`, is no error.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            other => other?,
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn verify(backup: &Backup) -> ExitCode {
    let mut progress = Progress::on_stderr();
    let report = backup.verify(&mut |p| progress.show(p.done, p.total));
    progress.end();
    for finding in &report.damaged {
        eprintln!("lifeboat: {finding}");
    }
    if report.damaged.is_empty() {
        println!(
            "{} members, {} MiB: every hash is right",
            report.members,
            report.bytes >> 20
        );
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "lifeboat: 0590-714 The backup is damaged: {} findings",
        report.damaged.len()
    );
    ExitCode::FAILURE
}
