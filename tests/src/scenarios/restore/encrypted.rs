//! `restore-luks`: an encrypted system gets a new passphrase from the operator, who then
//! opens it with that.

use anyhow::{Context, Result, ensure};

use super::layouts::{self, LUKS};
use crate::lab::Lab;
use crate::{judge, limits, menus, systems, texts};

const PASSPHRASE: &str = "correct horse battery staple";

pub fn luks(lab: &Lab) -> Result<()> {
    let disks = layouts::disks(lab, &LUKS)?;
    let backup = systems::backup(lab, &LUKS).context("making the backup")?;
    let cd = lab.cd("menu", Some(&backup), None)?;
    let machine = layouts::with(lab.machine("machine"), &disks).cd(cd);
    let mut machine = lab.power_on(machine)?;
    menus::agree(&mut machine).context("going through the menus")?;
    for question in texts::PASSPHRASE {
        machine.expect(question, limits::screen())?;
        machine.send_line(PASSPHRASE)?;
    }
    menus::verdict(&mut machine).context("restoring")?;
    ensure!(
        !machine.console_text().contains(PASSPHRASE),
        "the passphrase was shown"
    );
    menus::power_off(&mut machine)?;
    drop(machine);

    let machine = layouts::with(lab.machine("machine"), &disks);
    let mut machine = judge::load_alone(lab, machine)?;
    machine.expect(texts::UNLOCK, limits::to_login())?;
    machine.send_line(PASSPHRASE)?;
    judge::log_in(&mut machine)?;
    layouts::as_described(&mut machine, &LUKS)?;
    judge::shut_down(&mut machine)
}
