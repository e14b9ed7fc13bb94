//! `cd-install-bad-input`: what cannot be installed from or onto is told in one
//! numbered sentence, the menu comes again, and disks stay as they were.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Machine;

use crate::lab::{DISK_BYTES, Lab, is_blank};
use crate::{limits, menus, texts};

/// Too small for the demo system, large enough for a partition table.
const SMALL_DISK_BYTES: u64 = 64 << 20;

pub fn run(lab: &Lab) -> Result<()> {
    let with_backup = lab.cd("backup", Some(&lab.media.backup), None)?;
    let machine = lab.machine("no-disk").cd(&with_backup);
    let message = refused(lab, machine).context("no disk at all")?;
    ensure!(
        message.contains("disk"),
        "no disk, and the message is {message:?}"
    );

    unattended(lab, lab.machine("unattended").cd(&with_backup)).context("unattended, no disk")?;

    let machine = lab.machine("small").cd(&with_backup);
    let message = with_disk(lab, machine, SMALL_DISK_BYTES).context("a disk too small")?;
    ensure!(
        message.contains("LBDISK0") || message.contains("vda"),
        "which disk? {message:?}"
    );

    let machine = lab.machine("no-backup").cd(&lab.media.iso);
    let message = with_disk(lab, machine, DISK_BYTES).context("no backup on the CD")?;
    ensure!(
        message.to_lowercase().contains("backup"),
        "no backup, and the message is {message:?}"
    );
    Ok(())
}

/// Tries a disk that must be as blank afterwards as before.
fn with_disk(lab: &Lab, machine: Machine, bytes: u64) -> Result<String> {
    let name = format!("disk-{}", bytes >> 20);
    let disk = lab.blank_disk(&name, 1, bytes, "LBDISK0")?;
    let image = lab.path(&format!("{name}.img"));
    let message = refused(lab, machine.disk(disk))?;
    ensure!(is_blank(&image)?, "{} was written to", image.display());
    Ok(message)
}

/// With `lifeboat.mode=auto`, typed at GRUB's prompt, nobody is asked; what
/// cannot be done is told all the same, and the menu follows.
fn unattended(lab: &Lab, machine: Machine) -> Result<()> {
    let mut machine = lab.power_on(machine)?;
    machine.expect(texts::GRUB_MENU, limits::to_menu())?;
    machine.send("c")?;
    for command in texts::GRUB_AUTO {
        machine.expect(texts::GRUB_PROMPT, limits::screen())?;
        machine.send_line(command)?;
    }
    let told = machine.expect(texts::WELCOME, limits::to_menu())?.before;
    ensure!(told.contains("0590-220"), "what is told is {told}");
    ensure!(
        !told.contains(texts::PROMPT),
        "a question was asked: {told}"
    );
    menus::prompt(&mut machine)
}

fn refused(lab: &Lab, machine: Machine) -> Result<String> {
    let mut machine = lab.power_on(machine)?;
    let message = menus::expect_refusal(&mut machine)?;
    log::info!("refused with: {message}");
    Ok(message)
}
