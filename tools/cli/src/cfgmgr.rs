//! `lifeboat cfgmgr`: configure devices.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

/// Look at every device, load missing drivers, report what has none
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_: &Args) -> Result<ExitCode> {
    print!("{}", lifeboat_devices::cfgmgr::configure(Path::new("/"))?);
    Ok(ExitCode::SUCCESS)
}
