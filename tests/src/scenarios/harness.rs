//! `harness`: what the other scenarios rely on, shown on the firmware alone.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Error, Format, Network, Patience, disk, nvram};
use serde_json::json;

use crate::lab::Lab;
use crate::limits;

/// The firmware's prompt.
const PROMPT: &str = "0 >";

pub fn run(lab: &Lab) -> Result<()> {
    conversation(lab).context("talking with the firmware")?;
    hardware(lab).context("the hardware the firmware sees")?;
    silence(lab).context("a text that never comes")?;
    refusal(lab).context("a machine that QEMU refuses")
}

fn conversation(lab: &Lab) -> Result<()> {
    let machine = lab.machine("conversation").memory_mib(512);
    let nvram_path = machine.nvram_path();
    let mut machine = lab.power_on(machine)?;
    machine.expect("SLOF", limits::firmware())?;
    machine.expect(PROMPT, limits::firmware())?;
    ensure!(
        machine.mark("prompt").cpu > Duration::ZERO,
        "QEMU used no CPU time"
    );
    machine.send_line("6 7 * .")?;
    machine.expect("2a", limits::firmware())?;
    let status = machine.control("query-status", &json!({}))?;
    ensure!(status["status"] == "running", "QEMU says {status}");
    machine.reset()?;
    machine.expect("SLOF", limits::firmware())?;
    drop(machine);
    // The firmware makes the variable and leaves it empty.
    let boot_list = nvram::variable(&nvram_path, "boot-device")?;
    ensure!(
        boot_list.as_deref() == Some(""),
        "a fresh boot list is {boot_list:?}"
    );
    Ok(())
}

fn hardware(lab: &Lab) -> Result<()> {
    let image = |name: &str| -> Result<_> {
        let path = lab.path(name);
        disk::create_blank(&path, 1 << 20)?;
        Ok(path)
    };
    let overlay = lab.path("overlay.qcow2");
    disk::create_overlay(&overlay, &image("base.img")?, Format::Raw)?;
    let mut machine = lab.power_on(
        lab.machine("hardware")
            .memory_mib(512)
            .cpus(2)
            .disk(lab.blank_disk("block", 1, 1 << 20, "LBDISK0")?)
            .disk(
                Disk::new("vscsi", image("v.img")?, Format::Raw, Bus::Vscsi { id: 2 }).read_only(),
            )
            .disk(Disk::new(
                "virtio",
                overlay,
                Format::Qcow2,
                Bus::VirtioScsi { id: 3 },
            ))
            .cd(image("a,b.iso")?)
            .network(Network::SpaprVlan),
    )?;
    machine.expect(PROMPT, limits::firmware())?;
    let console = machine.console_text();
    for part in [
        "v-scsi@71000003",
        "8200000000000000 DISK",
        "v-scsi@71000002",
        "CD-ROM",
        "l-lan",
    ] {
        ensure!(console.contains(part), "{part} is not in\n{console}");
    }
    machine.send_line("dev /pci@800000020000000/scsi@1 pwd")?;
    machine.expect("  /pci@800000020000000/scsi@1 ok", limits::firmware())?;
    Ok(())
}

fn silence(lab: &Lab) -> Result<()> {
    let mut machine = lab.power_on(lab.machine("silence").memory_mib(512))?;
    machine.expect(PROMPT, limits::firmware())?;
    let short = Patience {
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(1),
    };
    let late = machine.expect_any(&["login:", "Verdict"], short);
    let Err(error @ Error::Late { .. }) = late else {
        anyhow::bail!("waiting in vain gave {late:?}");
    };
    let text = error.to_string();
    for part in [
        r#""login:" or "Verdict""#,
        "SLOF",
        "qemu-system-ppc64 -name silence",
    ] {
        ensure!(text.contains(part), "{part} is not in\n{text}");
    }
    machine.control("quit", &json!({}))?;
    let ended = machine.expect("login:", limits::firmware());
    ensure!(
        matches!(ended, Err(Error::Ended { .. })),
        "waiting for a dead machine gave {ended:?}"
    );
    Ok(())
}

fn refusal(lab: &Lab) -> Result<()> {
    let outcome = lab.machine("refusal").cd("/no/such.iso").start();
    let Err(error @ Error::Crashed { .. }) = outcome else {
        anyhow::bail!("a CD that does not exist gave {outcome:?}");
    };
    ensure!(error.to_string().contains("/no/such.iso"), "{error}");
    Ok(())
}
