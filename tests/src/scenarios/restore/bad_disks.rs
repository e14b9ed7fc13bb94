//! `restore-bad-disk`: disks that cannot be written to, or not everywhere.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::lab::{DISK_BYTES, Lab, is_blank};
use crate::{limits, menus, texts};

/// A sector of the demo's `/boot`, in its block group descriptors: 9 MiB is where its
/// partition begins.
const IN_BOOT: u64 = (9 << 11) + 10;

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

/// The verdict says which disk failed, at what, and what is to be thought of it; the
/// menu follows.
fn failed(machine: &mut Running) -> Result<()> {
    machine.expect(texts::FAILED, limits::install())?;
    let verdict = machine.expect(texts::PROMPT, limits::screen())?.before;
    let words = verdict.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in [texts::MESSAGE, "/boot", "vda"] {
        ensure!(words.contains(wanted), "no {wanted} in {words}");
    }
    Ok(())
}
