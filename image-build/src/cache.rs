//! Where the slow parts are kept between builds: outside the checkout, each
//! under the hash of all that decides its contents.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, io};

use lifeboat_sys::fs::{self, FsError, PathContext as _};

use crate::root::as_root;

/// The cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Neither variable that says where it belongs is set.
    #[error("0590-816 Neither XDG_CACHE_HOME nor HOME is set, so there is no place for the cache")]
    NoHome,
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

/// Hashes all that decides what an entry holds.
#[derive(Clone, Default)]
pub struct Key(blake3::Hasher);

impl Key {
    /// Adds a text or a file's contents; lengths keep neighbours apart.
    #[must_use]
    pub fn with(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds every file below a directory, with its name, sorted.
    ///
    /// # Errors
    /// [`FsError`] when something cannot be read.
    pub fn with_directory(mut self, directory: &Path) -> Result<Self, FsError> {
        let mut entries = std::fs::read_dir(directory)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .at("read directory", directory)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            self = self.with(entry.file_name().as_encoded_bytes());
            self = if path.is_dir() {
                self.with_directory(&path)?
            } else {
                self.with(fs::read(&path)?)
            };
        }
        Ok(self)
    }

    /// Enough of the hash for a directory's name.
    fn name(&self) -> String {
        self.0.finalize().to_hex()[..16].to_owned()
    }
}

/// `${XDG_CACHE_HOME:-~/.cache}/lifeboat`.
///
/// # Errors
/// [`CacheError::NoHome`] when the environment names neither.
pub fn directory() -> Result<PathBuf, CacheError> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").map(|home| home.join(".cache"));
    let base = set("XDG_CACHE_HOME")
        .or_else(home)
        .ok_or(CacheError::NoHome)?;
    Ok(base.join("lifeboat"))
}

/// The entry `kind` under this key in `cache`, made by `make` unless it is there
/// (or `anew`). `make` fills a directory of its own, which becomes the entry
/// only when all of it has succeeded. Of several builds at once one makes it and
/// the others wait.
///
/// # Errors
/// What `make` reports, or [`FsError`] when the cache cannot be written.
pub fn entry<E: From<FsError>>(
    cache: &Path,
    kind: &str,
    key: &Key,
    anew: bool,
    make: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let name = format!("{kind}-{}", key.name());
    let entry = cache.join(&name);
    if entry.exists() && !anew {
        return Ok(entry);
    }
    fs::create_dir_all(cache)?;
    let before = modified(&entry);
    let _lock = lock(&cache.join(format!("{name}.lock")))?;
    if (!anew && entry.exists()) || modified(&entry) != before {
        // Another build made it while we waited.
        return Ok(entry);
    }
    // Whoever left this behind is gone, for we have the lock.
    let work = cache.join(format!("{name}.new"));
    remove(&work)?;
    fs::create_dir_all(&work)?;
    if let Err(error) = make(&work) {
        // The failure counts; what cannot be removed now is removed next time.
        let _ = remove(&work);
        return Err(error);
    }
    remove(&entry)?;
    std::fs::rename(&work, &entry).at("create", &entry)?;
    Ok(entry)
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// Held until dropped, or until the process ends in any way.
fn lock(path: &Path) -> Result<File, FsError> {
    let file = File::create(path).at("create", path)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error).at("lock", path),
    }
    eprintln!("Waiting for another build, which makes the same ...");
    // Bounded by the deadlines of the programs that the other build runs.
    file.lock().at("lock", path)?;
    Ok(file)
}

/// Removes a directory that may be absent, and may hold files that belong to
/// ids of a user namespace.
///
/// # Errors
/// [`FsError`] with the directory.
pub fn remove(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let removed = as_root("rm").args(["-rf", "--"]).arg(path).run();
            removed.map(drop).map_err(|_| error).at("remove", path)
        }
        result => result.at("remove", path),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn make(cache: &Path, key: &str, anew: bool, text: &str) -> Result<PathBuf, FsError> {
        entry(cache, "test", &Key::default().with(key), anew, |dir| {
            fs::write(dir.join("file"), text)
        })
    }

    fn text(entry: &Path) -> String {
        fs::read_to_string(entry.join("file")).unwrap()
    }

    #[test]
    fn an_entry_is_made_once_for_each_key_or_anew() {
        let cache = tempfile::tempdir().unwrap();
        let first = make(cache.path(), "a", false, "1").unwrap();
        assert_eq!(text(&make(cache.path(), "a", false, "2").unwrap()), "1");
        assert_eq!(text(&make(cache.path(), "b", false, "3").unwrap()), "3");
        assert_eq!(make(cache.path(), "a", true, "4").unwrap(), first);
        assert_eq!(text(&first), "4");
    }

    #[test]
    fn what_failed_or_was_interrupted_leaves_no_entry_and_no_rest() {
        let cache = tempfile::tempdir().unwrap();
        let key = Key::default().with("a");
        let rest = cache.path().join(format!("test-{}.new", key.name()));
        let fails = |work: &Path| {
            fs::write(work.join("half"), "x")?;
            fs::read("/no/such/file").map(drop)
        };
        entry(cache.path(), "test", &key, false, fails).unwrap_err();
        assert!(!rest.exists());
        fs::create_dir_all(rest.join("of an interrupted build")).unwrap();
        let made = make(cache.path(), "a", false, "1").unwrap();
        assert_eq!(std::fs::read_dir(made).unwrap().count(), 1);
        assert!(!rest.exists());
    }

    #[test]
    fn of_two_builds_at_once_one_makes_the_entry() {
        let cache = tempfile::tempdir().unwrap();
        let made = AtomicU32::new(0);
        let (first_makes, second_comes) = (Barrier::new(2), Barrier::new(2));
        let make = |work: &Path| {
            if made.fetch_add(1, Ordering::SeqCst) == 0 {
                first_makes.wait();
                second_comes.wait();
            }
            fs::write(work.join("file"), "1")
        };
        let build = || entry(cache.path(), "test", &Key::default(), false, make).unwrap();
        std::thread::scope(|scope| {
            let first = scope.spawn(build);
            first_makes.wait();
            let second = scope.spawn(|| {
                second_comes.wait();
                build()
            });
            assert_eq!(first.join().unwrap(), second.join().unwrap());
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn keys_tell_neighbours_apart() {
        let name = |a: &str, b: &str| Key::default().with(a).with(b).name();
        assert_ne!(name("ab", "c"), name("a", "bc"));
    }

    #[test]
    fn a_directorys_key_follows_names_and_contents() {
        let dir = tempfile::tempdir().unwrap();
        let name = || Key::default().with_directory(dir.path()).unwrap().name();
        fs::create_dir_all(dir.path().join("sub")).unwrap();
        let empty = name();
        fs::write(dir.path().join("sub/x"), "1").unwrap();
        let one = name();
        fs::write(dir.path().join("sub/x"), "2").unwrap();
        assert!(empty != one && one != name());
    }
}
