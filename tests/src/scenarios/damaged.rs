//! `cd-install-damaged`: damage is recognised, told in a numbered sentence, and
//! the menu comes again. What can be known before the first write is: then the
//! disk is as it was.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use lifeboat_sys::fs::PathContext;

use crate::lab::{DISK_BYTES, Lab, flip_bit, is_blank, truncate};
use crate::{limits, menus, texts};

/// Inside the first frame, behind its header: the summary.
const IN_SUMMARY: u64 = 100;

pub fn run(lab: &Lab) -> Result<()> {
    let truncated = lab.backup_copy("truncated")?;
    truncate(&truncated, 60)?;
    found_before_writing(lab, &truncated).context("a truncated backup")?;

    let summary = lab.backup_copy("summary")?;
    flip_bit(&summary, IN_SUMMARY)?;
    found_before_writing(lab, &summary).context("a flipped bit in the summary")?;

    let deep = lab.backup_copy("deep")?;
    let length = std::fs::metadata(&deep).at("look at", &deep)?.len();
    flip_bit(&deep, length / 2)?;
    found_by_the_verdict(lab, &deep).context("a flipped bit deep inside")
}

fn found_before_writing(lab: &Lab, backup: &Path) -> Result<()> {
    let name = stem(backup)?;
    let disk = lab.blank_disk(&format!("disk-{name}"), 1, DISK_BYTES, "LBDISK0")?;
    let image = lab.path(&format!("disk-{name}.img"));
    let cd = lab.cd(&name, Some(backup), None)?;
    let mut machine = lab.power_on(lab.machine(&name).disk(disk).cd(cd))?;
    let message = menus::expect_refusal(&mut machine)?;
    log::info!("{name}: refused with: {message}");
    drop(machine);
    ensure!(is_blank(&image)?, "{} was written to", image.display());
    Ok(())
}

fn found_by_the_verdict(lab: &Lab, backup: &Path) -> Result<()> {
    let name = stem(backup)?;
    let disk = lab.blank_disk(&format!("disk-{name}"), 1, DISK_BYTES, "LBDISK0")?;
    let cd = lab.cd(&name, Some(backup), None)?;
    let mut machine = lab.power_on(lab.machine(&name).disk(disk).cd(cd))?;
    menus::agree(&mut machine)?;
    let verdict = machine.expect_any(&[texts::FAILED, texts::RESTORED], limits::install())?;
    if verdict.which != 0 {
        bail!("the damage was not noticed\n{}", machine.evidence());
    }
    let names_a_file = verdict
        .before
        .lines()
        .any(|line| line.contains(texts::MESSAGE) && line.contains("./"));
    ensure!(
        names_a_file,
        "no numbered message names a file\n{}",
        machine.evidence()
    );
    for claim in ["every hash checked", "now: boot record"] {
        ensure!(
            !verdict.before.contains(claim),
            "{claim:?} stands above a bad verdict\n{}",
            machine.evidence()
        );
    }
    menus::prompt(&mut machine).context("the menu does not come again after the verdict")
}

fn stem(path: &Path) -> Result<String> {
    let stem = path.file_stem().context("a backup without a name")?;
    Ok(stem.to_string_lossy().into_owned())
}
