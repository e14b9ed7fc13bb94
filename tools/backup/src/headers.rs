//! Headers of encrypted devices, saved as files: a restore beside which they lie gives the
//! devices all the passphrases that they had.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_layout::model::{Model, SAVED_HEADER};
use lifeboat_sys::fs::{FsError, PathContext as _, Scratch};
use lifeboat_sys::run::{RunError, Tool};

/// Headers were to be saved, and were not.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// Nobody knows what the device lies on.
    #[error("0590-336 The encrypted device {0} is not open: its header cannot be saved")]
    NotOpen(String),
    /// cryptsetup failed.
    #[error("0590-337 The header of the encrypted device {name} cannot be saved")]
    Save {
        /// The device.
        name: String,
        /// What cryptsetup said.
        #[source]
        source: RunError,
    },
    /// Its file.
    #[error(transparent)]
    File(#[from] FsError),
}

/// Saves the headers of a system's encrypted devices in a directory, each under the
/// name of its device; older ones are replaced. Hands back how many.
pub(crate) fn save(model: &Model, directory: &Path) -> Result<usize, HeaderError> {
    if model.crypts.is_empty() {
        return Ok(0);
    }
    // cryptsetup overwrites nothing; an older header is lost only to a whole one.
    let scratch = Scratch::below(directory)?;
    for crypt in &model.crypts {
        let name = &crypt.name;
        let under = under(Path::new("/sys"), name).ok_or(HeaderError::NotOpen(name.clone()))?;
        let file = format!("{name}{SAVED_HEADER}");
        let new = scratch.path().join(&file);
        Tool::new("cryptsetup")
            .arg("luksHeaderBackup")
            .arg(&under)
            .arg("--header-backup-file")
            .arg(&new)
            .run()
            .map_err(|source| HeaderError::Save {
                name: name.clone(),
                source,
            })?;
        let place = directory.join(file);
        fs::rename(&new, &place).at("write", &place)?;
    }
    Ok(model.crypts.len())
}

/// The node of what an open encrypted device lies on.
fn under(sys: &Path, name: &str) -> Option<PathBuf> {
    let blocks = fs::read_dir(sys.join("block")).ok()?;
    let is_it = |block: &PathBuf| {
        lifeboat_sys::fs::attribute(block.join("dm/name")).is_some_and(|found| found == name)
    };
    let block = blocks.flatten().map(|entry| entry.path()).find(is_it)?;
    let mut slaves = fs::read_dir(block.join("slaves")).ok()?.flatten();
    let slave = slaves.next()?;
    slaves
        .next()
        .is_none()
        .then(|| Path::new("/dev").join(slave.file_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_device_lies_on_its_one_slave() {
        let sys = tempfile::tempdir().unwrap();
        for (block, name, slaves) in [
            ("dm-0", "luks-home", &["vda3"][..]),
            ("dm-1", "striped", &["vda4", "vdb4"]),
        ] {
            let block = sys.path().join("block").join(block);
            fs::create_dir_all(block.join("dm")).unwrap();
            fs::write(block.join("dm/name"), format!("{name}\n")).unwrap();
            for slave in slaves {
                fs::create_dir_all(block.join("slaves").join(slave)).unwrap();
            }
        }
        let found = |name| under(sys.path(), name);
        assert_eq!(found("luks-home"), Some("/dev/vda3".into()));
        assert_eq!(found("striped"), None);
        assert_eq!(found("luks-root"), None);
    }
}
