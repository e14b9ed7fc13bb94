//! Systems whose disks are laid out in other ways than the demo's, each restored onto
//! blank disks of the sizes that it had.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, Machine, Network, Running, disk};

use super::unattended;
use crate::judge::guest::ask_within;
use crate::lab::Lab;
use crate::systems::{self, System};
use crate::{image_data, judge, limits, texts, tools_cd};

macro_rules! system {
    ($name:literal, $release:literal $(, $path:literal = $file:literal)*) => {
        System {
            name: $name,
            release: $release,
            image_data: include_str!(concat!("../../../systems/", $name, "/image.data")),
            files: &[
                ("etc/fstab", include_str!(concat!("../../../systems/", $name, "/fstab"))),
                $(($path, include_str!(concat!("../../../systems/", $name, "/", $file))),)*
            ],
            with: &[],
            instead_of: &[],
            without: &[],
            check: include_str!(concat!("../../../systems/", $name, "/check.sh")),
        }
    };
}

/// For `restore-nolvm` and `cfgmgr-new-hardware`.
pub const NOLVM: System = system!("nolvm", "trixie");
const BTRFS: System = system!("btrfs", "trixie");
const LVM: System = system!("lvm", "trixie");
/// Its volumes lie in pieces, and its backup holds their maps.
const MAPS: System = system!(
    "maps",
    "trixie",
    "var/lib/lifeboat/maps/rootvg.root.map" = "rootvg.root.map",
    "var/lib/lifeboat/maps/rootvg.srv.map" = "rootvg.srv.map",
    "var/lib/lifeboat/maps/rootvg.swap.map" = "rootvg.swap.map"
);
/// For `bosboot-fallback-core`.
pub const WITHOUT_GRUB: System = System {
    without: &[
        "grub-ieee1275",
        "grub-ieee1275-bin",
        "grub2-common",
        "grub-common",
    ],
    ..LVM
};
/// For `restore-dracut`.
pub const DRACUT: System = System {
    with: &["dracut", "cryptsetup"],
    instead_of: &["initramfs-tools", "cryptsetup-initramfs"],
    check: include_str!("../../../systems/lvm/dracut.sh"),
    ..LVM
};
const MD: System = system!("md", "trixie", "etc/mdadm/mdadm.conf" = "mdadm.conf");
/// For `restore-luks`.
pub const LUKS: System = system!("luks", "trixie", "etc/crypttab" = "crypttab");
/// For `restore-two-disks-mirror`: what Debian boots with a disk missing.
pub const MD_MIRROR: System = system!("md-mirror", "trixie", "etc/mdadm/mdadm.conf" = "mdadm.conf");
/// For `restore-mirror-to-one`.
pub const MIRROR: System = system!("mirror", "trixie");
/// For `restore-keeps-data-vg`.
pub const BESIDE: System = system!("beside", "trixie");
/// For `restore-multipath`.
pub const MULTIPATH: System = System {
    with: &["multipath-tools", "multipath-tools-boot", "kpartx"],
    ..system!(
        "multipath",
        "trixie",
        "etc/multipath.conf" = "multipath.conf",
        "etc/multipath/bindings" = "bindings",
        "etc/multipath/wwids" = "wwids",
        "etc/systemd/system.conf.d/test.conf" = "system.conf"
    )
};
const BOOKWORM: System = system!("bookworm", "bookworm");

/// Plain partitions in an MBR, logical ones among them.
pub fn nolvm(lab: &Lab) -> Result<()> {
    same(lab, &NOLVM)
}

/// Subvolumes, one of them the default.
pub fn btrfs(lab: &Lab) -> Result<()> {
    same(lab, &BTRFS)
}

/// Striped, thin and mirrored volumes.
pub fn lvm(lab: &Lab) -> Result<()> {
    same(lab, &LVM)
}

/// Volumes in pieces, placed as on the source.
pub fn maps(lab: &Lab) -> Result<()> {
    same(lab, &MAPS)
}

