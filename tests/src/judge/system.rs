//! What the first boot leaves, and that services are well.

use anyhow::{Result, ensure};
use lifeboat_qemu::Running;

use super::guest::{ask, ask_within};
use crate::limits;

const REPORT: &str = "/var/log/lifeboat/first-boot.report";
const UNIT: &str = "lifeboat-firstboot.service";

/// The first-boot stage ran once, left its report, and is gone; the restore's
/// log is there.
pub fn first_boot_done(machine: &mut Running) -> Result<()> {
    let report = ask(machine, &format!("cat {REPORT}"))?;
    ensure!(
        report.contains("\ndevices: done\n") && !report.contains(": FAILED"),
        "not everything was done:\n{report}"
    );
    let left = ask(
        machine,
        &format!(
            "find /etc/systemd /usr/lib/systemd /usr/lib/lifeboat-firstboot -name '{UNIT}' -o -path '*lifeboat-firstboot*' 2>/dev/null; true"
        ),
    )?;
    ensure!(
        left.is_empty(),
        "the first-boot stage is still there:\n{left}"
    );
    let logs = ask(
        machine,
        "find /var/log/lifeboat -type f -size +0 -name '*.log'",
    )?;
    ensure!(
        !logs.is_empty(),
        "the restore left no log in /var/log/lifeboat"
    );
    Ok(())
}

/// `systemctl is-system-running` says `running`. A failed unit is named.
pub fn state(machine: &mut Running) -> Result<()> {
    let wait = "systemctl is-system-running --wait; true";
    let state = ask_within(machine, wait, limits::to_login())?;
    let failed = ask(machine, "systemctl --failed --no-legend --plain")?;
    ensure!(
        state == "running",
        "the system is {state}; failed units:\n{failed}"
    );
    Ok(())
}
