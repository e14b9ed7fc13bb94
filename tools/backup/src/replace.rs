//! Small files that are replaced as a whole.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use lifeboat_sys::fs::{FsError, PathContext};

/// Writes a file under another name and then gives it its own: whoever reads it sees
/// the old one or the new one, whatever happens in between.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

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
