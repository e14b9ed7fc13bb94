//! One backup of a system at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use lifeboat_sys::fs::PathContext;

use crate::error::BackupError;

/// What is ours while the system runs.
pub(crate) const PLACE: &str = "/run/lifeboat";

/// The lock; it is free again when this is dropped, or the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl Lock {
    /// Takes the lock in this directory.
    pub(crate) fn take(place: &Path) -> Result<Self, BackupError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(place)
            .at("create directory", place)?;
        let path = place.join("backup.lock");
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).at("open", &path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(BackupError::Busy),
            Err(TryLockError::Error(error)) => Err(error).at("lock", &path)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_has_ended() {
        let place = tempfile::tempdir().unwrap();
        let first = Lock::take(place.path()).unwrap();
        assert!(matches!(Lock::take(place.path()), Err(BackupError::Busy)));
        drop(first);
        assert!(Lock::take(place.path()).is_ok());
    }
}
