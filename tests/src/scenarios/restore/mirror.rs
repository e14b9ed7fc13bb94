//! `restore-two-disks-mirror`: a root volume group on an array of two disks comes back
//! as such, and each disk boots without the other. (On LVM's own mirrors Debian's boot
//! image waits for the missing disk.)

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Disk, nvram};

use super::{by_menu, layouts};
use crate::judge::guest::ask;
use crate::lab::{Lab, is_blank};
use crate::{image_data, judge, limits, menus, systems, texts};

pub fn two_disks(lab: &Lab) -> Result<()> {
    let disks = layouts::disks(lab, &layouts::MD_MIRROR)?;
    layouts::restore(lab, &layouts::MD_MIRROR, &disks)?;
    layouts::judge(lab, &layouts::MD_MIRROR, &disks)?;
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

/// `restore-mirror-to-one`: one that LVM mirrors, onto one disk, where nothing can be
/// mirrored. That is said before, and what would help.
pub fn to_one(lab: &Lab) -> Result<()> {
    let disks = &layouts::disks(lab, &layouts::MIRROR)?[..1];
    let backup = systems::backup(lab, &layouts::MIRROR).context("making the backup")?;
    let cd = lab.cd("refusing", Some(&backup), None)?;
    let refusing = layouts::with(lab.machine("machine"), disks).cd(cd);
    let mut refusing = lab.power_on(refusing)?;
    let message = menus::expect_refusal(&mut refusing)?;
    drop(refusing);
    ensure!(
        message.to_lowercase().contains("mirror"),
        "the message is {message:?}"
    );
    ensure!(is_blank(disks[0].path())?, "the disk was written to");

    let machine = layouts::with(lab.machine("machine"), disks);
    by_menu(lab, &backup, machine, &[texts::SETTINGS_MIRRORS])?;
    let machine = layouts::with(lab.machine("machine"), disks);
    let mut machine = judge::boot_alone(lab, machine)?;
    judge::as_recorded(&mut machine, &image_data::parse(layouts::MIRROR.image_data))?;
    let kinds = ask(&mut machine, "lvs --noheadings -o segtype rootvg | sort -u")?;
    ensure!(
        kinds.trim() == "linear",
        "there are volumes that are {kinds}"
    );
    judge::well(&mut machine)?;
    judge::shut_down(&mut machine)
}

/// The firmware goes on to the disk that is there, and the system comes up on it.
fn without_the_other(lab: &Lab, disk: &Disk) -> Result<()> {
    let mut machine = lab.power_on(lab.machine("machine").disk(disk.clone()))?;
    let loaded = texts::FIRMWARE_OUTCOMES[0];
    machine.expect(loaded, limits::to_menu())?;
    judge::log_in(&mut machine)?;
    let degraded = "mdadm --detail /dev/md/system | grep 'State : .*degraded'";
    ask(&mut machine, degraded).context("the array has both disks")?;
    ask(&mut machine, "findmnt -n -o SOURCE / | grep -q rootvg-hd4")?;
    ask(&mut machine, "touch /written && sync")?;
    judge::shut_down(&mut machine)
}
