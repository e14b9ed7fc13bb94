//! `lifeboat bosboot`: what lies between the firmware and the kernel.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use lifeboat_boot::bosboot::Job;
use lifeboat_boot::chroot::Chroot;
use lifeboat_boot::machine::{self, Machine};
use lifeboat_boot::prep::{self, Prep};
use lifeboat_sys::error::chain;
use nix::unistd::geteuid;

use crate::{accessed, out};

/// The only kind of machine there is; AIX has had others.
const PLATFORM: &str = "chrp";

/// Make boot images and boot records anew, or check them
///
/// The boot image (initramfs) of each kernel is made by the system's own tool, the boot
/// record by its grub-install, for every PReP partition of the root volume group. The new
/// boot record is complete and checked before the old one is overwritten, and it is read
/// back. Where the system has no GRUB, or GRUB fails, a core of Lifeboat's own is written,
/// which reads the system's configuration.
///
/// In the rescue image it works on the system that *Access a Root Volume Group* has
/// mounted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Make boot images and boot records anew
    #[arg(short = 'a', required_unless_present = "verify")]
    all: bool,

    /// Only the PReP partitions on this disk, as hdisk0 or vda
    #[arg(short = 'd', value_name = "DISK")]
    disk: Option<String>,

    /// Only this PReP partition, as vda1 (hd5 is any)
    #[arg(short = 'l', value_name = "LV")]
    volume: Option<String>,

    /// Only the boot image of this kernel: its version, or its path in /boot
    #[arg(short = 'k', value_name = "KERNEL")]
    kernel: Option<String>,

    /// The kind of machine; Power has one
    #[arg(short = 'T', value_name = "TYPE", value_parser = [PLATFORM])]
    platform: Option<String>,

    /// Check what is there, and write nothing
    #[arg(short = 'v')]
    verify: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(
        geteuid().is_root(),
        "0590-718 Only root can read and write boot records"
    );
    accessed::enter()?;
    let machine = Machine::of(Path::new(machine::TREE));
    let mut preps = prep::of_system(Path::new("/"))?;
    let all = preps.len();
    preps.retain(|prep| args.means(prep));
    ensure!(
        !preps.is_empty() || all == 0,
        "0590-719 No PReP partition of the root volume group is the one named by -d or -l"
    );
    let job = Job {
        chroot: &Chroot::here(),
        preps: preps.into_iter().map(|prep| prep.device).collect(),
        machine,
        renamed: false,
    };
    let kernels = job.kernels(args.kernel.as_deref())?;
    if !args.verify {
        let mut told = Ok(());
        job.build(&kernels, &mut |line| {
            let line = out::line(&format!("bosboot: {line}"));
            told = std::mem::replace(&mut told, Ok(())).and(line);
        })?;
        told?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut status = ExitCode::SUCCESS;
    for found in job.verify(&kernels) {
        match found {
            Ok(line) => out::line(&format!("bosboot: {line}"))?,
            Err(error) => {
                eprintln!("lifeboat: {}", chain(&error));
                status = ExitCode::FAILURE;
            }
        }
    }
    Ok(status)
}

impl Args {
    fn means(&self, prep: &Prep) -> bool {
        let plain = |name: &str| name.trim_start_matches("/dev/").to_owned();
        let disk = self.disk.as_deref().map(plain);
        let volume = self.volume.as_deref().map(plain);
        let disk_fits = disk.is_none_or(|disk| disk == "ipldevice" || is_disk(prep, &disk));
        // AIX keeps its boot record on the logical volume hd5.
        let volume_fits = volume
            .is_none_or(|volume| volume == "hd5" || Path::new("/dev").join(&volume) == prep.device);
        disk_fits && volume_fits
    }
}

/// By the kernel's name, or by number in the order of the places in the machine.
fn is_disk(prep: &Prep, name: &str) -> bool {
    if prep.disk == name {
        return true;
    }
    let disks = lifeboat_layout::disks::present().unwrap_or_default();
    let mut disks = disks.iter().filter(|disk| disk.hdisk == name);
    disks.any(|disk| disk.name == prep.disk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Option<Args> {
        let words = std::iter::once("bosboot").chain(words.iter().copied());
        Some(Line::try_parse_from(words).ok()?.args)
    }

    #[test]
    fn the_command_line_is_that_of_aix() {
        let prep = |disk: &str, device: &str| Prep {
            disk: disk.into(),
            device: device.into(),
        };
        let one = prep("vda", "/dev/vda1");
        for words in [
            &["-a"][..],
            &["-ad", "/dev/vda"],
            &["-a", "-d", "/dev/ipldevice", "-T", "chrp"],
            &["-a", "-l", "/dev/hd5", "-d", "vda"],
            &["-v", "-l", "vda1"],
        ] {
            assert!(parse(words).unwrap().means(&one), "{words:?}");
        }
        let other = prep("vdb", "/dev/vdb1");
        assert!(!parse(&["-ad", "vda"]).unwrap().means(&other));
        assert!(!parse(&["-a", "-l", "vda1"]).unwrap().means(&other));
        for words in [&[][..], &["-d", "vda"], &["-a", "-T", "rspc"]] {
            assert!(parse(words).is_none(), "{words:?}");
        }
    }
}
