//! `scheduled-backup`: the package on a running Debian. Its timer is off; what it
//! would start keeps good backups and removes only what is more than enough; a
//! removed package leaves nothing behind.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::judge::guest::{ask, ask_within};
use crate::lab::Lab;
use crate::{base, judge, limits, tools_cd};

/// Room for two backups and a CD image.
const BACKUP_DISK_BYTES: u64 = 3 << 30;
const CONFIG: &str = "/etc/lifeboat/backup.conf";
const SERVICE: &str = "lifeboat-backup.service";

pub fn run(lab: &Lab) -> Result<()> {
    let system = base::installed(lab, "machine")?;
    let backups = lab.blank_disk("backups", 2, BACKUP_DISK_BYTES, "LBBACKUPS")?;
    let tools = tools_cd::make(lab, &[])?;
    let machine = lab.machine("machine").disk(system).disk(backups).cd(tools);
    let mut machine = lab.power_on(machine)?;
    judge::log_in(&mut machine)?;
    tools_cd::install(&mut machine)?;
    settings(&mut machine).context("refusing settings")?;
    let first = back_up(&mut machine).context("the first backup")?;
    interrupt(&mut machine, &first).context("a backup that is interrupted")?;
    let second = back_up(&mut machine).context("the second backup")?;
    thinned(&mut machine, &first, &second)?;
    image(&mut machine).context("a backup as a CD image")?;
    remove(&mut machine).context("removing the package")?;
    judge::shut_down(&mut machine)
}

/// Nothing runs by itself, and nothing is guessed.
fn settings(machine: &mut Running) -> Result<()> {
    ask(
        machine,
        "test \"$(systemctl is-enabled lifeboat-backup.timer)\" = disabled",
    )?;
    refused(machine, "0590-766")?;
    ask(machine, "mkdir /backup && chmod 700 /backup")?;
    ask(
        machine,
        &format!("sed -i 's|TARGET =.*|TARGET = /backup|; s|KEEP =.*|KEEP = 1|' {CONFIG}"),
    )?;
    // Its file system is not mounted: it is a directory of the system.
    refused(machine, "0590-771")?;
    ask(
        machine,
        "mkfs.ext4 -q /dev/vdb && mount /dev/vdb /backup && touch /backup/mine.mksysb",
    )?;
    ask_within(machine, "lifeboat auto-backup --dry-run", limits::command())?;
    Ok(())
}

fn refused(machine: &mut Running, number: &str) -> Result<()> {
    let said = ask(machine, "lifeboat auto-backup 2>&1; test $? = 1")?;
    ensure!(said.contains(number), "not {number}:\n{said}");
    Ok(())
}

/// Runs the service as the timer does; returns the newest backup's path.
fn back_up(machine: &mut Running) -> Result<String> {
    let start = format!(
        "systemctl start {SERVICE} || {{ journalctl --no-pager -u {SERVICE} | tail -n 30; false; }}"
    );
    ask_within(machine, &start, limits::backup())?;
    ask(machine, "ls -1 /backup/scheduled-*.mksysb | tail -n 1")
}

/// What is interrupted is no backup, and costs none.
fn interrupt(machine: &mut Running, good: &str) -> Result<()> {
    ask(machine, &format!("systemctl start --no-block {SERVICE}"))?;
    let begun = "for i in $(seq 300); do ls /backup/*.partial 2>/dev/null && break; sleep 1; done";
    ask_within(machine, begun, limits::backup())?;
    ask_within(
        machine,
        &format!("systemctl stop {SERVICE}"),
        limits::backup(),
    )?;
    let left = ask(machine, "ls -1 /backup/scheduled-*")?;
    ensure!(left == good, "beside {good} there is:\n{left}");
    ask(
        machine,
        "test -z \"$(lvs --noheadings -o lv_name -S 'lv_attr=~^s')\"",
    )?;
    Ok(())
}

/// One good backup was to be kept: it is the new one, and nobody else's is gone.
fn thinned(machine: &mut Running, first: &str, second: &str) -> Result<()> {
    ensure!(first != second, "the second backup is the first: {first}");
    let left = ask(machine, "ls -1 /backup/*.mksysb")?;
    ensure!(
        left == format!("/backup/mine.mksysb\n{second}"),
        "backups after the second:\n{left}"
    );
    ask_within(
        machine,
        &format!("lsmksysb -V -f {second}"),
        limits::backup(),
    )?;
    Ok(())
}

/// A running system onto a CD image, in one command.
fn image(machine: &mut Running) -> Result<()> {
    ask_within(
        machine,
        "mksysb -i --iso /backup/system.iso",
        limits::backup(),
    )?;
    ask(
        machine,
        "mount -o loop,ro /backup/system.iso /media && test -s /media/boot/vmlinuz",
    )?;
    ask_within(
        machine,
        "lsmksysb -V -f /media/lifeboat/*.mksysb && umount /media",
        limits::backup(),
    )?;
    let left = ask(machine, "ls -1 /backup | grep -v ^scheduled-")?;
    ensure!(
        left == "lost+found\nmine.mksysb\nsystem.iso",
        "what the image was made of is left:\n{left}"
    );
    Ok(())
}

fn remove(machine: &mut Running) -> Result<()> {
    ask(machine, "systemctl enable --now lifeboat-backup.timer")?;
    let listed = ask(machine, "systemctl list-timers --no-pager")?;
    ensure!(listed.contains(SERVICE), "no timer runs:\n{listed}");
    ask(machine, "dpkg --remove lifeboat")?;
    let listed = ask(machine, "systemctl list-timers --all --no-pager")?;
    ensure!(!listed.contains(SERVICE), "the timer still runs:\n{listed}");
    ask(machine, &format!("test -f {CONFIG}"))?;
    ask(machine, "dpkg --purge lifeboat")?;
    let left = "ls -d /etc/lifeboat /usr/lib/lifeboat /etc/systemd/system/*/lifeboat*";
    ask(machine, &format!("! {left} 2>/dev/null | grep ."))?;
    Ok(())
}
