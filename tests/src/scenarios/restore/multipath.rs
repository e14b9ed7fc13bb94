//! `restore-multipath`: a system whose root is on dm-multipath, as on most machines with
//! a SAN. It comes back on another disk under its old alias, over all paths or the one
//! that is left; on a machine without such disks it comes back, too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, Machine, Running, disk, nvram};
use lifeboat_sys::run::Tool;

use super::layouts::{self, MULTIPATH};
use super::unattended;
use crate::judge::guest::{ask, ask_within};
use crate::lab::{DISK_BYTES, Lab};
use crate::{image_data, judge, limits, menus, texts, tools_cd};

/// Room for a backup.
const BACKUP_DISK_BYTES: u64 = 2 << 30;
/// Where that disk is in the source.
const BACKUP_DEVICE: &str = "/dev/vda";
const BACKUP: &str = "/system.mksysb";
/// The message that a disk has several paths.
const PATHS_NOTE: &str = "0590-294";

/// A disk with two adapters of different kinds in front of it.
struct San {
    wwn: u64,
    disk: PathBuf,
    ways: [Bus; 2],
}

impl San {
    fn new(lab: &Lab, name: &str, wwn: u64, ways: [Bus; 2]) -> Result<Self> {
        let disk = lab.path(&format!("{name}.img"));
        disk::create_blank(&disk, DISK_BYTES)?;
        Ok(Self { wwn, disk, ways })
    }

    fn over(&self, ways: &[Bus]) -> Disk {
        let serial = format!("LBSAN{:x}", self.wwn);
        let disk = Disk::new("san", &self.disk, Format::Raw, ways[0]).serial(serial);
        disk.several_ways(self.wwn, &ways[1..])
    }

    fn both(&self) -> Disk {
        self.over(&self.ways)
    }

    /// As multipath writes it.
    fn wwid(&self) -> String {
        format!("3{:016x}", self.wwn)
    }
}

pub fn run(lab: &Lab) -> Result<()> {
    let vscsi = |id| Bus::Vscsi { id };
    let virtio = |id| Bus::VirtioScsi { id };
    let old = San::new(lab, "old", 0x5000_c500_0000_00a1, [vscsi(1), virtio(1)])?;
    layouts::restore(lab, &MULTIPATH, &[old.both()]).context("making the source")?;
    let backup = back_up(lab, &old).context("the source")?;

    let new = San::new(lab, "new", 0x5000_c500_0000_00b2, [virtio(2), vscsi(3)])?;
    by_menu(lab, &backup, &new).context("restoring onto another disk")?;
    let target = || lab.machine("target");
    let list = boot_list(&target())?;
    let paths = list.split_whitespace().count();
    ensure!(paths == new.ways.len(), "the boot list is {list:?}");
    let mut machine = judge::boot_alone(lab, target().disk(new.both()))?;
    as_before(&mut machine, &backup, &new, 2).context("the restored system")?;
    judge::well(&mut machine)?;
    judge::shut_down(&mut machine)?;
    drop(machine);
    accessible(lab, &new).context("the restored system from the CD")?;

    let is_vscsi = list.starts_with("/vdevice/");
    let left = new.ways.map(|way| (matches!(way, Bus::Vscsi { .. }), way));
    let left: Vec<Bus> = left
        .iter()
        .filter(|w| w.0 != is_vscsi)
        .map(|w| w.1)
        .collect();
    one_path(lab, target().disk(new.over(&left)), &backup, &new)
        .context("without the adapter that is first in the boot list")?;
    no_paths(lab, &backup).context("on a machine without such disks")
}

