//! Short forms for commands in the guest.

use anyhow::{Result, ensure};
use lifeboat_qemu::{Patience, Running};

use crate::limits;

/// Runs a quick command that must succeed; returns what it printed, without the last line break.
pub fn ask(machine: &mut Running, command: &str) -> Result<String> {
    ask_within(machine, command, limits::command())
}

/// Runs a command that must succeed; returns what it printed, without the last line break.
pub fn ask_within(machine: &mut Running, command: &str, patience: Patience) -> Result<String> {
    let (status, output) = machine.shell(command, patience)?;
    ensure!(status == 0, "status {status} of {command}\n{output}");
    Ok(output.trim_end().to_owned())
}
