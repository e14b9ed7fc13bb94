//! Encrypted systems. `restore-luks`: the operator gives a new passphrase, and opens it
//! with that. `restore-luks-header`: it gets its old header, and opens with what opened it.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Disk, Machine, Running};

use super::layouts::{self, LUKS};
use crate::judge::guest::{ask, ask_within};
use crate::lab::{Lab, Powered};
use crate::{judge, limits, menus, systems, texts, tools_cd};

const PASSPHRASE: &str = "correct horse battery staple";
/// One that nobody types before the header was saved.
const SECOND: &str = "another key slot";
/// As large as the one that is recorded.
const DISK_BYTES: u64 = 3 << 30;
const STORE_BYTES: u64 = 2 << 30;
const TOOLS: [(&str, &str); 1] = [("second", SECOND)];

pub fn luks(lab: &Lab) -> Result<()> {
    let disks = layouts::disks(lab, &LUKS)?;
    let mut machine = newly_locked(lab, &disks)?;
    layouts::as_described(&mut machine, &LUKS)?;
    judge::shut_down(&mut machine)
}

pub fn header(lab: &Lab) -> Result<()> {
    let disks = layouts::disks(lab, &LUKS)?;
    let mut machine = newly_locked(lab, &disks)?;
    judge::shut_down(&mut machine)?;
    drop(machine);
    let store = lab.blank_disk("store", 2, STORE_BYTES, "LBSTORE")?;
    let before = save(lab, &disks, &store).context("saving the backup and the header")?;

    let other = [lab.blank_disk("other", 1, DISK_BYTES, "LBOTHER")?];
    let machine = layouts::with(lab.machine("other"), &other).disk(store);
    let mut machine = lab.power_on(machine.cd(&lab.media.iso))?;
    menus::agree(&mut machine).context("going through the menus")?;
    for passphrase in ["none of them", SECOND] {
        machine.expect(texts::OLD_PASSPHRASE, limits::proof())?;
        machine.send_line(passphrase)?;
    }
    menus::verdict(&mut machine).context("restoring with the header")?;
    ensure!(
        machine.console_text().contains("0590-473"),
        "any passphrase was taken"
    );
    menus::power_off(&mut machine)?;
    drop(machine);

    let machine = layouts::with(lab.machine("other"), &other);
    let mut machine = unlock(lab, machine)?;
    layouts::as_described(&mut machine, &LUKS)?;
    let after = slots(&mut machine)?;
    ensure!(
        after == before,
        "the slots were {before}, now they are {after}"
    );
    judge::shut_down(&mut machine)
}

/// Restores the system with a new passphrase, and opens it with that.
fn newly_locked<'lab>(lab: &'lab Lab, disks: &[Disk]) -> Result<Powered<'lab>> {
    let backup = systems::backup(lab, &LUKS).context("making the backup")?;
    let cd = lab.cd("menu", Some(&backup), None)?;
    let machine = layouts::with(lab.machine("machine"), disks).cd(cd);
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
    unlock(lab, layouts::with(lab.machine("machine"), disks))
}

/// Boots the disks alone, opens them with the first passphrase and logs in.
fn unlock(lab: &Lab, machine: Machine) -> Result<Powered<'_>> {
    let mut machine = judge::load_alone(lab, machine)?;
    machine.expect(texts::UNLOCK, limits::to_login())?;
    machine.send_line(PASSPHRASE)?;
    judge::log_in(&mut machine)?;
    Ok(machine)
}

/// Backs the running system up, with its header beside the backup, in which a second
/// passphrase opens the device. Hands back its key slots.
fn save(lab: &Lab, disks: &[Disk], store: &Disk) -> Result<String> {
    let tools = tools_cd::make(lab, &TOOLS)?;
    let machine = layouts::with(lab.machine("machine"), disks)
        .disk(store.clone())
        .cd(tools);
    let mut machine = unlock(lab, machine)?;
    tools_cd::install(&mut machine)?;
    let add = format!(
        "echo -n '{PASSPHRASE}' | cryptsetup luksAddKey --key-file=- --pbkdf-memory=65536 \
         --pbkdf-parallel=1 --pbkdf-force-iterations=4 /dev/vda3 /mnt/second"
    );
    ask_within(&mut machine, &add, limits::whole_system())?;
    ask(
        &mut machine,
        "mkdir /store && mkfs.ext4 -q /dev/vdb && mount /dev/vdb /store",
    )?;
    let backup = "mksysb -i --headers /store /store/luks.mksysb";
    ask_within(&mut machine, backup, limits::backup())?;
    let mode = ask(&mut machine, "stat -c %a /store/locked.header")?;
    ensure!(mode == "400", "everybody may read the header: {mode}");
    let slots = slots(&mut machine)?;
    ask(&mut machine, "umount /store")?;
    judge::shut_down(&mut machine)?;
    Ok(slots)
}

/// The key slots of the header, with their salts.
fn slots(machine: &mut Running) -> Result<String> {
    let dump = "cryptsetup luksDump /dev/vda3 | sed -n '/^Keyslots:/,/^Tokens:/p'";
    let slots = ask(machine, dump)?;
    ensure!(
        slots.contains("1: luks2"),
        "there is no second slot:\n{slots}"
    );
    Ok(slots)
}
