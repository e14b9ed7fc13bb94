//! Media that may carry system backups: every block device with a file system
//! that the rescue image reads, mounted read-only, and let go again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use lifeboat_layout::signature::{self, Found};
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, PathContext, attribute, create_dir_all};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Where media are mounted, one directory for each device.
const MEDIA: &str = "/run/lifeboat/media";
/// Volume label of the rescue CD.
const RESCUE_LABEL: &str = "LIFEBOAT";
/// Kernel names of devices that are never media themselves.
const NO_MEDIA: [&str; 6] = ["loop", "ram", "dm-", "zram", "md", "nbd"];

/// A block device with a file system that can be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Kernel name, `sr0` or `vdb1`.
    pub device: String,
    /// What a person calls it: `CD LIFEBOAT`, `disk vdb`.
    pub name: String,
    found: Found,
}

/// A mounted medium; unmounted when dropped.
#[derive(Debug)]
pub struct MountedMedium {
    /// The medium.
    pub medium: Medium,
    /// Where its files are.
    pub root: PathBuf,
}

impl MountedMedium {
    /// Mounts a medium so that not even a journal is replayed onto it.
    ///
    /// # Errors
    /// [`FsError`] with the device.
    pub fn mount(medium: Medium) -> Result<Self, FsError> {
        let device = Path::new("/dev").join(&medium.device);
        let root = Path::new(MEDIA).join(&medium.device);
        create_dir_all(&root)?;
        let (kind, options) = match medium.found {
            Found::Iso9660 => ("iso9660", None),
            Found::Ext => ("ext4", Some("noload")),
            Found::Xfs => ("xfs", Some("norecovery,nouuid")),
            _ => ("vfat", None),
        };
        let flags =
            MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some(&device), &root, Some(kind), flags, options).at("mount", &device)?;
        Ok(Self { medium, root })
    }
}

impl Drop for MountedMedium {
    fn drop(&mut self) {
        if let Err(error) = umount2(&self.root, MntFlags::empty()) {
            log::warn!("unmounting {}: {error}", self.root.display());
        }
    }
}

/// Every medium present, CDs first; the rescue CD first of these.
///
/// # Errors
/// When sysfs cannot be listed. A device that cannot be read is logged and left out.
pub fn present() -> Result<Vec<Medium>, FsError> {
    let directory = Path::new("/sys/class/block");
    let mut media = Vec::new();
    for entry in std::fs::read_dir(directory).at("list", directory)? {
        let device = entry
            .at("list", directory)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        let sectors = attribute(directory.join(&device).join("size"));
        if NO_MEDIA.iter().any(|prefix| device.starts_with(prefix))
            || sectors.as_deref() == Some("0")
        {
            continue;
        }
        match head(&Path::new("/dev").join(&device)) {
            Ok(head) => media.extend(recognise(device, &head)),
            Err(error) => log::info!("{}", chain(&error)),
        }
    }
    media.sort_by_key(|m| {
        (
            m.found != Found::Iso9660,
            !m.name.ends_with(RESCUE_LABEL),
            m.device.clone(),
        )
    });
    Ok(media)
}

fn head(device: &Path) -> Result<Vec<u8>, FsError> {
    let mut head = Vec::new();
    File::open(device)
        .and_then(|file| file.take(signature::HEAD as u64).read_to_end(&mut head))
        .at("read", device)?;
    Ok(head)
}

/// A medium, if the first bytes of a device are of a file system that can carry backups.
fn recognise(device: String, head: &[u8]) -> Option<Medium> {
    let found = signature::identify(head, &[]).found;
    let name = match found {
        Found::Iso9660 => format!("CD {}", iso_label(head)),
        Found::Ext | Found::Xfs | Found::Vfat => format!("disk {device}"),
        _ => return None,
    };
    Some(Medium {
        device,
        name,
        found,
    })
}

/// Volume identifier of an ISO 9660 image (ECMA-119, 8.4.7): 32 bytes at 40 of
/// the primary volume descriptor in sector 16.
fn iso_label(head: &[u8]) -> String {
    let label = head.get(16 * 2048 + 40..16 * 2048 + 72).unwrap_or_default();
    String::from_utf8_lossy(label).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cd_is_named_by_its_label_and_a_swap_disk_is_no_medium() {
        let mut head = vec![0; signature::HEAD];
        head[0x8001..0x8006].copy_from_slice(b"CD001");
        head[0x8000 + 40..0x8000 + 48].copy_from_slice(b"LIFEBOAT");
        head[0x8000 + 48..0x8000 + 72].fill(b' ');
        assert_eq!(recognise("sr0".into(), &head).unwrap().name, "CD LIFEBOAT");
        assert_eq!(recognise("vda".into(), &vec![0; signature::HEAD]), None);
    }
}