/// Arrays of three levels over three disks.
pub fn md(lab: &Lab) -> Result<()> {
    same(lab, &MD)
}

/// A kernel and a GRUB older than the rescue image's tools.
pub fn bookworm(lab: &Lab) -> Result<()> {
    same(lab, &BOOKWORM)
}

/// dracut makes the boot image, on other adapters: in the restore, and in the system.
pub fn dracut(lab: &Lab) -> Result<()> {
    let disks = disks_on(lab, &DRACUT, |id| Bus::Vscsi { id })?;
    let machine = || with(lab.machine("machine").network(Network::SpaprVlan), &disks);
    let backup = systems::backup(lab, &DRACUT).context("making the backup")?;
    unattended(lab, &backup, machine())?;
    let tools = tools_cd::make(lab, &[])?;
    let mut restored = judge::boot_alone(lab, machine().cd(tools))?;
    as_described(&mut restored, &DRACUT)?;
    tools_cd::install(&mut restored)?;
    ask_within(&mut restored, "bosboot -a", limits::install())?;
    let said = ask_within(&mut restored, "bosboot -v", limits::command())?;
    ensure!(!said.contains(texts::MESSAGE), "bosboot -v says\n{said}");
    judge::shut_down(&mut restored)?;
    drop(restored);
    let mut again = judge::boot_alone(lab, machine()).context("with the image made anew")?;
    as_described(&mut again, &DRACUT)?;
    judge::shut_down(&mut again)
}

/// Restores unattended onto disks like the source's, boots them alone, judges.
fn same(lab: &Lab, system: &System) -> Result<()> {
    let disks = disks(lab, system)?;
    restore(lab, system, &disks)?;
    judge(lab, system, &disks)
}

/// Restores a system's backup onto these disks unattended.
pub fn restore(lab: &Lab, system: &System, disks: &[Disk]) -> Result<()> {
    let backup = systems::backup(lab, system).context("making the backup")?;
    unattended(lab, &backup, with(lab.machine("machine"), disks))
}

/// Boots the disks alone; what runs is what image.data says, and well.
pub fn judge(lab: &Lab, system: &System, disks: &[Disk]) -> Result<()> {
    let mut machine = judge::boot_alone(lab, with(lab.machine("machine"), disks))
        .context("booting the disks alone")?;
    as_described(&mut machine, system)?;
    judge::shut_down(&mut machine)
}

/// Blank disks of the sizes that image.data records.
pub fn disks(lab: &Lab, system: &System) -> Result<Vec<Disk>> {
    disks_on(lab, system, |slot| Bus::VirtioBlk { slot })
}

/// The same, where the numbers from 1 are.
fn disks_on(lab: &Lab, system: &System, bus: impl Fn(u8) -> Bus) -> Result<Vec<Disk>> {
    let stanzas = image_data::parse(system.image_data);
    let sources = stanzas.iter().filter(|s| s.name == "source_disk_data");
    (1..)
        .zip(sources)
        .map(|(slot, source)| {
            let name = source.get("HDISKNAME");
            let path = lab.path(&format!("{name}.img"));
            disk::create_blank(&path, source.number("SIZE_MB")? << 20)?;
            Ok(Disk::new(name, path, Format::Raw, bus(slot)).serial(format!("LB{name}")))
        })
        .collect()
}

/// The machine with these disks.
pub fn with(machine: Machine, disks: &[Disk]) -> Machine {
    disks.iter().cloned().fold(machine, Machine::disk)
}

/// The running system is what image.data says, and well.
pub fn as_described(machine: &mut Running, system: &System) -> Result<()> {
    let recorded = image_data::parse(system.image_data);
    judge::as_recorded(machine, &recorded).context("disk layout")?;
    for command in system.commands() {
        ask_within(machine, command, limits::whole_system())?;
    }
    judge::well(machine)
}
