//! `restore-powercut`: power fails again and again in the middle of a restore. No
//! firmware boots what is half done, the next start says what it is, and a restore
//! then completes.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Disk;

use super::UNATTENDED;
use crate::lab::{DISK_BYTES, Lab};
use crate::{judge, limits, menus, texts};

/// What is being done when the power fails.
const POINTS: [&str; 6] = [
    "now: making volume group",
    "now: making file system /var",
    "MiB/s",
    "now: boot image",
    "now: GRUB menu",
    "now: boot record",
];

pub fn run(lab: &Lab) -> Result<()> {
    let disk = lab.blank_disk("target", 1, DISK_BYTES, "LBDISK0")?;
    let unattended = lab.cd("unattended", Some(&lab.media.backup), Some(UNATTENDED))?;
    for point in POINTS {
        let machine = lab.machine("machine").disk(disk.clone());
        let mut machine = lab.power_on(machine.cd(&unattended))?;
        machine
            .expect(point, limits::install())
            .with_context(|| format!("waiting for {point:?}"))?;
        drop(machine);
        boots_not(lab, &disk).with_context(|| format!("power failed at {point:?}"))?;
    }
    let cd = lab.cd("menu", Some(&lab.media.backup), None)?;
    let mut machine = lab.power_on(lab.machine("machine").disk(disk.clone()).cd(cd))?;
    menus::agree(&mut machine).context("going through the menus")?;
    ensure!(
        machine.console_text().contains(texts::UNFINISHED),
        "nothing says that a restore was interrupted\n{}",
        machine.evidence()
    );
    menus::verdict(&mut machine).context("restoring at last")?;
    menus::power_off(&mut machine).context("powering off")?;
    drop(machine);
    judge::restored_system(lab, lab.machine("machine"), &disk)
}

/// The firmware finds nothing to load on the disk.
fn boots_not(lab: &Lab, disk: &Disk) -> Result<()> {
    let mut machine = lab.power_on(lab.machine("alone").disk(disk.clone()))?;
    let outcome = machine.expect_any(&texts::FIRMWARE_OUTCOMES, limits::firmware())?;
    ensure!(
        outcome.which == 1,
        "the firmware loads something from a disk that is not restored\n{}",
        machine.evidence()
    );
    Ok(())
}
