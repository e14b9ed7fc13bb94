//! `lifeboat first-boot`: run by the restored system, once.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

/// Reconfigure devices after a restore (the system runs it once)
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_: &Args) -> Result<ExitCode> {
    let outcome = lifeboat_restore::firstboot::run(Path::new("/"))?;
    let report = outcome.report.display();
    if outcome.failed.is_empty() {
        if outcome.partly.is_empty() {
            println!("The first boot is done; the report is in {report}");
        } else {
            let partly = outcome.partly.join(", ");
            println!(
                "The first boot is done, but lacks something: {partly}; the report is in {report}"
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "lifeboat: 0590-775 The first boot failed in part: {}; the report is in {report}",
        outcome.failed.join(", ")
    );
    Ok(ExitCode::FAILURE)
}