/// Boots the source, and has it back itself up.
fn back_up(lab: &Lab, old: &San) -> Result<PathBuf> {
    let tools = tools_cd::make(lab, &[])?;
    let room = lab.blank_disk("backups", 2, BACKUP_DISK_BYTES, "LBBACKUPS")?;
    let machine = lab.machine("machine").disk(old.both()).cd(tools);
    let mut machine = judge::boot_alone(lab, machine.disk(room.clone()))?;
    layouts::as_described(&mut machine, &MULTIPATH)?;
    paths(&mut machine, old, 2)?;
    tools_cd::install(&mut machine)?;
    bootable(&mut machine)?;
    let device = BACKUP_DEVICE;
    ask(
        &mut machine,
        &format!("mkfs.ext4 -q {device} && mkdir /backup && mount {device} /backup"),
    )?;
    let said = ask_within(
        &mut machine,
        &format!("mksysb -i /backup{BACKUP}"),
        limits::backup(),
    )?;
    ensure!(
        said.matches(PATHS_NOTE).count() == 1,
        "{PATHS_NOTE} is not said once:\n{said}"
    );
    judge::shut_down(&mut machine)?;
    drop(machine);
    let backup = lab.path("source.mksysb");
    let dump = format!("dump {BACKUP} {}", backup.display());
    Tool::new("debugfs")
        .args(["-R", &dump])
        .arg(room.path())
        .run()?;
    recorded(&backup, old)?;
    Ok(backup)
}

/// The commands know the disk by multipath's name, and both paths to it.
fn bootable(machine: &mut Running) -> Result<()> {
    let said = ask_within(machine, "bosboot -v", limits::command())?;
    ensure!(!said.contains(texts::MESSAGE), "bosboot -v says\n{said}");
    let volumes = ask(machine, "lspv")?;
    let is_root = |line: &str| line.starts_with("hdisk") && line.contains("rootvg");
    ensure!(
        volumes.lines().any(is_root) && !volumes.contains("mpath"),
        "lspv says\n{volumes}"
    );
    let shown = ask(machine, "bootlist -m normal -o")?;
    let record = shown.lines().filter(|line| line.contains("blv="));
    ensure!(record.count() == 2, "bootlist -o says\n{shown}");
    let list = ask(machine, "bootlist -m normal -r")?;
    ask(machine, "bootlist -m normal mpatha")?;
    let set = ask(machine, "bootlist -m normal -r")?;
    let sorted = |list: &str| list.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    ensure!(
        sorted(&set) == sorted(&list) && sorted(&set).len() == 2,
        "the restore left the list\n{list}\nset to mpatha it is\n{set}"
    );
    Ok(())
}

/// What the source says of its disk: one, by its identity, with everything on it.
fn recorded(backup: &Path, old: &San) -> Result<()> {
    let stanzas = image_data::of_backup(backup)?;
    let all = |name: &'static str| stanzas.iter().filter(move |s| s.name == name);
    let wwids: Vec<&str> = all("source_disk_data").map(|s| s.get("LX_WWID")).collect();
    let wwid = format!("naa.{:016x}", old.wwn);
    ensure!(wwids == [&wwid], "the disks are {wwids:?}, not {wwid}");
    let kinds = all("lx_partition_data").map(|s| s.get("LX_PART_TYPE"));
    let kinds: Vec<&str> = kinds.collect();
    ensure!(
        kinds == ["prep", "fs", "lvm"],
        "the partitions are {kinds:?}"
    );
    let boot = all("fs_data").find(|s| s.get("FS_NAME") == "/boot");
    let on = boot.map_or("", |s| s.get("LX_FS_PARTITION"));
    ensure!(on.ends_with(":2"), "/boot is on {on:?}");
    Ok(())
}

/// The plan has one disk with both paths, and proposes it; nothing is said to be double.
fn by_menu(lab: &Lab, backup: &Path, new: &San) -> Result<()> {
    let cd = lab.cd("menu", Some(backup), None)?;
    let mut machine = lab.power_on(lab.machine("target").disk(new.both()).cd(cd))?;
    menus::agree(&mut machine).context("going through the menus")?;
    let screens = machine.console_text();
    let one = ["hdisk0 (sda sdb)", "hdisk0 (sdb sda)"];
    ensure!(
        one.iter().any(|one| screens.contains(one)) && screens.contains("there is no other disk"),
        "the paths are not one disk\n{}",
        machine.evidence()
    );
    menus::verdict(&mut machine).context("restoring")?;
    menus::power_off(&mut machine)
}

