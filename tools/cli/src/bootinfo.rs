//! `lifeboat bootinfo`: what the machine is and how it was started.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lifeboat_boot::bootinfo::{self, BootType};
use lifeboat_boot::bootlist::{Entry, Present, booted_from};
use lifeboat_boot::ofpath::{Call, network, of_path};
use lifeboat_layout::disks::{self, Disk};

use crate::bootlist::SYS;
use crate::disk_name::kernel;
use crate::out;

/// Show what the machine is, and how it was started
///
/// One flag, one answer. Disks may be named as hdisk0 or sda.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("question").required(true))]
pub struct Args {
    /// The disk or network interface that the last start came from
    #[arg(short = 'b', group = "question")]
    device: bool,

    /// 1 if the firmware can boot from this disk, or 0
    #[arg(short = 'B', group = "question", value_name = "DISK")]
    bootable: Option<String>,

    /// Bits of the kernel: 64
    #[arg(short = 'K', group = "question")]
    kernel: bool,

    /// Bits of the processors: 64 or 32
    #[arg(short = 'y', group = "question")]
    hardware: bool,

    /// The platform: chrp for partitions, powernv for bare metal
    #[arg(short = 'p', group = "question")]
    platform: bool,

    /// The same as -p
    #[arg(short = 'T', group = "question")]
    kind: bool,

    /// 1 if there is more than one processor, or 0
    #[arg(short = 'z', group = "question")]
    multiprocessor: bool,

    /// The memory in KB
    #[arg(short = 'r', group = "question")]
    memory: bool,

    /// The size of this disk in MB
    #[arg(short = 's', group = "question", value_name = "DISK")]
    size: Option<String>,

    /// The machine's model
    #[arg(short = 'm', group = "question")]
    model: bool,

    /// How it was started: 1 disk, 3 CD, 5 network
    #[arg(short = 't', group = "question")]
    boot_type: bool,

    /// 1 if the firmware knows this network adapter, or 0
    #[arg(short = 'q', group = "question", value_name = "ADAPTER")]
    adapter: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    out::line(&answer(args, Path::new(SYS))?)?;
    Ok(ExitCode::SUCCESS)
}

fn answer(args: &Args, sysfs: &Path) -> Result<String> {
    let yes = |yes: bool| u8::from(yes).to_string();
    Ok(if let Some(name) = &args.bootable {
        let disks = disks::probe(Path::new("/"))?;
        let name = kernel(sysfs, &disks, name);
        let firmware = disks.iter().any(|disk| disk.name == name && disk.bootable);
        yes(firmware && of_path(sysfs, &name).is_ok())
    } else if let Some(name) = &args.size {
        let disks = disks::probe(Path::new("/"))?;
        bootinfo::disk_mib(sysfs, &kernel(sysfs, &disks, name))?.to_string()
    } else if let Some(name) = &args.adapter {
        yes(network(sysfs, name, Call::default()).is_ok())
    } else if args.device {
        started_from(sysfs)?
    } else if args.boot_type {
        let entry = Present::probe(sysfs).find(&path(sysfs)?);
        let kind = BootType::of(&entry);
        let kind = kind.context("0590-427 The device of the last start is not there any more")?;
        (kind as u8).to_string()
    } else if args.kernel {
        // A program of 64 bits runs on a kernel of 64 bits only.
        usize::BITS.to_string()
    } else if args.hardware {
        bootinfo::hardware_bits(sysfs)?.to_string()
    } else if args.multiprocessor {
        yes(bootinfo::is_multiprocessor(sysfs))
    } else if args.memory {
        bootinfo::memory_kib(sysfs)?.to_string()
    } else if args.model {
        bootinfo::model(sysfs)?
    } else {
        bootinfo::platform(sysfs)?
    })
}

fn path(sysfs: &Path) -> Result<String> {
    booted_from(sysfs).context("0590-426 The firmware does not say what it has booted from")
}

fn started_from(sysfs: &Path) -> Result<String> {
    let path = path(sysfs)?;
    Ok(match Present::probe(sysfs).find(&path) {
        Entry::Block(name) => {
            let disks = disks::probe(Path::new("/"))?;
            let is_it = |disk: &&Disk| disk.name == name || disk.paths.contains(&name);
            match (disks.iter().find(is_it), name.strip_prefix("sr")) {
                (Some(disk), _) => disk.hdisk.clone(),
                (None, Some(number)) => format!("cd{number}"),
                (None, None) => name,
            }
        }
        Entry::Network(name, _) => name,
        // The path says more than nothing.
        Entry::Unknown | Entry::Stale => path,
    })
}
