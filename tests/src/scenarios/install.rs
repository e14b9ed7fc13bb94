//! `cd-install`: from power-on with the CD and one blank disk to the restored
//! system, booted from its disk alone and judged by programs that are not ours.

use anyhow::{Context, Result};

use crate::lab::{DISK_BYTES, Lab};
use crate::{judge, menus};

pub fn run(lab: &Lab) -> Result<()> {
    let disk = lab.blank_disk("target", 1, DISK_BYTES, "LBDISK0")?;
    let cd = lab.cd("demo", Some(&lab.media.backup), None)?;
    let mut machine = lab.power_on(lab.machine("machine").disk(disk.clone()).cd(cd))?;
    menus::agree(&mut machine).context("going through the menus")?;
    menus::verdict(&mut machine).context("restoring")?;
    menus::power_off(&mut machine).context("powering off")?;
    drop(machine);
    judge::restored_system(lab, lab.machine("machine"), &disk)
}