/// What image.data says, on the new disk under the old alias.
fn as_before(machine: &mut Running, backup: &Path, san: &San, count: usize) -> Result<()> {
    judge::as_recorded(machine, &image_data::of_backup(backup)?)?;
    for command in MULTIPATH.commands() {
        ask_within(machine, command, limits::whole_system())?;
    }
    paths(machine, san, count)
}

/// multipath has the disk under the alias that all its files have, and so many paths.
fn paths(machine: &mut Running, san: &San, count: usize) -> Result<()> {
    let wwid = san.wwid();
    let shown = ask(machine, "multipath -ll mpatha")?;
    let active = shown.matches("active ready running").count();
    ensure!(
        shown.contains(&wwid) && active == count,
        "not {count} paths to {wwid}:\n{shown}"
    );
    let lists = "grep -hv '^#' /etc/multipath/bindings /etc/multipath/wwids";
    let lists = ask(machine, lists)?;
    ensure!(
        lists == format!("mpatha {wwid}\n/{wwid}/"),
        "multipath's files say\n{lists}"
    );
    let image = "unmkinitramfs /boot/initrd.img-$(uname -r) /tmp/image && \
        cat $(find /tmp/image -path '*etc/multipath/bindings') && rm -r /tmp/image";
    let bindings = ask_within(machine, image, limits::whole_system())?;
    ensure!(
        bindings.contains(&format!("mpatha {wwid}")),
        "in the boot image stands\n{bindings}"
    );
    Ok(())
}

/// Maintenance finds one system, and switches its volume group on.
fn accessible(lab: &Lab, san: &San) -> Result<()> {
    let machine = lab.machine("rescue").disk(san.both());
    let mut machine = lab.power_on(machine.cd(&lab.media.iso))?;
    machine.expect(texts::FIRMWARE_ENTER, limits::firmware())?;
    machine.send(texts::FIRMWARE_ENTER_KEY)?;
    machine.expect(texts::FIRMWARE_PROMPT, limits::firmware())?;
    machine.send_line(texts::FIRMWARE_BOOT_CD)?;
    menus::access(&mut machine)?;
    let mounted = "findmnt -n -o SOURCE / && findmnt -n -o SOURCE /boot";
    let mounted = ask(&mut machine, mounted)?;
    ensure!(
        mounted.lines().next() == Some("/dev/mapper/rootvg-hd4"),
        "mounted are\n{mounted}"
    );
    ask_within(&mut machine, "bosboot -v", limits::command())?;
    menus::leave_and_power_off(&mut machine)
}

/// The firmware goes on to the path that is left, and so does the system.
fn one_path(lab: &Lab, machine: Machine, backup: &Path, san: &San) -> Result<()> {
    let mut machine = lab.power_on(machine)?;
    machine.expect(texts::FIRMWARE_OUTCOMES[0], limits::to_menu())?;
    judge::log_in(&mut machine)?;
    as_before(&mut machine, backup, san, 1)?;
    judge::shut_down(&mut machine)
}

/// The names that multipath gave are gone there, and nothing waits for them.
fn no_paths(lab: &Lab, backup: &Path) -> Result<()> {
    let disk = lab.blank_disk("plain", 1, DISK_BYTES, "LBPLAIN")?;
    let machine = || lab.machine("plain").disk(disk.clone());
    unattended(lab, backup, machine())?;
    let mut machine = judge::boot_alone(lab, machine())?;
    judge::as_recorded(&mut machine, &image_data::of_backup(backup)?)?;
    let boot = ask(&mut machine, "findmnt -n -o SOURCE /boot")?;
    ensure!(boot == "/dev/vda2", "/boot is {boot}");
    judge::well(&mut machine)?;
    judge::shut_down(&mut machine)
}

fn boot_list(machine: &Machine) -> Result<String> {
    let list = nvram::variable(&machine.nvram_path(), "boot-device")?;
    list.context("NVRAM has no boot-device")
}
