//! The demo's backup on disks of other sizes.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use super::by_menu;
use crate::judge::guest::ask;
use crate::lab::{DISK_BYTES, Lab};
use crate::{judge, limits, menus, texts};

/// Volumes of the demo, and the logical partitions that they had.
const HAD: [(&str, u64); 2] = [("hd4", 320), ("hd9var", 128)];

/// A disk of little more than half the size, onto which the volumes do not fit as they
/// are: file systems are shrunk.
pub fn smaller(lab: &Lab) -> Result<()> {
    let disk = lab.blank_disk("smaller", 1, DISK_BYTES / 16 * 9, "LBDISK0")?;
    let cd = lab.cd("demo", Some(&lab.media.backup), None)?;
    let mut machine = lab.power_on(lab.machine("machine").disk(disk.clone()).cd(cd))?;
    menus::begin(&mut machine)?;
    let shrinking = [
        (texts::SOURCES, texts::FIRST_SOURCE),
        (texts::SETTINGS, texts::SETTINGS_CONTINUE),
    ];
    for (screen, choice) in shrinking {
        menus::answer(&mut machine, screen, choice, limits::proof())?;
    }
    // As large as they were, they do not fit, and the sentence says what would help.
    let told = machine.expect(texts::SETTINGS, limits::proof())?.before;
    ensure!(
        told.contains(texts::MESSAGE) && told.to_lowercase().contains("shrink"),
        "what is told is {told}"
    );
    menus::prompt(&mut machine)?;
    machine.send_line(texts::SETTINGS_SHRINK)?;
    menus::answer(
        &mut machine,
        texts::SETTINGS,
        texts::SETTINGS_CONTINUE,
        limits::screen(),
    )?;
    menus::answer(
        &mut machine,
        texts::PLAN,
        texts::PLAN_INSTALL,
        limits::proof(),
    )?;
    menus::verdict(&mut machine).context("restoring")?;
    menus::power_off(&mut machine)?;
    drop(machine);
    let mut machine = judge::boot_alone(lab, lab.machine("machine").disk(disk))?;
    shrunk(&mut machine)?;
    judge::files(&mut machine, lab)?;
    judge::well(&mut machine)?;
    judge::shut_down(&mut machine)
}

/// A disk half as large again: file systems grow in proportion.
pub fn larger(lab: &Lab) -> Result<()> {
    let disk = lab.blank_disk("larger", 1, DISK_BYTES / 2 * 3, "LBDISK0")?;
    let machine = || lab.machine("machine").disk(disk.clone());
    by_menu(lab, &lab.media.backup, machine(), &[texts::SETTINGS_GROW])?;
    let mut machine = judge::boot_alone(lab, machine())?;
    for (volume, had) in HAD {
        let has = extents(&mut machine, volume)?;
        ensure!(has > had * 5 / 4, "{volume} has {has} of {had} partitions");
    }
    // The file system fills what its volume has now, but for its own tables.
    ask(
        &mut machine,
        "test $(findmnt -b -n -o SIZE /var) -gt $(($(lvs --noheadings --units b --nosuffix -o lv_size rootvg/hd9var) * 8 / 10))",
    )?;
    judge::files(&mut machine, lab)?;
    judge::well(&mut machine)?;
    judge::shut_down(&mut machine)
}

/// `/` and `/var` are smaller than they were.
fn shrunk(machine: &mut Running) -> Result<()> {
    for (volume, had) in HAD {
        let has = extents(machine, volume)?;
        ensure!(has < had, "{volume} has {has} of {had} partitions");
    }
    Ok(())
}

/// Logical partitions of a volume.
fn extents(machine: &mut Running, volume: &str) -> Result<u64> {
    let lvs = "lvs --noheadings --units b --nosuffix -o lv_size,vg_extent_size";
    let sizes = ask(machine, &format!("{lvs} rootvg/{volume}"))?;
    let (size, extent) = sizes
        .trim()
        .split_once(' ')
        .with_context(|| format!("lvs says {sizes:?}"))?;
    Ok(size.parse::<u64>()? / extent.trim().parse::<u64>()?)
}
