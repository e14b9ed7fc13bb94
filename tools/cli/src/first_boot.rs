//! `lifeboat first-boot`: run by the restored system, once.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

/// Reconfigure devices after a restore (the system runs it once)
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_: &Args) -> Result<ExitCode> {
    let report = lifeboat_restore::firstboot::run(Path::new("/"))?;
    println!(
        "Devices were reconfigured; the report is in {}",
        report.display()
    );
    Ok(ExitCode::SUCCESS)
}
