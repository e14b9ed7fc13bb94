//! LVM's devices file: a list of the physical volumes a system may use, by
//! identifiers that the new disk does not have. A restored system that kept it
//! would not find its own volume group.

use std::path::Path;

use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::run::{RunError, Tool};

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

/// LVM's devices file does not take a disk.
#[derive(Debug, thiserror::Error)]
#[error("0590-268 {0} cannot be added to LVM's devices file")]
pub struct AddError(String, #[source] RunError);

/// Adds new physical volumes to the file of the system that runs; `false` if it has none.
///
/// # Errors
/// [`AddError`] with the first that cannot be added.
pub fn add(devices: &[String]) -> Result<bool, AddError> {
    if !Path::new("/").join(FILE).exists() {
        return Ok(false);
    }
    for device in devices {
        let tool = Tool::new("lvm").args(["lvmdevices", "--yes", "--adddev", device]);
        tool.run()
            .map_err(|source| AddError(device.clone(), source))?;
    }
    Ok(true)
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
