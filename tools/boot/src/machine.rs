//! What the machine wants of a boot record, from its device tree.

use std::path::Path;

use lifeboat_sys::fs::read;

/// Where the kernel shows the device tree.
pub const TREE: &str = "/proc/device-tree";
/// Machines whose firmware (petitboot) reads GRUB's configuration itself.
const READS_CONFIGURATION: &[u8] = b"ibm,powernv";

/// What the firmware does with a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    /// It reads `grub.cfg` and starts the kernel itself; there is no boot record.
    pub reads_configuration: bool,
    /// It loads signed boot records only.
    pub wants_signature: bool,
}

impl Machine {
    /// Reads the device tree; a tree that says nothing means PReP without signatures.
    #[must_use]
    pub fn of(tree: &Path) -> Self {
        let compatible = read(tree.join("compatible")).unwrap_or_default();
        let level = read(tree.join("ibm,secure-boot")).unwrap_or_default();
        Self {
            reads_configuration: compatible
                .split(|byte| *byte == 0)
                .any(|name| name == READS_CONFIGURATION),
            // 1 only reports, 2 refuses; what only reports today may refuse tomorrow.
            wants_signature: level.iter().any(|byte| *byte != 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_tree_says_what_is_wanted() {
        let tree = tempfile::tempdir().unwrap();
        assert_eq!(Machine::of(tree.path()), Machine::default());
        let put = |name: &str, bytes: &[u8]| std::fs::write(tree.path().join(name), bytes).unwrap();
        put("compatible", b"IBM,pseries\0");
        put("ibm,secure-boot", &[0, 0, 0, 0]);
        assert_eq!(Machine::of(tree.path()), Machine::default());
        put("compatible", b"ibm,witherspoon\0ibm,powernv\0");
        put("ibm,secure-boot", &[0, 0, 0, 2]);
        let machine = Machine::of(tree.path());
        assert!(machine.reads_configuration && machine.wants_signature);
    }
}
