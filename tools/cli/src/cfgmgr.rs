//! `lifeboat cfgmgr`: configure devices.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

/// Load drivers for all devices, report those that have none
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_: &Args) -> Result<ExitCode> {
    print!("{}", lifeboat_devices::cfgmgr::configure(Path::new("/"))?);
    Ok(ExitCode::SUCCESS)
}
