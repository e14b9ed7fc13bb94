//! System backups that can be restored: found on media, opened, summarised.

use std::path::{Path, PathBuf};

use lifeboat_archive::{Backup, OpenError, Summary};
use lifeboat_stanza::Document;
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, PathContext, read_to_string};

use crate::media::{self, MountedMedium};

/// Directories of a medium in which backups are looked for.
const PLACES: [&str; 2] = ["lifeboat", "."];
const SUFFIX: &str = "mksysb";
/// Beside a backup, this file takes the place of the one inside.
const ANSWERS: &str = "bosinst.data";

/// One backup file.
#[derive(Debug)]
pub struct Source {
    /// Path of the mounted file.
    pub path: PathBuf,
    /// What a person calls its medium: `CD LIFEBOAT`.
    pub medium: String,
    /// Kernel name of the device that it lies on.
    pub device: String,
    /// Bytes of the file.
    pub size: u64,
    /// The opened backup, or why it cannot be used.
    pub backup: Result<Backup, OpenError>,
    /// Text of the `bosinst.data` beside it.
    pub answers: Option<String>,
}

/// All sources, with the mounts that keep them reachable.
#[derive(Debug, Default)]
pub struct Sources {
    /// What was found, in the order of the media.
    pub list: Vec<Source>,
    // After the list: open files go before their mounts.
    media: Vec<MountedMedium>,
}

/// Looks on every medium present. Media without a backup are unmounted again.
///
/// # Errors
/// When the devices cannot be listed; a medium that cannot be read is logged
/// and left out.
pub fn find() -> Result<Sources, FsError> {
    let mut sources = Sources::default();
    for medium in media::present()? {
        let device = medium.device.clone();
        let found = MountedMedium::mount(medium).and_then(|medium| Ok((look(&medium)?, medium)));
        match found {
            Ok((list, medium)) if !list.is_empty() => {
                sources.list.extend(list);
                sources.media.push(medium);
            }
            Ok(_) => log::info!("no backup on {device}"),
            Err(error) => log::warn!("{device}: {}", chain(&error)),
        }
    }
    Ok(sources)
}

impl Sources {
    /// Names of the devices that the backups lie on.
    #[must_use]
    pub fn devices(&self) -> Vec<&str> {
        self.media
            .iter()
            .map(|mounted| mounted.medium.device.as_str())
            .collect()
    }
}

fn look(medium: &MountedMedium) -> Result<Vec<Source>, FsError> {
    let mut list = Vec::new();
    for place in PLACES {
        let directory = medium.root.join(place);
        for path in backups(&directory)? {
            let size = std::fs::metadata(&path).at("read", &path)?.len();
            list.push(Source {
                backup: Backup::open(&path),
                medium: medium.medium.name.clone(),
                device: medium.medium.device.clone(),
                answers: answers(&directory)?,
                size,
                path,
            });
        }
    }
    Ok(list)
}

/// Paths of the backup files in a directory, sorted; none if there is no such directory.
fn backups(directory: &Path) -> Result<Vec<PathBuf>, FsError> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).at("list", directory)? {
        let path = entry.at("list", directory)?.path();
        if path.extension().is_some_and(|suffix| suffix == SUFFIX) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn answers(directory: &Path) -> Result<Option<String>, FsError> {
    let path = directory.join(ANSWERS);
    if path.exists() {
        read_to_string(path).map(Some)
    } else {
        Ok(None)
    }
}

/// A line about a usable backup: when it was made, of what.
#[must_use]
pub fn describe(summary: &Summary) -> String {
    let text = String::from_utf8_lossy(&summary.image);
    let Ok(image) = Document::parse(&text) else {
        return "its image.data cannot be read".to_owned();
    };
    let field = |name| {
        image
            .named("image_data")
            .find_map(|stanza| stanza.get(name))
            .unwrap_or("unknown")
    };
    format!("{}, {}", field("DATE_TIME"), field("OSLEVEL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_the_suffix_are_backups() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.mksysb", "a.mksysb", "c.mksysb.partial", "notes.txt"] {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(directory.path().join("d.mksysb")).unwrap();
        let names: Vec<_> = backups(directory.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a.mksysb", "b.mksysb"]);
        assert!(backups(Path::new("/no/such")).unwrap().is_empty());
    }
}
