//! LVM's devices file: a list of the physical volumes a system may use, by
//! identifiers that the new disk does not have. A restored system that kept it
//! would not find its own volume group.

use std::path::Path;

use lifeboat_sys::fs::{FsError, PathContext};

const FILE: &str = "etc/lvm/devices/system.devices";
const ASIDE: &str = "etc/lvm/devices/system.devices.before-restore";

/// Sets the file of the system below `root` aside, so that LVM looks at all
/// disks until the file is made anew (`vgimportdevices`). `false` if there is none.
///
/// # Errors
/// When the file cannot be renamed.
pub fn set_aside(root: &Path) -> Result<bool, FsError> {
    let file = root.join(FILE);
    match std::fs::rename(&file, root.join(ASIDE)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("rename", file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_kept_under_another_name() {
        let root = tempfile::tempdir().unwrap();
        assert!(!set_aside(root.path()).unwrap());
        let file = root.path().join(FILE);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "IDTYPE=sys_serial").unwrap();
        assert!(set_aside(root.path()).unwrap());
        assert!(!file.exists() && root.path().join(ASIDE).exists());
    }
}
