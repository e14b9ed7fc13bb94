//! `lifeboat bootlist`: the firmware's boot list.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use lifeboat_boot::{bootlist, ofpath};

use crate::out;

/// Show or set the list of devices that the firmware boots from
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which list; Linux keeps one
    #[arg(short = 'm', value_name = "MODE", value_parser = ["normal"])]
    mode: String,

    /// Show the list, one firmware path a line
    #[arg(short = 'o')]
    show: bool,

    /// Disks in the order wanted, by kernel name
    #[arg(value_name = "DISK", conflicts_with = "show")]
    disks: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let device = Path::new(bootlist::DEVICE);
    ensure!(
        args.show || !args.disks.is_empty(),
        "0590-711 Give -o to show the list, or the disks to set it to"
    );
    if !args.disks.is_empty() {
        let paths: Result<Vec<String>, _> = args
            .disks
            .iter()
            .map(|disk| ofpath::of_path(Path::new("/sys"), disk))
            .collect();
        bootlist::set(device, &paths?)?;
    }
    for path in bootlist::get(device)? {
        out::line(&path)?;
    }
    Ok(ExitCode::SUCCESS)
}
