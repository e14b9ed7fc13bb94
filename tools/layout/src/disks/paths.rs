//! Several paths to one disk.

use super::Disk;

/// Joins disks that are one and the same, seen through several adapters or ports. The
/// first path stands for the disk; nothing is ever written through the others.
pub(super) fn join(disks: Vec<Disk>) -> Vec<Disk> {
    let mut joined: Vec<Disk> = Vec::new();
    for disk in disks {
        match joined.iter_mut().find(|other| same(other, &disk)) {
            Some(first) => {
                first.in_use = first.in_use.take().or(disk.in_use);
                first.read_only |= disk.read_only;
                first.paths.push(disk.name);
            }
            None => joined.push(disk),
        }
    }
    joined
}

/// A WWID alone could be that of a careless clone in a virtual machine.
fn same(one: &Disk, other: &Disk) -> bool {
    one.wwid.is_some()
        && one.wwid == other.wwid
        && one.serial == other.serial
        && (one.size, one.sector) == (other.size, other.sector)
        && one.signature == other.signature
}
