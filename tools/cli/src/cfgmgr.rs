//! `lifeboat cfgmgr`: configure devices.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lifeboat_devices::cfgmgr::{Report, Request, configure};
use lifeboat_devices::packages;
use lifeboat_devices::phase::Phase;
use lifeboat_layout::disks;
use lifeboat_sys::fs;

use crate::disk_name::kernel;
use crate::{devinstall, out};

/// Configure devices, and name the software that they lack
///
/// Without flags: phase 2 on a running system, phase 3 on the rescue image. Only what
/// changed is printed, and what is lacking; the exit status is 1 when a device lacks
/// software.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("phases").args(["first", "second", "phase"]))]
pub struct Args {
    /// Phase 1: drivers of storage only
    #[arg(short = 'f')]
    first: bool,

    /// Phase 2: all drivers, then network, multipath, arrays, volume groups
    #[arg(short = 's')]
    second: bool,

    /// Phase 1, 2, or 3: all drivers, nothing is switched on
    #[arg(short = 'p', value_name = "PHASE", value_parser = clap::value_parser!(u8).range(1..=3))]
    phase: Option<u8>,

    /// One device (hdisk0, sda, eth0, host0, 0000:00:01.0) and what is behind it
    #[arg(short = 'l', value_name = "NAME")]
    name: Option<String>,

    /// Install what is lacking: from a directory, a device or image with packages,
    /// one package, or repository
    #[arg(short = 'i', value_name = "SOURCE")]
    source: Option<PathBuf>,

    /// Write the names of the packages that are lacking, one a line
    #[arg(long, value_name = "FILE")]
    missing: Option<PathBuf>,

    /// Print every device
    #[arg(short = 'v')]
    verbose: bool,

    /// Print everything as JSON
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
}

impl Args {
    fn request(&self) -> Result<Request> {
        let phase = match self.phase {
            _ if self.first => Some(Phase::Boot),
            _ if self.second => Some(Phase::Run),
            number => number.and_then(Phase::of_number),
        };
        // On the rescue image the disks are somebody's whose system does not start.
        let usual = || match lifeboat_menu::in_rescue_image() {
            true => Phase::Service,
            false => Phase::Run,
        };
        let only = match &self.name {
            Some(name) if name.starts_with("hdisk") => {
                let disks = disks::probe(Path::new("/"))?;
                Some(kernel(Path::new("/sys"), &disks, name))
            }
            name => name.clone(),
        };
        Ok(Request {
            phase: phase.unwrap_or_else(usual),
            only,
            thorough: self.verbose || self.json,
        })
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let root = Path::new("/");
    let mut report = configure(root, &args.request()?)?;
    print_changes(args, &report)?;
    let mut refused = Vec::new();
    if let Some(source) = &args.source
        && report.lacking.iter().any(|lack| lack.needed)
    {
        let supplied = packages::supply(root, &report, source)?;
        if !args.json {
            devinstall::tell(&supplied)?;
        }
        refused = supplied.refused;
        if !supplied.installed.is_empty() {
            report = configure(root, &args.request()?)?;
            print_changes(args, &report)?;
        }
    }
    print(args, &report)?;
    for sentence in &refused {
        eprintln!("{sentence}");
    }
    if let Some(file) = &args.missing {
        let lines = report
            .packages()
            .into_iter()
            .map(|name| format!("{name}\n"));
        fs::write(file, lines.collect::<String>())?;
    }
    Ok(if report.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints what a run has changed, where not everything is printed.
fn print_changes(args: &Args, report: &Report) -> Result<()> {
    if args.json || args.verbose {
        return Ok(());
    }
    let mut changes = report.changes().into_iter();
    changes.try_for_each(|change| out::line(&change))
}

/// Prints everything, or what is not in order.
fn print(args: &Args, report: &Report) -> Result<()> {
    if args.json {
        let json = serde_json::to_string_pretty(report);
        return out::line(&json.context("0590-750 The report cannot be written as JSON")?);
    }
    if args.verbose {
        return out::print(&report.to_string());
    }
    for complaint in report.complaints() {
        eprintln!("{complaint}");
    }
    Ok(())
}
