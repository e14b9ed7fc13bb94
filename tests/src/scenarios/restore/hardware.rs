//! The demo's backup on other adapters and other disks.

use anyhow::{Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, Machine, Network, disk};

use super::unattended;
use crate::judge;
use crate::judge::guest::ask;
use crate::lab::{DISK_BYTES, Lab};

/// Enough for PReP and `/boot`.
const BOOT_DISK_BYTES: u64 = 512 << 20;

/// A backup of a machine with virtio disks and network, on PowerVM's adapters.
pub fn vscsi(lab: &Lab) -> Result<()> {
    let machine = || lab.machine("machine").network(Network::SpaprVlan);
    onto(lab, &machine, &blank(lab, Bus::Vscsi { id: 1 })?)
}

/// A disk whose sectors are eight times as long as the source's.
pub fn large_sectors(lab: &Lab) -> Result<()> {
    let disk = blank(lab, Bus::VirtioScsi { id: 1 })?.sector(4096);
    onto(lab, &|| lab.machine("machine"), &disk)
}

/// The firmware cannot boot from NVMe: PReP and `/boot` go to a small disk that it
/// knows, everything else to the NVMe disk, without anybody being asked.
pub fn nvme(lab: &Lab) -> Result<()> {
    let small = lab.path("small.img");
    disk::create_blank(&small, BOOT_DISK_BYTES)?;
    let small = Disk::new("small", small, Format::Raw, Bus::Vscsi { id: 1 }).serial("LBSMALL");
    let large = blank(lab, Bus::Nvme { slot: 1 })?;
    let machine = || {
        let machine = lab.machine("machine").disk(small.clone());
        machine.disk(large.clone())
    };
    unattended(lab, &lab.media.backup, machine())?;
    let mut machine = judge::boot_alone(lab, machine())?;
    for (mount, disk) in [("/boot", "/dev/sda"), ("/var", "nvme0n1"), ("/", "nvme0n1")] {
        let under = ask(
            &mut machine,
            &format!("lsblk -s -n -l -p -o NAME $(findmnt -n -o SOURCE {mount})"),
        )?;
        ensure!(under.contains(disk), "{mount} lies on\n{under}");
    }
    judge::files(&mut machine, lab)?;
    judge::well(&mut machine)?;
    judge::shut_down(&mut machine)
}

fn blank(lab: &Lab, bus: Bus) -> Result<Disk> {
    let path = lab.path("disk.img");
    disk::create_blank(&path, DISK_BYTES)?;
    Ok(Disk::new("disk", path, Format::Raw, bus).serial("LBOTHER"))
}

/// Restores unattended onto the only disk, and judges what boots from it.
fn onto(lab: &Lab, machine: &dyn Fn() -> Machine, disk: &Disk) -> Result<()> {
    unattended(lab, &lab.media.backup, machine().disk(disk.clone()))?;
    judge::restored_system(lab, machine(), disk)
}
