//! The PReP partitions of a system: on the disks below its file systems, by sysfs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, attribute, read_to_string};
use lifeboat_sys::run::Tool;

use crate::place::Mount;

/// What makes up the root volume group, as far as booting goes.
const ANCHORS: [&str; 4] = ["/", "/boot", "/usr", "/var"];
/// The partition type in a GPT and in an MBR, as blkid prints them.
const TYPES: [&str; 2] = ["9e1a2d38-c612-4316-aa26-8b49521e5a8b", "0x41"];
/// How deep devices may stack before we stop.
const DEPTH: usize = 8;

/// A PReP partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prep {
    /// The kernel's name of its disk: `vda`.
    pub disk: String,
    /// Its node: `/dev/vda1`.
    pub device: PathBuf,
}

/// The PReP partitions on the disks of the system below `root`; where these have none,
/// those on any disk, for the boot record may be on a disk of its own.
///
/// # Errors
/// [`FsError`] when the kernel's list of mounts cannot be read.
pub fn of_system(root: &Path) -> Result<Vec<Prep>, FsError> {
    let mounts = read_to_string("/proc/self/mountinfo")?;
    let sys = Path::new("/sys");
    let own = disks(sys, &mounts, root);
    let found = on_disks(sys, &own, is_prep);
    if !found.is_empty() {
        return Ok(found);
    }
    Ok(on_disks(sys, &names(&sys.join("block")), is_prep))
}

fn is_prep(node: &Path) -> bool {
    let blkid = Tool::new("blkid")
        .args([
            "--probe",
            "--output",
            "value",
            "--match-tag",
            "PART_ENTRY_TYPE",
        ])
        .arg(node);
    // An empty partition makes it fail, and is answered all the same.
    match blkid.status() {
        Ok((_, output)) => TYPES.contains(&output.text().trim()),
        Err(error) => {
            log::warn!("{}", lifeboat_sys::error::chain(&error));
            false
        }
    }
}

/// The disks below the file systems of the system.
fn disks(sys: &Path, mountinfo: &str, root: &Path) -> BTreeSet<String> {
    let mut disks = BTreeSet::new();
    for mount in mountinfo.lines().filter_map(Mount::parse) {
        let relative = Path::new(mount.at).strip_prefix(root);
        let at = relative.map(|relative| Path::new("/").join(relative));
        let is_own = at.is_ok_and(|at| ANCHORS.iter().any(|anchor| at == Path::new(anchor)));
        if let Some(name) = is_own.then(|| kernel_name(mount.source)).flatten() {
            below(sys, &name, DEPTH, &mut disks);
        }
    }
    disks
}

/// `/dev/mapper/rootvg-hd4` is a link to `dm-0`.
fn kernel_name(node: &str) -> Option<String> {
    let node = Path::new(node).strip_prefix("/dev").ok()?;
    let real = Path::new("/dev").join(node);
    let real = real.canonicalize().unwrap_or(real);
    Some(real.file_name()?.to_string_lossy().into_owned())
}

fn below(sys: &Path, name: &str, depth: usize, disks: &mut BTreeSet<String>) {
    let device = sys.join("class/block").join(name);
    if device.join("partition").exists() {
        let disk = device.canonicalize().ok();
        let disk = disk
            .as_deref()
            .and_then(Path::parent)
            .and_then(Path::file_name);
        disks.extend(disk.map(|disk| disk.to_string_lossy().into_owned()));
        return;
    }
    let slaves = names(&device.join("slaves"));
    // A disk of several paths is one disk; its partitions are the device mapper's.
    if slaves.is_empty() || is_multipath(sys, name) {
        disks.insert(name.to_owned());
    } else if depth > 0 {
        slaves
            .iter()
            .for_each(|slave| below(sys, slave, depth - 1, disks));
    }
}

fn is_multipath(sys: &Path, name: &str) -> bool {
    let uuid = attribute(sys.join("block").join(name).join("dm/uuid"));
    uuid.is_some_and(|uuid| uuid.starts_with("mpath-"))
}

fn on_disks(sys: &Path, disks: &BTreeSet<String>, is_prep: impl Fn(&Path) -> bool) -> Vec<Prep> {
    let mut found = Vec::new();
    for disk in disks {
        let device = sys.join("block").join(disk);
        let parts = if is_multipath(sys, disk) {
            names(&device.join("holders"))
        } else {
            let mut parts = names(&device);
            parts.retain(|part| device.join(part).join("partition").exists());
            parts
        };
        for part in parts {
            let device = Path::new("/dev").join(&part);
            if is_prep(&device) {
                let disk = disk.clone();
                found.push(Prep { disk, device });
            }
        }
    }
    found
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    /// A mirror of LVM on two disks, a third disk, and one that is seen over two paths.
    fn machine() -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let at = |path: &str| sys.path().join(path);
        create_dir_all(at("class/block")).unwrap();
        for disk in ["vda", "vdb", "vdc", "dm-0", "dm-1", "dm-2", "dm-3"] {
            create_dir_all(at("block").join(disk).join("slaves")).unwrap();
            create_dir_all(at("block").join(disk).join("holders")).unwrap();
            symlink(at("block").join(disk), at("class/block").join(disk)).unwrap();
        }
        for part in ["vda1", "vda3", "vdb1", "vdb3", "vdc1"] {
            let device = at("block").join(&part[..3]).join(part);
            create_dir_all(&device).unwrap();
            write(device.join("partition"), &part[3..]).unwrap();
            symlink(&device, at("class/block").join(part)).unwrap();
        }
        let hold = |upper: &str, lower: &str| {
            write(at("block").join(upper).join("slaves").join(lower), "").unwrap();
        };
        hold("dm-2", "dm-0");
        hold("dm-2", "dm-1");
        hold("dm-0", "vda3");
        hold("dm-1", "vdb3");
        hold("dm-3", "sda");
        create_dir_all(at("block/dm-3/dm")).unwrap();
        write(at("block/dm-3/dm/uuid"), "mpath-3600\n").unwrap();
        write(at("block/dm-3/holders/dm-4"), "").unwrap();
        sys
    }

    #[test]
    fn the_disks_below_a_mirror_have_a_boot_record_each() {
        let sys = machine();
        let mounts = "22 1 253:2 / /mnt/root rw - ext4 /dev/dm-2 rw\n\
                      23 1 252:9 / / rw - ext4 /dev/vdc1 rw\n\
                      24 22 252:9 / /mnt/root/data rw - ext4 /dev/vdc1 rw\n";
        let own = disks(sys.path(), mounts, Path::new("/mnt/root"));
        assert_eq!(own, ["vda", "vdb"].map(str::to_owned).into());
        let first = |node: &Path| node.to_string_lossy().ends_with('1');
        let found = on_disks(sys.path(), &own, first);
        let nodes: Vec<_> = found
            .iter()
            .map(|prep| prep.device.display().to_string())
            .collect();
        assert_eq!(nodes, ["/dev/vda1", "/dev/vdb1"]);
    }

    #[test]
    fn a_disk_of_several_paths_is_one() {
        let sys = machine();
        let mounts = "22 1 253:3 / / rw - ext4 /dev/dm-3 rw\n";
        let own = disks(sys.path(), mounts, Path::new("/"));
        assert_eq!(own, ["dm-3".to_owned()].into());
        let found = on_disks(sys.path(), &own, |_| true);
        assert_eq!(found[0].device, Path::new("/dev/dm-4"));
    }
}
