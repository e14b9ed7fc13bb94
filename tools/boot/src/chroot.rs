//! The restored system as a place to run its own tools in: kernel file systems
//! mounted into it, device links that udev would have made, and all of it taken
//! away again.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext, create_dir_all};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// What the tools of a system expect to find mounted. `/run` is empty on
/// purpose: without udev's directory there LVM scans `/dev` by itself.
const MOUNTS: [(&str, &str, Option<&str>); 4] = [
    ("dev", "/dev", None),
    ("proc", "proc", Some("proc")),
    ("sys", "sysfs", Some("sysfs")),
    ("run", "tmpfs", Some("tmpfs")),
];

/// A file system as `grub-probe` and `mkinitramfs` look it up under
/// `/dev/disk/by-uuid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UuidLink {
    /// UUID as `blkid` prints it.
    pub uuid: String,
    /// The device that holds it.
    pub device: PathBuf,
}

/// A system prepared for running its own tools; [`Chroot::leave`] undoes it.
#[derive(Debug)]
pub struct Chroot {
    root: PathBuf,
    mounted: Vec<PathBuf>,
}

impl Chroot {
    /// The system that runs: all its tools need is mounted.
    #[must_use]
    pub fn here() -> Self {
        Self {
            root: PathBuf::from("/"),
            mounted: Vec::new(),
        }
    }

    /// Mounts `/dev`, `/proc`, `/sys` and `/run` below `root` and makes the
    /// links by UUID that no udev makes in the rescue image.
    ///
    /// # Errors
    /// The mount or link that failed; what was mounted before is taken away.
    pub fn enter(root: &Path, links: &[UuidLink]) -> Result<Self, FsError> {
        link_by_uuid(links)?;
        let mut chroot = Self {
            root: root.to_owned(),
            mounted: Vec::new(),
        };
        for (name, source, kind) in MOUNTS {
            let target = root.join(name);
            create_dir_all(&target)?;
            let flags = if kind.is_some() {
                MsFlags::empty()
            } else {
                MsFlags::MS_BIND
            };
            mount(Some(source), &target, kind, flags, None::<&str>).at("mount", &target)?;
            chroot.mounted.push(target);
        }
        Ok(chroot)
    }

    /// Root directory of the system.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Unmounts everything again.
    ///
    /// # Errors
    /// The mount point that stayed busy.
    pub fn leave(mut self) -> Result<(), FsError> {
        while let Some(target) = self.mounted.pop() {
            umount2(&target, MntFlags::empty()).at("unmount", &target)?;
        }
        Ok(())
    }
}

impl Drop for Chroot {
    fn drop(&mut self) {
        // Only on the way out of an error, which is what gets reported.
        while let Some(target) = self.mounted.pop() {
            if let Err(error) = umount2(&target, MntFlags::MNT_DETACH) {
                log::warn!("unmounting {}: {error}", target.display());
            }
        }
    }
}

fn link_by_uuid(links: &[UuidLink]) -> Result<(), FsError> {
    let directory = Path::new("/dev/disk/by-uuid");
    create_dir_all(directory)?;
    for link in links {
        let path = directory.join(&link.uuid);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).at("replace", &path);
            }
            _ => symlink(&link.device, &path).at("create link", &path)?,
        }
    }
    Ok(())
}
