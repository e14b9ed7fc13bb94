//! `lifeboat mksysb`: write a system backup.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use lifeboat_archive::{CreateOptions, Everything, Info, Source, Summary, Tree, create_file};
use lifeboat_sys::fs::read;
use nix::sys::utsname::uname;

use crate::progress::Progress;

/// Write a system backup of a directory tree
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Root directory of the system to back up
    #[arg(long, value_name = "DIR")]
    tree: PathBuf,

    /// Description of its disks, volumes and file systems
    #[arg(long, value_name = "FILE")]
    image_data: PathBuf,

    /// Answers for an installation without questions
    #[arg(long, value_name = "FILE")]
    bosinst_data: PathBuf,

    /// The backup to write; it appears under this name only when complete
    #[arg(value_name = "FILE")]
    target: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let summary = Summary {
        bosinst: read(&args.bosinst_data)?,
        image: read(&args.image_data)?,
        info: info()?,
    };
    let trees = [Tree {
        at: "/".into(),
        from: args.tree.clone(),
    }];
    let source = Source {
        summary,
        trees: &trees,
        selection: &Everything,
        one_file_system: false,
    };
    let mut progress = Progress::on_stderr();
    let report = create_file(&args.target, &source, &CreateOptions::default(), &mut |p| {
        progress.show(p.done, p.total);
    });
    progress.end();
    let report = report?;
    let troubles: Vec<_> = report.left_out.iter().chain(&report.changed).collect();
    for trouble in &troubles {
        eprintln!("lifeboat: {trouble}");
    }
    let totals = report.totals;
    println!(
        "{}: {} members, {} MiB in {} MiB",
        args.target.display(),
        totals.members,
        totals.bytes_raw >> 20,
        totals.bytes_compressed >> 20
    );
    ensure!(
        troubles.is_empty(),
        "0590-713 {} files are not in the backup as they were",
        troubles.len()
    );
    Ok(ExitCode::SUCCESS)
}

fn info() -> Result<Info> {
    Ok(Info {
        tool: format!("lifeboat {}", env!("CARGO_PKG_VERSION")),
        kernel: uname()
            .context("asking for the kernel's release")?
            .release()
            .to_string_lossy()
            .into_owned(),
        date: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    })
}
