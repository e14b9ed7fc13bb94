//! An image that gets its name when it is complete.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::PathContext as _;
use nix::fcntl::OFlag;

use super::{IsoError, parent};

/// `NAME.partial`, removed unless it becomes `NAME`.
pub(super) struct Partial {
    pub path: PathBuf,
    file: File,
}

impl Partial {
    /// Creates it, empty. With a backup only its owner may read it: a backup holds
    /// password hashes and keys.
    pub fn create(out: &Path, private: bool) -> Result<Self, IsoError> {
        if out.symlink_metadata().is_ok_and(|there| !there.is_file()) {
            return Err(IsoError::NotAFile(out.to_owned()));
        }
        let mut path = out.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let mode = if private { 0o600 } else { 0o644 };
        let mut options = File::options();
        options
            .write(true)
            .create(true)
            .mode(mode)
            .custom_flags(OFlag::O_NOFOLLOW.bits());
        let file = options.open(&path).at("create", &path)?;
        // Of two writers the first to end would give the other's half the name.
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(IsoError::Busy(path)),
            // A file system without locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error).at("lock", &path)?,
        }
        // One that an interrupted run has left may be longer, and open to others.
        file.set_len(0).at("empty", &path)?;
        file.set_permissions(Permissions::from_mode(mode))
            .at("protect", &path)?;
        Ok(Self { path, file })
    }

    /// Brings the image to the disk, and then its name.
    pub fn finish(self, out: &Path) -> Result<u64, IsoError> {
        self.file.sync_all().at("sync", &self.path)?;
        let bytes = self.file.metadata().at("examine", &self.path)?.len();
        fs::rename(&self.path, out).at("rename", &self.path)?;
        let directory = parent(out);
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .at("sync", directory)?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `finish` there is nothing of this name; else there is an error to tell already.
        let _ = fs::remove_file(&self.path);
    }
}
