//! LVM's devices file: a list of the physical volumes a system may use, by
//! identifiers that the new disk does not have. A restored system that kept it
//! would not find its own volume group.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use lifeboat_boot::chroot::Chroot;
use lifeboat_layout::disks::PhysicalVolume;
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, PathContext, read};
use lifeboat_sys::openat::open_directory_below;
use lifeboat_sys::run::{RunError, Tool};

const FILE: &str = "etc/lvm/devices/system.devices";
const ASIDE: &str = "etc/lvm/devices/system.devices.before-restore";

/// What became of the file of a restored system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// It has none: LVM looks at all disks.
    None,
    /// It was made anew, with so many physical volumes.
    Listed(usize),
    /// It was set aside: LVM looks at all disks until it is made anew
    /// (`vgimportdevices`).
    Aside,
}

/// Makes the file of a restored system anew, by its own LVM: `own` are the physical
/// volumes of the plan; of the `others` those that it had listed stay. `lvmdevices`
/// writes to the file alone, never to a disk.
///
/// Where disks have several paths the rescue system sees other devices than the
/// restored one: there the file is only set aside, and so it is when LVM refuses.
///
/// # Errors
/// When the file cannot be read, renamed or removed.
pub fn renew(
    chroot: &Chroot,
    own: &[String],
    others: &[PhysicalVolume],
) -> Result<Renewed, FsError> {
    let root = chroot.root();
    let Some(old) = set_aside(root)? else {
        return Ok(Renewed::None);
    };
    if old.contains("IDTYPE=mpath_uuid") {
        return Ok(Renewed::Aside);
    }
    let listed = listed(&old);
    let others = others
        .iter()
        .filter(|pv| listed.contains(&plain(&pv.uuid)))
        .map(|pv| &pv.device);
    let devices: Vec<&String> = own.iter().chain(others).collect();
    for device in &devices {
        let tool = Tool::new("lvm")
            .args(["lvmdevices", "--yes", "--adddev", device])
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .chroot(root);
        if let Err(error) = tool.run() {
            log::warn!("{}", chain(&error));
            // Half a list hides the other half.
            let file = root.join(FILE);
            return match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(error).at("remove", file)
                }
                _ => Ok(Renewed::Aside),
            };
        }
    }
    Ok(Renewed::Listed(devices.len()))
}

/// Sets the file of the system below `root` aside and hands back its text; `None` if
/// there is none.
fn set_aside(root: &Path) -> Result<Option<String>, FsError> {
    let file = root.join(FILE);
    // A link on the way could lead out of the system.
    let system = File::open(root).at("open", root)?;
    let place = Path::new(FILE).parent().unwrap_or(Path::new(""));
    if open_directory_below(system.as_fd(), place).is_err() {
        return Ok(None);
    }
    match std::fs::rename(&file, root.join(ASIDE)) {
        Ok(()) => {
            let text = read(root.join(ASIDE))?;
            Ok(Some(String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("rename", file),
    }
}

/// The physical volumes that the file lists, by their UUIDs without dashes.
fn listed(text: &str) -> BTreeSet<String> {
    let entries = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let words = entries.flat_map(str::split_whitespace);
    words
        .filter_map(|word| word.strip_prefix("PVID="))
        .map(plain)
        .collect()
}

fn plain(uuid: &str) -> String {
    uuid.replace('-', "")
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

    /// As LVM 2.03.31 writes it.
    const TEXT: &str = "\
# LVM uses devices listed in this file.
VERSION=1.1.2
IDTYPE=sys_wwid IDNAME=naa.600507680c80 DEVNAME=/dev/sda3 PVID=Ab000000000000000000000000000001 PART=3
IDTYPE=devname IDNAME=/dev/vdb DEVNAME=/dev/vdb PVID=Ef000000000000000000000000000003
";

    #[test]
    fn the_file_is_kept_under_another_name() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(set_aside(root.path()).unwrap(), None);
        let file = root.path().join(FILE);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, TEXT).unwrap();
        assert_eq!(set_aside(root.path()).unwrap().as_deref(), Some(TEXT));
        assert!(!file.exists() && root.path().join(ASIDE).exists());
    }

    #[test]
    fn what_it_lists_is_read() {
        let listed = listed(TEXT);
        assert_eq!(listed.len(), 2);
        assert!(listed.contains(&plain("Ef0000-0000-0000-0000-0000-0000-000003")));
    }
}
