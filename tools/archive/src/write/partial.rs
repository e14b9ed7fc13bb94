//! A file that gets its name when it is complete.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};
use nix::fcntl::OFlag;

use super::create::CreateError;

/// A backup holds password hashes and keys: only its owner may read it.
const MODE: u32 = 0o600;

/// `NAME.partial`, to become `NAME`. It is removed if it does not.
pub(crate) struct Partial {
    path: PathBuf,
    target: PathBuf,
    file: File,
    finished: bool,
}

impl Partial {
    /// Creates the file, empty; one that an interrupted run has left is used again.
    pub fn create(target: &Path) -> Result<Self, CreateError> {
        // A rename would put a file in a tape drive's place.
        if target
            .symlink_metadata()
            .is_ok_and(|there| !there.is_file())
        {
            return Err(CreateError::NotAFile(target.to_owned()));
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let mut options = File::options();
        options
            .write(true)
            .create(true)
            .mode(MODE)
            .custom_flags(OFlag::O_NOFOLLOW.bits());
        let file = options.open(&path).at("create", &path)?;
        lock(&file, &path)?;
        file.set_permissions(Permissions::from_mode(MODE))
            .at("protect", &path)?;
        file.set_len(0).at("empty", &path)?;
        Ok(Self {
            path,
            target: target.to_owned(),
            file,
            finished: false,
        })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Device and inode.
    pub fn inode(&self) -> Result<(u64, u64), FsError> {
        let metadata = self.file.metadata().at("stat", &self.path)?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Brings the content to the disk, and then the name.
    pub fn finish(mut self) -> Result<(), FsError> {
        self.file.sync_all().at("sync", &self.path)?;
        fs::rename(&self.path, &self.target).at("rename", &self.path)?;
        self.finished = true;
        let parent = self
            .target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        File::open(parent)
            .and_then(|directory| directory.sync_all())
            .at("sync", parent)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.finished {
            // There is an error to tell already.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Two writers must not share the file: the first to end would give the other's
/// half the name.
fn lock(file: &File, path: &Path) -> Result<(), CreateError> {
    let busy = || CreateError::Busy(path.to_owned());
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy()),
        // A file system without locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error).at("lock", path)?,
    }
    // The other writer may have ended since this one opened the file.
    let same = |named: &fs::Metadata, open: &fs::Metadata| {
        (named.dev(), named.ino()) == (open.dev(), open.ino())
    };
    match (path.symlink_metadata(), file.metadata()) {
        (Ok(named), Ok(open)) if same(&named, &open) => Ok(()),
        _ => Err(busy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_a_finished_file_has_the_name() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("b");
        let names = || fs::read_dir(place.path()).unwrap().count();
        let partial = Partial::create(&target).unwrap();
        partial.file().write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(partial);
        assert_eq!(names(), 0);
        // What a crash has left, readable for all.
        fs::write(place.path().join("b.partial"), "longer than the new one").unwrap();
        let partial = Partial::create(&target).unwrap();
        partial.file().write_all(b"whole").unwrap();
        partial.finish().unwrap();
        assert_eq!(
            (names(), fs::read(&target).unwrap()),
            (1, b"whole".to_vec())
        );
        assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, MODE);
    }

    #[test]
    fn a_second_writer_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("b");
        let first = Partial::create(&target).unwrap();
        assert!(matches!(
            Partial::create(&target),
            Err(CreateError::Busy(_))
        ));
        first.finish().unwrap();
        assert!(Partial::create(&target).is_ok());
    }

    #[test]
    fn a_link_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("b");
        let victim = place.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, place.path().join("b.partial")).unwrap();
        assert!(matches!(
            Partial::create(&target),
            Err(CreateError::File(_))
        ));
        assert_eq!(fs::read(victim).unwrap(), b"untouched");
    }
}
