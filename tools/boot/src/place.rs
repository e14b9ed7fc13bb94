//! Where a directory of a system lies, as a boot loader must be told: the file system,
//! and the path in it.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext, read_to_string};
use lifeboat_sys::run::{RunError, Tool};

/// A directory cannot be named so that a boot loader finds it.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The kernel's list of mounts or the directory cannot be read.
    #[error("0590-407 It is not known where /boot lies")]
    Mounts(#[source] FsError),
    /// It lies on no disk.
    #[error("0590-408 {} lies on no disk of this machine", .0.display())]
    NoDevice(PathBuf),
    /// Its file system has no UUID that can be read.
    #[error("0590-409 The file system on {device} does not say its UUID")]
    NoUuid {
        /// The device.
        device: String,
        /// What blkid said.
        #[source]
        source: RunError,
    },
}

/// A directory in a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The node of the file system: `/dev/mapper/rootvg-hd4`.
    pub device: String,
    /// Path from the top of that file system, without an end slash: `/boot`, or empty.
    pub path: String,
}

impl Place {
    /// Where `directory` lies.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn of(directory: &Path) -> Result<Self, PlaceError> {
        let real = directory.canonicalize().at("find", directory);
        let real = real.map_err(PlaceError::Mounts)?;
        let mounts = read_to_string("/proc/self/mountinfo").map_err(PlaceError::Mounts)?;
        Self::find(&mounts, &real).ok_or(PlaceError::NoDevice(real))
    }

    fn find(mountinfo: &str, directory: &Path) -> Option<Self> {
        let mounts = mountinfo.lines().filter_map(Mount::parse);
        let around = mounts.filter(|mount| directory.starts_with(mount.at));
        // Of two in one place the later one is the upper one.
        let mount = around.max_by_key(|mount| mount.at.len())?;
        let below = directory.strip_prefix(mount.at).ok()?.to_string_lossy();
        let parts = [mount.top.trim_matches('/'), &below];
        let parts = parts.iter().filter(|part| !part.is_empty());
        Some(Self {
            device: mount
                .source
                .starts_with("/dev/")
                .then(|| mount.source.to_owned())?,
            path: parts.map(|part| format!("/{part}")).collect(),
        })
    }

    /// The UUID of the file system, as blkid prints it.
    ///
    /// # Errors
    /// [`PlaceError::NoUuid`].
    pub fn uuid(&self) -> Result<String, PlaceError> {
        let blkid = Tool::new("blkid")
            .args(["--probe", "--output", "value", "--match-tag", "UUID"])
            .arg(&self.device);
        let output = blkid.run().map_err(|source| PlaceError::NoUuid {
            device: self.device.clone(),
            source,
        })?;
        Ok(output.text().trim().to_owned())
    }
}

/// A line of mountinfo (proc(5)). Names with blanks stay escaped: no system boots
/// from such.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mount<'a> {
    /// What of the file system is mounted.
    top: &'a str,
    /// Where.
    pub(crate) at: &'a str,
    /// The device.
    pub(crate) source: &'a str,
}

impl<'a> Mount<'a> {
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let mut front = front.split(' ').skip(3);
        Some(Self {
            top: front.next()?,
            at: front.next()?,
            source: back.split(' ').nth(1)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 0:45 /@root /mnt/root rw,relatime shared:1 - btrfs /dev/vda3 rw,subvol=/@root
23 22 252:2 / /mnt/root/boot rw,relatime - ext4 /dev/vda2 rw
24 22 0:5 / /mnt/root/proc rw - proc proc rw
";

    #[test]
    fn the_nearest_mount_around_a_directory_counts() {
        let of = |path: &str| Place::find(MOUNTS, Path::new(path));
        let place = |device: &str, path: &str| {
            let (device, path) = (device.to_owned(), path.to_owned());
            Some(Place { device, path })
        };
        assert_eq!(of("/mnt/root/boot"), place("/dev/vda2", ""));
        assert_eq!(of("/mnt/root/boot/grub"), place("/dev/vda2", "/grub"));
        assert_eq!(of("/mnt/root/usr/x"), place("/dev/vda3", "/@root/usr/x"));
        assert_eq!(of("/mnt/root/bootes"), place("/dev/vda3", "/@root/bootes"));
        assert_eq!(of("/mnt/root/proc"), None);
        assert_eq!(of("/elsewhere"), None);
    }
}
