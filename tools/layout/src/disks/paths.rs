//! Several paths to one disk.

use super::Disk;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Signature;

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
    fn what_holds_something_else_is_another_disk() {
        let clone = path("sdb", "naa.5a", Found::Empty);
        let disks = join(vec![path("sda", "naa.5a", Found::Gpt), clone]);
        assert_eq!(disks.len(), 2);
    }
}
