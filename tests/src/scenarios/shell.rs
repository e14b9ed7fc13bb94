//! `cd-shell`: the maintenance shell has what a rescue needs, the boot list that
//! is set there is the one that the firmware follows, and restart restarts.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::lab::{DISK_BYTES, Lab};
use crate::{limits, menus, texts};

/// What must be there and answer.
const TOOLS: [&str; 7] = [
    "lvm version",
    "mdadm --version",
    "mke2fs -V",
    "mkfs.xfs -V",
    "xfs_repair -V",
    "mkfs.vfat --help",
    "lifeboat cfgmgr",
];

pub fn run(lab: &Lab) -> Result<()> {
    let disk = lab.blank_disk("disk", 1, DISK_BYTES, "LBDISK0")?;
    let machine = lab.machine("machine").disk(disk).cd(&lab.media.iso);
    let mut machine = lab.power_on(machine)?;
    menus::answer(
        &mut machine,
        texts::WELCOME,
        texts::WELCOME_SHELL,
        limits::to_menu(),
    )?;
    machine
        .expect("# ", limits::screen())
        .context("the shell")?;
    machine.quiet_shell()?;

    for tool in TOOLS {
        succeeds(&mut machine, tool)?;
    }
    let zombies = succeeds(&mut machine, "ps -o stat,comm | grep -c '^Z' || true")?;
    ensure!(
        zombies.trim() == "0",
        "{zombies} processes are dead and not waited for"
    );
    let list = succeeds(&mut machine, "lifeboat bootlist -m normal -r vda")?;
    let path = list
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with('/'));
    let path = path.with_context(|| format!("bootlist names no firmware path: {list:?}"))?;
    let shown = succeeds(&mut machine, "lifeboat bootlist -m normal -r")?;
    ensure!(shown == list, "set {list:?}, shown {shown:?}");
    let (status, refusal) = machine.shell("lifeboat bootlist -m normal sdz", limits::command())?;
    ensure!(
        status != 0 && refusal.contains("0590-411"),
        "status {status}: {refusal}"
    );

    machine.send_line("exit")?;
    menus::answer(
        &mut machine,
        texts::WELCOME,
        texts::WELCOME_POWER,
        limits::screen(),
    )?;
    menus::answer(
        &mut machine,
        texts::RESTART,
        texts::RESTART_NOW,
        limits::screen(),
    )?;
    machine
        .expect(texts::FIRMWARE_TRIES, limits::firmware())
        .context("restarting")?;
    let tried = machine
        .expect(texts::FIRMWARE_TRIES_END, limits::firmware())?
        .before;
    ensure!(
        tried == path,
        "the boot list says {path:?}, the firmware tries {tried:?}"
    );
    Ok(())
}

fn succeeds(machine: &mut Running, command: &str) -> Result<String> {
    let (status, output) = machine.shell(command, limits::command())?;
    ensure!(
        status == 0,
        "{command} ended with status {status}: {output}"
    );
    Ok(output)
}
