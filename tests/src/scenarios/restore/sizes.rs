//! The demo's backup on disks of other sizes.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::judge::guest::ask;
use crate::lab::{DISK_BYTES, Lab};
use crate::{judge, limits, menus, texts};

/// A disk of little more than half the size, onto which the volumes do not fit as they
/// are: file systems are shrunk.
pub fn smaller(lab: &Lab) -> Result<()> {
    let disk = lab.blank_disk("smaller", 1, DISK_BYTES / 16 * 9, "LBDISK0")?;
    let cd = lab.cd("demo", Some(&lab.media.backup), None)?;
    let mut machine = lab.power_on(lab.machine("machine").disk(disk.clone()).cd(cd))?;
    menus::answer(
        &mut machine,
        texts::WELCOME,
        texts::WELCOME_INSTALL,
        limits::to_menu(),
    )?;
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

/// `/` and `/var` are smaller than the 320 and 128 logical partitions they had, and
/// their file systems fill what they have now.
fn shrunk(machine: &mut Running) -> Result<()> {
    for (volume, had) in [("hd4", 320_u64), ("hd9var", 128)] {
        let fields = "lvs --noheadings --units b --nosuffix -o lv_size,vg_extent_size";
        let sizes = ask(machine, &format!("{fields} rootvg/{volume}"))?;
        let sizes: Vec<u64> = sizes
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let &[size, extent] = sizes.as_slice() else {
            anyhow::bail!("lvs says {sizes:?}");
        };
        ensure!(size / extent < had, "{volume} has {size} bytes");
    }
    Ok(())
}
