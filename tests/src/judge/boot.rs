//! The restored disk boots alone, from where NVRAM says.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Machine, Running, nvram};

use crate::lab::{Lab, Powered};
use crate::{limits, texts};

/// Who may log in on the demo system.
const USER: &str = "root";
const PASSWORD: &str = "lifeboat";

/// Powers a machine on that has its restored disks and NVRAM alone, sees that
/// the firmware loads from the first path of the boot list, and logs in.
///
/// # Errors
/// When the firmware goes elsewhere or no login comes.
pub fn boot_alone(lab: &Lab, machine: Machine) -> Result<Powered<'_>> {
    let mut machine = load_alone(lab, machine)?;
    log_in(&mut machine)?;
    Ok(machine)
}

/// The same as far as the firmware has a part in it.
///
/// # Errors
/// When the firmware goes elsewhere.
pub fn load_alone(lab: &Lab, machine: Machine) -> Result<Powered<'_>> {
    let list = nvram::variable(&machine.nvram_path(), "boot-device")?;
    let list = list.context("NVRAM has no boot-device")?;
    let first = list
        .split_whitespace()
        .next()
        .context("the boot list is empty")?
        .to_owned();

    let mut machine = lab.power_on(machine)?;
    machine.expect(texts::FIRMWARE_TRIES, limits::firmware())?;
    let tried = machine
        .expect(texts::FIRMWARE_TRIES_END, limits::firmware())?
        .before;
    machine.mark("firmware");
    ensure!(
        tried == first,
        "the firmware loads from {tried:?}; the boot list is {list:?}\n{}",
        machine.evidence()
    );
    let outcome = machine.expect_any(&texts::FIRMWARE_OUTCOMES, limits::firmware())?;
    ensure!(
        outcome.which == 0,
        "the firmware cannot load the boot record\n{}",
        machine.evidence()
    );
    Ok(machine)
}

/// Logs in on the demo system, which may still be booting.
///
/// # Errors
/// When no login prompt comes.
pub fn log_in(machine: &mut Running) -> Result<()> {
    Ok(machine.login(USER, PASSWORD, limits::to_login())?)
}

/// Shuts the system down in order and waits until the machine is off.
///
/// # Errors
/// When it stays on.
pub fn shut_down(machine: &mut Running) -> Result<()> {
    machine.send_line("systemctl poweroff")?;
    machine
        .wait_exit(limits::power_off())
        .context("shutting down")?;
    Ok(())
}
