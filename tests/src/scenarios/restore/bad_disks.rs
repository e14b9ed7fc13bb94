//! `restore-bad-disk`: disks that cannot be written to, or not everywhere.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::lab::{DISK_BYTES, Lab, is_blank};
use crate::{limits, menus, texts};

/// A sector of the demo's `/boot` that mkfs writes: its partition begins at 9 MiB, and
/// 128 MiB behind that lies a copy of the superblock.
const IN_BOOT: u64 = (9 + 128) << 11;

pub fn run(lab: &Lab) -> Result<()> {
    let cd = lab.cd("demo", Some(&lab.media.backup), None)?;

    let disk = lab.blank_disk("read-only", 1, DISK_BYTES, "LBDISK0")?;
    let machine = lab.machine("read-only").disk(disk.read_only()).cd(&cd);
    let mut machine = lab.power_on(machine)?;
    let message = menus::expect_refusal(&mut machine).context("a read-only disk")?;
    ensure!(
        message.contains("read-only") && message.contains("vda"),
        "the message is {message:?}"
    );
    drop(machine);
    ensure!(is_blank(&lab.path("read-only.img"))?, "it was written to");

    let disk = lab.blank_disk("failing", 1, DISK_BYTES, "LBDISK0")?;
    let machine = lab
        .machine("failing")
        .disk(disk.bad_sector(IN_BOOT))
        .cd(&cd);
    let mut machine = lab.power_on(machine)?;
    menus::agree(&mut machine)?;
    failed(&mut machine).context("a disk that fails in the middle")
}

/// The verdict says what failed, where, and what is to be thought of the disk; the menu
/// follows.
fn failed(machine: &mut Running) -> Result<()> {
    let steps = machine.expect(texts::FAILED, limits::install())?.before;
    let verdict = machine.expect(texts::SOURCES, limits::screen())?.before;
    menus::prompt(machine)?;
    for wanted in [texts::MESSAGE, "/boot", "/dev/vda2"] {
        ensure!(steps.contains(wanted), "no {wanted} in {steps}");
    }
    ensure!(verdict.contains("does not boot"), "the verdict: {verdict}");
    Ok(())
}
