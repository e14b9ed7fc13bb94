//! `restore-…`: a system backup restored onto a machine that is not the one it was
//! made on.

mod bad_disks;
mod encrypted;
mod hardware;
pub mod layouts;
mod mirror;
mod multipath;
mod neighbours;
mod powercut;
mod sizes;

pub use hardware::{large_sectors, nvme, vscsi};
pub use layouts::{bookworm, btrfs, dracut, lvm, maps, md, nolvm};
pub use neighbours::keeps_data_vg;
pub use sizes::{larger, smaller};

pub use bad_disks::run as bad_disk;
pub use encrypted::{header as luks_header, luks};
pub use mirror::{to_one, two_disks};
pub use multipath::run as multipath;
pub use powercut::run as powercut;

use std::path::Path;

use anyhow::{Context, Result};
use lifeboat_qemu::Machine;

use crate::lab::Lab;
use crate::{limits, menus};

/// Nobody is asked; only empty disks may be taken.
const UNATTENDED: &str = "control_flow:
    CONSOLE = Default
    INSTALL_METHOD = overwrite
    PROMPT = no
    EXISTING_SYSTEM_OVERWRITE = no
";

/// Restores a backup unattended on this machine, which then ends by itself.
pub fn unattended(lab: &Lab, backup: &Path, machine: Machine) -> Result<()> {
    let cd = lab.cd("unattended", Some(backup), Some(UNATTENDED))?;
    let mut machine = lab.power_on(machine.cd(cd).no_reboot())?;
    menus::verdict(&mut machine).context("restoring")?;
    machine
        .wait_exit(limits::power_off())
        .context("ending by itself")?;
    Ok(())
}

/// Restores a backup by the menus, with settings changed before.
fn by_menu(lab: &Lab, backup: &Path, machine: Machine, changes: &[&str]) -> Result<()> {
    let cd = lab.cd("menu", Some(backup), None)?;
    let mut machine = lab.power_on(machine.cd(cd))?;
    menus::agree_with(&mut machine, changes).context("going through the menus")?;
    menus::verdict(&mut machine).context("restoring")?;
    menus::power_off(&mut machine).context("powering off")
}
