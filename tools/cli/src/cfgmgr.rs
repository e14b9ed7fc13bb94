//! `lifeboat cfgmgr`: configure devices.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::out;

/// Load drivers for all devices, report those that have none
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_: &Args) -> Result<ExitCode> {
    out::print(&lifeboat_devices::cfgmgr::configure(Path::new("/"))?.to_string())?;
    Ok(ExitCode::SUCCESS)
}
