//! `std::fs` with errors that name the path and the operation.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A file operation that failed: what was tried, on which path.
#[derive(Debug, thiserror::Error)]
#[error("0590-001 Cannot {operation} {}", path.display())]
pub struct FsError {
    /// What was tried, as a verb: "read", "write", "create".
    pub operation: &'static str,
    /// The path it was tried on.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

/// Gives an [`io::Result`] the path and the verb that its error lacks.
pub trait PathContext<T> {
    /// `operation` is a verb that follows "Cannot".
    ///
    /// # Errors
    /// The original error, wrapped.
    fn at(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, FsError>;
}

impl<T, E: Into<io::Error>> PathContext<T> for Result<T, E> {
    fn at(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, FsError> {
        self.map_err(|source| FsError {
            operation,
            path: path.as_ref().to_owned(),
            source: source.into(),
        })
    }
}

/// Reads a whole file.
///
/// # Errors
/// [`FsError`] with the path.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, FsError> {
    fs::read(&path).at("read", path)
}

/// Reads a whole UTF-8 file.
///
/// # Errors
/// [`FsError`] with the path; text that is not UTF-8 is `InvalidData`.
pub fn read_to_string(path: impl AsRef<Path>) -> Result<String, FsError> {
    fs::read_to_string(&path).at("read", path)
}

/// Reads a one-line kernel attribute (sysfs, procfs), trimmed; `None` where the
/// attribute does not exist or cannot be read, as is normal for many devices.
pub fn attribute(path: impl AsRef<Path>) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // Device-tree strings end in NUL, sysfs ones in a newline.
    Some(
        text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
            .to_owned(),
    )
}

/// Writes a whole file, replacing what was there.
///
/// # Errors
/// [`FsError`] with the path.
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<(), FsError> {
    fs::write(&path, bytes).at("write", path)
}

/// Writes a file under another name and then gives it its own: whoever reads it sees
/// the old one or the new one, whatever happens in between. It gets this mode.
///
/// # Errors
/// [`FsError`] with the path; the old file is as it was.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    // What a crash has left, or what somebody has put there, is not written through.
    let _ = fs::remove_file(new);
    let mut options = File::options();
    let options = options.write(true).create_new(true).mode(mode);
    let result = options.open(new).at("create", new).and_then(|mut file| {
        file.set_permissions(Permissions::from_mode(mode))
            .at("protect", new)?;
        file.write_all(bytes).at("write", new)?;
        file.sync_all().at("sync", new)?;
        fs::rename(new, path).at("replace", path)
    });
    if result.is_err() {
        let _ = fs::remove_file(new);
    }
    result
}

/// Creates a directory and its parents.
///
/// # Errors
/// [`FsError`] with the path.
pub fn create_dir_all(path: impl AsRef<Path>) -> Result<(), FsError> {
    fs::create_dir_all(&path).at("create directory", path)
}

/// A new directory that nobody else may look into, and that is gone afterwards.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it in this directory.
    ///
    /// # Errors
    /// [`FsError`] with the path.
    pub fn below(directory: &Path) -> Result<Self, FsError> {
        private_directory(directory).map(Self)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in a directory for temporary files goes with the next start.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a directory that nobody else may look into, in this one.
///
/// # Errors
/// [`FsError`] with the path.
pub fn private_directory(below: &Path) -> Result<PathBuf, FsError> {
    let template = below.join("lifeboat-XXXXXX");
    nix::unistd::mkdtemp(&template).at("create", template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn an_error_names_operation_and_path() {
        let error = read("/no/such/file").unwrap_err();
        assert_eq!(error.to_string(), "0590-001 Cannot read /no/such/file");
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_scratch_directory_is_private_and_goes_with_what_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let scratch = Scratch::below(place.path()).unwrap();
        assert_eq!(fs::metadata(scratch.path()).unwrap().mode() & 0o777, 0o700);
        fs::write(scratch.path().join("a"), "").unwrap();
        drop(scratch);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_file_is_the_new_one_and_nothing_else_is_left() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        let victim = place.path().join("victim");
        fs::write(&path, "old").unwrap();
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, place.path().join("a.new")).unwrap();
        replace(&path, b"new", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read(&victim).unwrap(), b"untouched");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
        assert!(replace(&place.path().join("no/such"), b"", 0o600).is_err());
    }
}
