//! The demo's backup on other adapters and other disks.

use anyhow::{Context, Result};
use lifeboat_qemu::{Bus, Disk, Format, Machine, Network, disk};

use super::UNATTENDED;
use crate::lab::{DISK_BYTES, Lab};
use crate::{judge, limits, menus};

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

fn blank(lab: &Lab, bus: Bus) -> Result<Disk> {
    let path = lab.path("disk.img");
    disk::create_blank(&path, DISK_BYTES)?;
    Ok(Disk::new("disk", path, Format::Raw, bus).serial("LBOTHER"))
}

/// Restores unattended onto the only disk, and judges what boots from it.
fn onto(lab: &Lab, machine: &dyn Fn() -> Machine, disk: &Disk) -> Result<()> {
    let cd = lab.cd("unattended", Some(&lab.media.backup), Some(UNATTENDED))?;
    let installing = machine().disk(disk.clone()).cd(cd).no_reboot();
    let mut installing = lab.power_on(installing)?;
    menus::verdict(&mut installing).context("restoring")?;
    installing
        .wait_exit(limits::power_off())
        .context("ending by itself")?;
    drop(installing);
    judge::restored_system(lab, machine(), disk)
}
