//! Looks at the disks through sysfs.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use lifeboat_sys::fs::{PathContext, attribute, read};

use super::usage::{Usage, file_name};
use super::{
    Disk, DiskError, DiskPartition, Inventory, PhysicalVolume, firmware, location, lvm, paths,
};
use crate::signature::{Found, HEAD, Signature, identify};

/// How much of the end of a device is looked at.
const TAIL: u64 = 128 << 10;

/// The unit of sizes in sysfs, whatever the disk's sectors are.
const SYSFS_BLOCK: u64 = 512;

/// The SCSI device type of CD drives.
const TYPE_CD: &str = "5";

/// The disks of this machine, with what LVM knows of them.
///
/// # Errors
/// [`DiskError`].
pub fn present() -> Result<Vec<Disk>, DiskError> {
    let mut disks = probe(Path::new("/"))?;
    let on_lvm = |signature: &Signature| signature.found == Found::Lvm;
    let any = |disk: &Disk| {
        on_lvm(&disk.signature) || disk.partitions.iter().any(|p| on_lvm(&p.signature))
    };
    if disks.iter().any(any) {
        hand_out(lvm::physical_volumes(&disks)?, &mut disks);
    }
    Ok(disks)
}

/// The disks of this machine, and the physical volumes on what is no disk.
///
/// # Errors
/// [`DiskError`].
pub fn inventory() -> Result<Inventory, DiskError> {
    let mut disks = probe(Path::new("/"))?;
    let elsewhere = hand_out(lvm::physical_volumes(&disks)?, &mut disks);
    Ok(Inventory { disks, elsewhere })
}

/// Gives each disk its physical volumes; returns those on no disk.
fn hand_out(volumes: Vec<PhysicalVolume>, disks: &mut [Disk]) -> Vec<PhysicalVolume> {
    let mut elsewhere = Vec::new();
    for volume in volumes {
        let behind = paths::behind(Path::new("/"), &volume.device);
        let name = behind.unwrap_or_else(|| file_name(Path::new(&volume.device)));
        let owner = disks.iter_mut().find(|d| d.is_or_has(&name));
        match owner {
            Some(disk) => disk.physical_volumes.push(volume),
            None => elsewhere.push(volume),
        }
    }
    elsewhere
}

/// The disks that the system under `root` sees in its sysfs, sorted by
/// location. CD drives, removable media and disks without a device behind them
/// (loop, RAM, md, device mapper) are left out.
///
/// # Errors
/// [`DiskError::List`]. A disk that cannot be read is listed with unknown content.
pub fn probe(root: &Path) -> Result<Vec<Disk>, DiskError> {
    let sys_block = root.join("sys/block");
    let usage = Usage::read(root);
    let mut disks = Vec::new();
    for entry in std::fs::read_dir(&sys_block)
        .at("list", &sys_block)
        .map_err(DiskError::List)?
    {
        let path = entry
            .at("list", &sys_block)
            .map_err(DiskError::List)?
            .path();
        disks.extend(disk(root, &path, &usage));
    }
    disks.sort_by_cached_key(|disk| (location::sort_key(&disk.location), disk.name.clone()));
    let mut disks = paths::join(disks);
    for (number, disk) in disks.iter_mut().enumerate() {
        disk.hdisk = format!("hdisk{number}");
    }
    Ok(disks)
}

fn disk(root: &Path, path: &Path, usage: &Usage) -> Option<Disk> {
    let name = file_name(path);
    let is = |file: &str, value: &str| attribute(path.join(file)).as_deref() == Some(value);
    let size = number(path, "size")? * SYSFS_BLOCK;
    let virtual_device = !path.join("device").exists();
    if virtual_device || size == 0 || is("removable", "1") || is("device/type", TYPE_CD) {
        return None;
    }
    let partitions = partitions(root, path);
    let used = usage.of(path);
    let used = used.or_else(|| {
        partitions
            .iter()
            .find_map(|p| usage.of(&path.join(&p.name)))
    });
    Some(Disk {
        hdisk: String::new(),
        size,
        sector: number(path, "queue/logical_block_size")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(512),
        read_only: is("ro", "1"),
        serial: serial(path),
        wwid: first_of(path, &["wwid", "device/wwid"]),
        location: location(root, path),
        signature: signature(root, &name),
        partitions,
        physical_volumes: Vec::new(),
        paths: Vec::new(),
        bootable: firmware::boots(root, path),
        in_use: used,
        name,
    })
}

fn partitions(root: &Path, disk: &Path) -> Vec<DiskPartition> {
    let Ok(entries) = std::fs::read_dir(disk) else {
        return Vec::new();
    };
    let mut found: Vec<DiskPartition> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let name = file_name(&path);
            Some(DiskPartition {
                number: u32::try_from(number(&path, "partition")?).ok()?,
                start: number(&path, "start")? * SYSFS_BLOCK,
                size: number(&path, "size")? * SYSFS_BLOCK,
                signature: signature(root, &name),
                name,
            })
        })
        .collect();
    found.sort_by_key(|partition| partition.number);
    found
}

fn number(path: &Path, file: &str) -> Option<u64> {
    attribute(path.join(file))?.parse().ok()
}

fn first_of(path: &Path, files: &[&str]) -> Option<String> {
    files
        .iter()
        .find_map(|file| attribute(path.join(file)).filter(|text| !text.is_empty()))
}

/// virtio and NVMe have the serial number as text, SCSI as the vital product
/// data page 0x80: a four-byte header, then the text.
fn serial(path: &Path) -> Option<String> {
    first_of(path, &["serial", "device/serial"]).or_else(|| {
        let page = read(path.join("device/vpd_pg80")).ok()?;
        let text = String::from_utf8_lossy(page.get(4..)?)
            .trim_matches(['\0', ' '])
            .to_owned();
        (!text.is_empty()).then_some(text)
    })
}

fn location(root: &Path, path: &Path) -> String {
    let real = std::fs::canonicalize(path).unwrap_or_default();
    let devices = std::fs::canonicalize(root.join("sys/devices")).unwrap_or_default();
    location::stable(
        &real
            .strip_prefix(devices)
            .unwrap_or(&real)
            .to_string_lossy(),
    )
}

/// What is on a device. One that cannot be read may hold anything.
fn signature(root: &Path, name: &str) -> Signature {
    let path = root.join("dev").join(name);
    read_signature(&path).unwrap_or_else(|error| {
        log::warn!("cannot read {}: {error}", path.display());
        Signature {
            found: Found::Unknown,
            uuid: None,
        }
    })
}

/// Reads what a device holds.
///
/// # Errors
/// What the kernel said.
pub(crate) fn read_signature(path: &Path) -> io::Result<Signature> {
    let mut device = File::open(path)?;
    let mut head = Vec::new();
    device.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let end = device.seek(SeekFrom::End(0))?;
    device.seek(SeekFrom::Start(end.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    device.take(TAIL).read_to_end(&mut tail)?;
    Ok(identify(&head, &tail))
}
