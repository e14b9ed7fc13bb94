//! Judges a restored system with programs that are not ours: the firmware, the
//! system's own tools over its console, and the host's on its disk.

mod boot;
mod disk;
mod files;
pub mod guest;
mod layout;
mod system;

use anyhow::{Context, Result};
use lifeboat_qemu::{Disk, Machine, Running};

pub use self::boot::{boot_alone, load_alone, log_in, shut_down};
pub use self::layout::as_recorded;

use crate::image_data;
use crate::lab::Lab;

/// Boots the disk alone in the machine, with the NVRAM that the restore left, and checks
/// everything that was promised.
///
/// # Errors
/// The first promise that is not kept, with what was found instead.
pub fn restored_system(lab: &Lab, machine: Machine, disk: &Disk) -> Result<()> {
    let recorded = image_data::of_backup(&lab.media.backup)?;
    let mut machine =
        boot_alone(lab, machine.disk(disk.clone())).context("booting the disk alone")?;
    files(&mut machine, lab)?;
    layout::as_recorded(&mut machine, &recorded).context("disk layout")?;
    system::first_boot_done(&mut machine).context("the first boot")?;
    system::state(&mut machine).context("state of the services")?;
    let volumes = disk::volumes(&mut machine).context("where the file systems lie")?;
    shut_down(&mut machine)?;
    drop(machine);
    disk::partition_table(disk, &recorded).context("partition table, seen from the host")?;
    disk::file_systems(lab, disk, &volumes).context("file systems, seen from the host")
}

/// Every file of the demo is there, as tools of the build host saw it.
///
/// # Errors
/// What differs.
pub fn files(machine: &mut Running, lab: &Lab) -> Result<()> {
    files::lists_are_the_hosts(machine, lab).context("lists made on the build host")?;
    files::hashes(machine).context("hashes of the files")?;
    files::attributes(machine).context("attributes of the files")?;
    files::hard_cases(machine).context("files that are hard to back up")?;
    files::packages(machine).context("dpkg --verify")
}

/// Whether a restored system is well: the first boot is done with, no unit has
/// failed, every package's files are as the package has them.
///
/// # Errors
/// What is not.
pub fn well(machine: &mut Running) -> Result<()> {
    system::first_boot_done(machine).context("the first boot")?;
    system::state(machine).context("state of the services")?;
    files::packages(machine).context("dpkg --verify")
}
