//! `bosboot-repair` and `bosboot-fallback-core`: systems that nothing boots any more.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Machine;

use crate::judge::guest::{ask, ask_within};
use crate::lab::Lab;
use crate::scenarios::restore::layouts::{self, WITHOUT_GRUB};
use crate::{base, judge, limits, menus, systems, texts, tools_cd};

/// What an operator comes to us with.
const DAMAGE: &str = "dd if=/dev/zero of=/dev/vda1 bs=1M count=8 conv=notrunc status=none && rm /boot/initrd.img-* && sync";
/// What an AIX hand asks in maintenance mode, beside what Linux says of the same.
const VIEWS: [(&str, &str); 6] = [
    ("lsvg", "vgs --noheadings -o vg_name | tr -d ' '"),
    (
        "lspv | awk '$4 == \"active\" { print $3 }' | sort -u",
        "vgs --noheadings -o vg_name | tr -d ' ' | sort",
    ),
    (
        "lsvg -l rootvg | awk '/^hd/ { print $1 }' | sort",
        "lvs --noheadings -o lv_name rootvg | tr -d ' ' | sort",
    ),
    (
        "bootinfo -s hdisk0",
        "echo $(($(cat /sys/block/vda/size) / 2048))",
    ),
    ("bootinfo -K", "getconf LONG_BIT"),
    (
        "lsdev -Cc disk | awk '{ print $1, $2 }'",
        "echo hdisk0 Available",
    ),
];
/// What the rescue image has for systems without GRUB.
const OWN_CORE: &str = "Lifeboat's own GRUB core";
/// The message with which a verdict says that it was written.
const OWN_CORE_NOTE: &str = "0590-717";

/// The boot record is blank and the boot image gone. Repaired from the CD in the
/// system itself; then the disk boots alone.
pub fn repair(lab: &Lab) -> Result<()> {
    let disk = base::installed(lab, "machine")?;
    let machine = || lab.machine("machine").disk(disk.clone());
    let mut broken = lab.power_on(machine())?;
    judge::log_in(&mut broken)?;
    ask(&mut broken, DAMAGE)?;
    judge::shut_down(&mut broken)?;
    drop(broken);
    let mut broken = lab.power_on(machine())?;
    let outcome = broken.expect_any(&texts::FIRMWARE_OUTCOMES, limits::firmware())?;
    ensure!(outcome.which == 1, "the firmware still loads something");
    drop(broken);

    from_cd(lab, machine())?;
    let mut repaired = judge::boot_alone(lab, machine()).context("booting the repaired disk")?;
    judge::well(&mut repaired)?;
    judge::shut_down(&mut repaired)
}

/// Access a Root Volume Group, `bosboot -a`, and out again.
fn from_cd(lab: &Lab, machine: Machine) -> Result<()> {
    let mut machine = lab.power_on(machine.cd(&lab.media.iso))?;
    machine
        .expect(texts::FIRMWARE_PROMPT, limits::firmware())
        .context("the firmware, which still tries the disk first")?;
    machine.send_line(texts::FIRMWARE_BOOT_CD)?;
    menus::access(&mut machine)?;
    for (ours, theirs) in VIEWS {
        let (said, found) = (ask(&mut machine, ours)?, ask(&mut machine, theirs)?);
        ensure!(
            !said.is_empty() && said == found,
            "{ours} says\n{said}\n{theirs} says\n{found}"
        );
    }
    let (status, said) = machine.shell("bosboot -v", limits::command())?;
    ensure!(
        status == 1 && said.contains(texts::MESSAGE),
        "bosboot -v finds nothing wrong:\n{said}"
    );
    let said = ask_within(&mut machine, "bosboot -a", limits::install())?;
    ensure!(said.contains("read back"), "bosboot -a says\n{said}");
    let said = ask_within(&mut machine, "bosboot -v", limits::command())?;
    ensure!(!said.contains(texts::MESSAGE), "bosboot -v says\n{said}");
    menus::leave_and_power_off(&mut machine)
}

/// The backup of a system without any GRUB is restored with a core of our own, and the
/// system can check that core and make it anew.
pub fn fallback_core(lab: &Lab) -> Result<()> {
    let disks = layouts::disks(lab, &WITHOUT_GRUB)?;
    let backup = systems::backup(lab, &WITHOUT_GRUB).context("making the backup")?;
    let cd = lab.cd("menu", Some(&backup), None)?;
    let machine = layouts::with(lab.machine("machine"), &disks);
    let mut machine = lab.power_on(machine.cd(cd))?;
    menus::agree(&mut machine)?;
    menus::verdict(&mut machine).context("restoring")?;
    ensure!(
        machine.console_text().contains(OWN_CORE_NOTE),
        "the verdict does not say whose core it is\n{}",
        machine.evidence()
    );
    menus::power_off(&mut machine)?;
    drop(machine);
    layouts::judge(lab, &WITHOUT_GRUB, &disks).context("what the core boots")?;

    let tools = tools_cd::make(lab, &[])?;
    let machine = layouts::with(lab.machine("machine"), &disks);
    let mut machine = lab.power_on(machine.cd(tools))?;
    judge::log_in(&mut machine)?;
    tools_cd::install(&mut machine)?;
    let said = ask_within(&mut machine, "bosboot -v", limits::command())?;
    ensure!(said.contains(OWN_CORE), "bosboot -v says\n{said}");
    ask_within(&mut machine, "bosboot -a", limits::install())?;
    judge::shut_down(&mut machine)?;
    drop(machine);
    let machine = layouts::with(lab.machine("machine"), &disks);
    let mut machine = judge::boot_alone(lab, machine).context("the core made anew")?;
    judge::shut_down(&mut machine)
}
