//! The rescue CD on a person's terminal.

use std::process::ExitCode;

use anyhow::{Context, Result};
use lifeboat_qemu::{Bus, Disk, Format, disk};

use crate::lab::{DISK_BYTES, Lab, Media};

/// The machine to try the CD on
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Memory in MiB, a multiple of 256
    #[arg(long, default_value_t = 1024)]
    memory: u32,
}

/// Boots the CD with the demo backup on it, with a blank disk. Disk and NVRAM
/// stay: a second run boots what the first one restored if the CD says so.
///
/// # Errors
/// When the CD or the machine cannot be made.
pub fn run(media: &Media, args: &Args) -> Result<ExitCode> {
    let lab = Lab::keeping(media, "run")?;
    let iso = lab.cd("demo", Some(&media.backup), None)?;
    let path = lab.path("disk.img");
    if !path.exists() {
        disk::create_blank(&path, DISK_BYTES)?;
    }
    let disk = Disk::new("disk", &path, Format::Raw, Bus::VirtioBlk { slot: 1 }).serial("LBDISK0");
    println!(
        "The machine starts on this terminal; Ctrl-A X ends it. Its disk is {}.",
        path.display()
    );
    let machine = lab
        .machine("machine")
        .memory_mib(args.memory)
        .disk(disk)
        .cd(iso)
        .boot_order("d");
    let status = machine
        .run_on_terminal()?
        .context("QEMU's end was not seen")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
