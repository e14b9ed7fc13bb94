//! Several paths to one disk.

use std::path::Path;

use lifeboat_sys::fs::attribute;

use super::Disk;
use super::usage::file_name;
use crate::signature::Found;

/// Joins disks that are one and the same, seen through several adapters or ports. The
/// first path that can be read stands for the disk; nothing is ever written through the
/// others.
pub(super) fn join(disks: Vec<Disk>) -> Vec<Disk> {
    let mut joined: Vec<Disk> = Vec::new();
    for mut disk in disks {
        match joined.iter_mut().find(|other| same(other, &disk)) {
            Some(first) => {
                if unread(first) && !unread(&disk) {
                    std::mem::swap(first, &mut disk);
                }
                first.in_use = first.in_use.take().or(disk.in_use);
                first.read_only |= disk.read_only;
                first.paths.push(disk.name);
                first.paths.append(&mut disk.paths);
            }
            None => joined.push(disk),
        }
    }
    joined
}

/// A WWID alone could be that of a careless clone in a virtual machine. Over a path that
/// a storage system holds in reserve nothing can be read.
fn same(one: &Disk, other: &Disk) -> bool {
    one.wwid.is_some()
        && one.wwid == other.wwid
        && one.serial == other.serial
        && (one.size, one.sector) == (other.size, other.sector)
        && (one.signature == other.signature || unread(one) || unread(other))
}

fn unread(disk: &Disk) -> bool {
    disk.signature.found == Found::Unknown
}

/// The kernel's name of a path to the disk behind a device of multipath, or behind a
/// partition of one; `None` of any other device.
pub(super) fn behind(root: &Path, device: &str) -> Option<String> {
    let node = root.join(device.trim_start_matches('/'));
    let mut name = file_name(&node.canonicalize().ok()?);
    loop {
        let block = root.join("sys/block").join(name);
        let uuid = attribute(block.join("dm/uuid"))?;
        let (kind, rest) = uuid.split_once('-')?;
        let is_whole = kind == "mpath";
        // `part2-mpath-3600a` lies on `mpath-3600a`.
        let is_part = kind.starts_with("part") && rest.starts_with("mpath-");
        if !is_whole && !is_part {
            return None;
        }
        let mut below = std::fs::read_dir(block.join("slaves")).ok()?.flatten();
        name = file_name(&below.next()?.path());
        if is_whole {
            return Some(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Signature;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    fn path(name: &str, wwid: &str, found: Found) -> Disk {
        Disk {
            name: name.to_owned(),
            hdisk: String::new(),
            size: 1 << 30,
            sector: 512,
            read_only: false,
            serial: None,
            wwid: Some(wwid.to_owned()),
            location: String::new(),
            signature: Signature { found, uuid: None },
            partitions: Vec::new(),
            physical_volumes: Vec::new(),
            paths: Vec::new(),
            bootable: true,
            in_use: None,
        }
    }

    #[test]
    fn a_path_in_reserve_belongs_to_its_disk_and_does_not_stand_for_it() {
        let disks = join(vec![
            path("sda", "naa.5a", Found::Unknown),
            path("sdb", "naa.5b", Found::Empty),
            path("sdc", "naa.5a", Found::Unknown),
            path("sdd", "naa.5a", Found::Gpt),
            path("sde", "naa.5a", Found::Gpt),
        ]);
        let names: Vec<_> = disks
            .iter()
            .map(|disk| (disk.name.as_str(), disk.paths.join(" ")))
            .collect();
        assert_eq!(
            names,
            [("sdd", "sda sdc sde".to_owned()), ("sdb", String::new())]
        );
    }

    #[test]
    fn the_disk_behind_a_device_of_multipath_is_found() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        create_dir_all(at("dev/mapper")).unwrap();
        for (name, uuid, alias, slave) in [
            ("dm-0", "mpath-3600a", "mpatha", "sdb"),
            ("dm-1", "part3-mpath-3600a", "mpatha-part3", "dm-0"),
            ("dm-2", "LVM-abc", "rootvg-hd4", "dm-1"),
        ] {
            create_dir_all(at("sys/block").join(name).join("slaves").join(slave)).unwrap();
            create_dir_all(at("sys/block").join(name).join("dm")).unwrap();
            write(at("sys/block").join(name).join("dm/uuid"), uuid).unwrap();
            write(at("dev").join(name), "").unwrap();
            symlink(at("dev").join(name), at("dev/mapper").join(alias)).unwrap();
        }
        let of = |device: &str| behind(root.path(), device);
        assert_eq!(of("/dev/mapper/mpatha-part3").as_deref(), Some("sdb"));
        assert_eq!(of("/dev/mapper/mpatha").as_deref(), Some("sdb"));
        assert_eq!(of("/dev/mapper/rootvg-hd4"), None);
        assert_eq!(of("/dev/sda3"), None);
    }

    #[test]
    fn what_holds_something_else_is_another_disk() {
        let clone = path("sdb", "naa.5a", Found::Empty);
        let disks = join(vec![path("sda", "naa.5a", Found::Gpt), clone]);
        assert_eq!(disks.len(), 2);
    }
}
