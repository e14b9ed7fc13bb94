//! Mounting the new file systems below a directory, and letting them go.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_sys::fs::create_dir_all;
use nix::errno::Errno;
use nix::mount::{MsFlags, umount};

use super::ApplyError;
use crate::plan::{PlannedFileSystem, mounts};

/// How long a file system may stay busy after its last user ended.
const LIMIT: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// The mounted file systems of a plan. Dropping it unmounts what it can;
/// [`unmount`](Self::unmount) says whether all went.
#[derive(Debug)]
pub struct Mounts {
    /// In the order of mounting.
    points: Vec<PathBuf>,
}

/// Mounts file systems of a plan below `root`, each after the one it is
/// mounted in; mount points are made.
///
/// The recorded mount options are for fstab: `ro`, `noexec` and the like would
/// only be in the way of a restore.
///
/// # Errors
/// [`ApplyError::Mount`]; what was mounted already is unmounted again.
pub fn mount(file_systems: &[PlannedFileSystem], root: &Path) -> Result<Mounts, ApplyError> {
    let mut mounted = Mounts { points: Vec::new() };
    for (point, fs) in mounts(file_systems) {
        let path = below(root, point);
        create_dir_all(&path)?;
        let device = fs.device.as_str();
        let result = nix::mount::mount(
            Some(device),
            &path,
            Some(fs.kind.as_str()),
            MsFlags::empty(),
            None::<&str>,
        );
        if let Err(errno) = result {
            let (device, source) = (fs.device.clone(), errno.into());
            return Err(ApplyError::Mount {
                device,
                path,
                source,
            });
        }
        log::info!("mounted {device} on {}", path.display());
        mounted.points.push(path);
    }
    Ok(mounted)
}

/// `/boot` below `/mnt` is `/mnt/boot`.
fn below(root: &Path, mount: &str) -> PathBuf {
    match mount.trim_start_matches('/') {
        "" => root.to_owned(),
        relative => root.join(relative),
    }
}

impl Mounts {
    /// Where things were mounted, in the order of mounting.
    #[must_use]
    pub fn points(&self) -> &[PathBuf] {
        &self.points
    }

    /// Unmounts everything, the last first. All are tried, whatever happens.
    ///
    /// # Errors
    /// [`ApplyError::Unmount`] for the first that would not go.
    pub fn unmount(mut self) -> Result<(), ApplyError> {
        self.unmount_all()
    }

    fn unmount_all(&mut self) -> Result<(), ApplyError> {
        let mut outcome = Ok(());
        while let Some(path) = self.points.pop() {
            if let Err(errno) = patiently(&path) {
                log::warn!("cannot unmount {}: {errno}", path.display());
                let failed = ApplyError::Unmount {
                    path,
                    source: errno.into(),
                };
                outcome = outcome.and(Err(failed));
            }
        }
        outcome
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        // Failures were logged; there is nobody left to hand them to.
        drop(self.unmount_all());
    }
}

/// A daemon that a package script started may take a moment to end.
fn patiently(path: &Path) -> Result<(), Errno> {
    let until = Instant::now() + LIMIT;
    loop {
        match umount(path) {
            Err(Errno::EBUSY) if Instant::now() < until => thread::sleep(PAUSE),
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_stay_below_the_root() {
        let root = Path::new("/mnt");
        assert_eq!(below(root, "/"), Path::new("/mnt"));
        assert_eq!(below(root, "/boot/efi"), Path::new("/mnt/boot/efi"));
    }
}
