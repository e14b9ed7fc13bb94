//! A Debian system that is installed already, for scenarios that begin there.
//! It is restored once from the demo's backup; each scenario writes to an overlay.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, disk};
use lifeboat_sys::fs::{self, PathContext};
use nix::fcntl::{Flock, FlockArg};

use crate::lab::{DISK_BYTES, Lab, sha256};
use crate::{limits, menus};

/// The serial number of the installed disk.
pub const SERIAL: &str = "LBBASE";
/// Where the disk sits: the boot list names this slot.
const SLOT: u8 = 1;

const BOSINST: &str = "control_flow:
    CONSOLE = Default
    INSTALL_METHOD = overwrite
    PROMPT = no
    EXISTING_SYSTEM_OVERWRITE = no

target_disk_data:
    SERIAL = LBBASE
";

/// An overlay over the installed system, as the first disk of `machine`, whose
/// NVRAM has it in the boot list. The system is installed first if no scenario
/// has done so before.
///
/// # Errors
/// When the system cannot be installed.
pub fn installed(lab: &Lab, machine: &str) -> Result<Disk> {
    let base = base(lab)?;
    let overlay = lab.path(&format!("{machine}.qcow2"));
    disk::create_overlay(&overlay, &base.join("disk.img"), Format::Raw)?;
    let nvram = lab.machine(machine).nvram_path();
    let home = nvram.parent().context("NVRAM without a directory")?;
    fs::create_dir_all(home)?;
    std::fs::copy(base.join("nvram.bin"), &nvram).at("copy NVRAM to", &nvram)?;
    let name = format!("{machine}-system");
    Ok(Disk::new(&name, overlay, Format::Qcow2, Bus::VirtioBlk { slot: SLOT }).serial(SERIAL))
}

/// The directory of the installed disk and its NVRAM, made if it is not there.
fn base(lab: &Lab) -> Result<PathBuf> {
    // What the system holds decides, not how this version writes a backup of it.
    let hash = sha256(&lab.beside_backup("sha256sums"))?;
    let work = std::path::absolute(&lab.media.work).at("find", &lab.media.work)?;
    let done = work.join(format!("base-{}", &hash[..16]));
    // Two scenarios may need it at the same time.
    let lock = done.with_extension("lock");
    let file = File::create(&lock).at("create", &lock)?;
    let _held = Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .context("waiting for another scenario's installation")?;
    if !done.join("disk.img").is_file() {
        install(lab, &done)?;
    }
    Ok(done)
}

/// Restores the demo onto a fresh disk and moves the result to `done`, which
/// exists only when it is whole.
fn install(lab: &Lab, done: &Path) -> Result<()> {
    let disk = lab.blank_disk("base", SLOT, DISK_BYTES, SERIAL)?;
    let image = disk.path().to_owned();
    let cd = lab.cd("base", Some(&lab.media.backup), Some(BOSINST))?;
    let machine = lab.machine("base").disk(disk).cd(&cd).no_reboot();
    let nvram = machine.nvram_path();
    let mut machine = lab.power_on(machine)?;
    menus::verdict(&mut machine).context("installing the base system")?;
    machine.wait_exit(limits::power_off())?;
    drop(machine);
    let new = done.with_extension("new");
    if new.exists() {
        std::fs::remove_dir_all(&new).at("remove", &new)?;
    }
    fs::create_dir_all(&new)?;
    let bring = |from: &Path, name: &str| {
        let to = new.join(name);
        std::fs::rename(from, &to).at("move", to)
    };
    bring(&image, "disk.img")?;
    bring(&nvram, "nvram.bin")?;
    std::fs::rename(&new, done).at("move", done)?;
    std::fs::remove_file(&cd).at("remove", &cd)?;
    ensure!(done.join("disk.img").is_file(), "no {}", done.display());
    Ok(())
}
