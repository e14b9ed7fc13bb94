//! `restore-two-disks-mirror`: a root volume group mirrored over two disks comes back as
//! such, and each disk boots without the other.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Disk, nvram};

use super::layouts;
use crate::judge::guest::ask;
use crate::lab::Lab;
use crate::{judge, limits, texts};

pub fn two_disks(lab: &Lab) -> Result<()> {
    let disks = layouts::disks(lab, &layouts::MIRROR)?;
    layouts::restore(lab, &layouts::MIRROR, &disks)?;
    layouts::judge(lab, &layouts::MIRROR, &disks)?;
    let list = nvram::variable(&lab.machine("machine").nvram_path(), "boot-device")?;
    let list = list.context("NVRAM has no boot-device")?;
    ensure!(
        list.split_whitespace().count() >= disks.len(),
        "the boot list is {list:?}"
    );
    for disk in &disks {
        without_the_other(lab, disk)?;
    }
    Ok(())
}

/// The firmware goes on to the disk that is there, and the system comes up on it.
fn without_the_other(lab: &Lab, disk: &Disk) -> Result<()> {
    let mut machine = lab.power_on(lab.machine("machine").disk(disk.clone()))?;
    let loaded = texts::FIRMWARE_OUTCOMES[0];
    machine.expect(loaded, limits::to_menu())?;
    judge::log_in(&mut machine)?;
    let missing = ask(&mut machine, "pvs --noheadings -o pv_missing 2>/dev/null")?;
    ensure!(
        missing.contains("missing"),
        "no disk is missing:\n{missing}"
    );
    ask(&mut machine, "findmnt -n -o SOURCE / | grep -q rootvg-hd4")?;
    ask(&mut machine, "touch /written && sync")?;
    judge::shut_down(&mut machine)
}
