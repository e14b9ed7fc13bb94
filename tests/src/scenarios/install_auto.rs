//! `cd-install-auto`: the settings on the CD answer every question; the target
//! is found by its serial number; a neighbour full of data stays as it was.

use anyhow::{Context, Result, ensure};
use lifeboat_sys::fs::PathContext;

use crate::lab::{DISK_BYTES, Lab, sha256};
use crate::{judge, limits, menus, texts};

const TARGET: &str = "LBTARGET";

/// Nobody is asked, and the target is named by what is printed on it.
const BOSINST: &str = "control_flow:
    CONSOLE = Default
    INSTALL_METHOD = overwrite
    PROMPT = no
    EXISTING_SYSTEM_OVERWRITE = no

target_disk_data:
    SERIAL = LBTARGET
";

pub fn run(lab: &Lab) -> Result<()> {
    // The neighbour comes first on the bus: "the first disk" would be wrong.
    let neighbour = lab.blank_disk("neighbour", 1, DISK_BYTES, "LBNEIGHBOUR")?;
    let target = lab.blank_disk("target", 2, DISK_BYTES, TARGET)?;
    let image = lab.path("neighbour.img");
    fill(&image)?;
    let before = sha256(&image)?;

    let cd = lab.cd("auto", Some(&lab.media.backup), Some(BOSINST))?;
    let machine = lab
        .machine("machine")
        .disk(neighbour)
        .disk(target.clone())
        .cd(cd)
        .no_reboot();
    let mut machine = lab.power_on(machine)?;
    menus::verdict(&mut machine)?;
    machine
        .wait_exit(limits::power_off())
        .context("ending by itself")?;
    ensure!(
        !machine.console_text().contains(texts::PROMPT),
        "a question was asked\n{}",
        machine.evidence()
    );
    drop(machine);
    ensure!(
        sha256(&image)? == before,
        "the neighbour {} was written to",
        image.display()
    );
    judge::restored_system(lab, lab.machine("machine"), &target)
}

/// Data at the places that partitioning tools like to write: the first and the
/// last MiB, and one in the middle.
fn fill(image: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(image)
        .at("open", image)?;
    let text = b"This disk belongs to somebody else. ";
    let data: Vec<u8> = text.iter().copied().cycle().take(1 << 20).collect();
    for offset in [0, DISK_BYTES / 2, DISK_BYTES - (1 << 20)] {
        file.write_all_at(&data, offset).at("write", image)?;
    }
    Ok(())
}
