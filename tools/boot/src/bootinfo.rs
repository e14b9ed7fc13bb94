//! What a machine is and how it was started, from the device tree and sysfs.
//!
//! Everything takes `sysfs`, which is `/sys` or a recorded tree.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::attribute;

use crate::bootlist::Entry;
use crate::ofpath::TREE;

/// The unit of sizes in sysfs.
const SYSFS_BLOCK: u64 = 512;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Something is not told.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BootInfoError {
    /// A file of sysfs or the device tree is missing.
    #[error("0590-425 The kernel does not tell {what}: {} cannot be read", path.display())]
    Untold {
        /// What was asked for.
        what: &'static str,
        /// Where it should stand.
        path: PathBuf,
    },
}

/// How the machine was started, with AIX's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootType {
    /// From a disk.
    Disk = 1,
    /// From a CD.
    Cd = 3,
    /// Over the network.
    Network = 5,
}

impl BootType {
    /// The kind of what the firmware says it has booted from.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        match entry {
            Entry::Block(name) if name.starts_with("sr") => Some(Self::Cd),
            Entry::Block(_) => Some(Self::Disk),
            Entry::Network(..) => Some(Self::Network),
            Entry::Unknown | Entry::Stale => None,
        }
    }
}

fn told(path: PathBuf, what: &'static str) -> Result<String, BootInfoError> {
    attribute(&path).ok_or(BootInfoError::Untold { what, path })
}

/// The machine's model: `IBM,9009-42A`.
///
/// # Errors
/// [`BootInfoError::Untold`] without a device tree.
pub fn model(sysfs: &Path) -> Result<String, BootInfoError> {
    told(sysfs.join(TREE).join("model"), "the model")
}

/// The kind of machine: `chrp` for partitions and emulated machines, as on AIX;
/// `powernv` for bare metal, which AIX does not know.
///
/// # Errors
/// [`BootInfoError::Untold`] without a device tree.
pub fn platform(sysfs: &Path) -> Result<String, BootInfoError> {
    let tree = sysfs.join(TREE);
    if let Some(kind) = attribute(tree.join("device_type")) {
        return Ok(kind);
    }
    let compatible = told(tree.join("compatible"), "the platform")?;
    let last = compatible.split('\0').next_back().unwrap_or_default();
    Ok(last.trim_start_matches("ibm,").to_owned())
}

/// The nodes of the processors.
fn processors(sysfs: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sysfs.join(TREE).join("cpus"));
    let nodes = entries.into_iter().flatten().flatten();
    nodes
        .map(|entry| entry.path())
        .filter(|node| attribute(node.join("device_type")).as_deref() == Some("cpu"))
        .collect()
}

/// Bits of the processors: 64 or 32.
///
/// # Errors
/// [`BootInfoError::Untold`] without a device tree.
pub fn hardware_bits(sysfs: &Path) -> Result<u32, BootInfoError> {
    let nodes = processors(sysfs);
    let node = nodes.first().ok_or_else(|| BootInfoError::Untold {
        what: "the processors",
        path: sysfs.join(TREE).join("cpus"),
    })?;
    Ok(if node.join("64-bit").exists() { 64 } else { 32 })
}

/// Whether the machine has more than one processor; each thread counts.
#[must_use]
pub fn is_multiprocessor(sysfs: &Path) -> bool {
    // Four bytes for each thread.
    let threads = |node: &PathBuf| {
        let servers = std::fs::read(node.join("ibm,ppc-interrupt-server#s"));
        servers.map_or(1, |bytes| bytes.len() / 4)
    };
    processors(sysfs).iter().map(threads).sum::<usize>() > 1
}

/// Memory in KiB that the machine has, also what the kernel keeps for itself.
///
/// # Errors
/// [`BootInfoError::Untold`] where the kernel does not count its memory in blocks.
pub fn memory_kib(sysfs: &Path) -> Result<u64, BootInfoError> {
    let memory = sysfs.join("devices/system/memory");
    let size = memory.join("block_size_bytes");
    let text = told(size.clone(), "the memory")?;
    let block = u64::from_str_radix(&text, 16).map_err(|_| BootInfoError::Untold {
        what: "the memory",
        path: size,
    })?;
    let entries = std::fs::read_dir(&memory).into_iter().flatten().flatten();
    let online = entries.filter(|entry| {
        let place = entry.path();
        attribute(place.join("online")).as_deref() == Some("1")
    });
    Ok(online.count() as u64 * block / KIB)
}

/// Size of a disk in MiB, by the kernel's name.
///
/// # Errors
/// [`BootInfoError::Untold`] when there is no such disk.
pub fn disk_mib(sysfs: &Path, name: &str) -> Result<u64, BootInfoError> {
    let path = sysfs.join("class/block").join(name).join("size");
    let text = told(path.clone(), "the size of the disk")?;
    let blocks: u64 = text.parse().map_err(|_| BootInfoError::Untold {
        what: "the size of the disk",
        path,
    })?;
    Ok(blocks * SYSFS_BLOCK / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootlist::{Present, booted_from};
    use crate::recorded::tree;

    const QEMU: &str = include_str!("../tests/trees/qemu-pseries.tree");
    const NV: &str = include_str!("../tests/trees/powernv.tree");

    #[test]
    fn an_emulated_machine() {
        let sys = tree(QEMU);
        let sys = sys.path();
        assert_eq!(model(sys).unwrap(), "IBM pSeries (emulated by qemu)");
        assert_eq!(platform(sys).unwrap(), "chrp");
        assert_eq!(hardware_bits(sys), Ok(64));
        assert!(is_multiprocessor(sys));
        assert_eq!(memory_kib(sys), Ok(2 * 256 * KIB));
        assert_eq!(disk_mib(sys, "vda"), Ok(4096));
        let entry = Present::probe(sys).find(&booted_from(sys).unwrap());
        assert_eq!(BootType::of(&entry), Some(BootType::Disk));
    }

    #[test]
    fn bare_metal() {
        let sys = tree(NV);
        assert_eq!(platform(sys.path()).unwrap(), "powernv");
        assert_eq!(booted_from(sys.path()), None);
        assert!(!is_multiprocessor(sys.path()));
    }

    #[test]
    fn what_is_not_told_is_said() {
        let sys = tree("class/block");
        let errors = [
            model(sys.path()).unwrap_err(),
            hardware_bits(sys.path()).unwrap_err(),
            memory_kib(sys.path()).unwrap_err(),
            disk_mib(sys.path(), "vda").unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().starts_with("0590-425"), "{error}");
        }
    }

    #[test]
    fn kinds_of_a_start() {
        let network = Entry::Network("eth0".into(), crate::ofpath::Call::default());
        for (entry, kind) in [
            (Entry::Block("sr0".into()), Some(BootType::Cd)),
            (network, Some(BootType::Network)),
            (Entry::Unknown, None),
        ] {
            assert_eq!(BootType::of(&entry), kind);
        }
    }
}
