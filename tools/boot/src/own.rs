//! Lifeboat's own GRUB core, for systems whose GRUB is missing or fails. It is built
//! with every module that finding and reading `/boot` may take, and with a blank in
//! its script, which is filled in here: where the configuration is.

use std::path::Path;

use lifeboat_sys::fs::{FsError, read};

use crate::place::Place;
use crate::record::{self, RecordError};

/// Where the core is: in the rescue image and the packages, and where *Access a Root
/// Volume Group* puts it for an installed system.
pub const PLACES: [&str; 2] = [
    "/usr/lib/lifeboat/grub/core.elf",
    "/run/lifeboat/grub/core.elf",
];

/// What the blank begins with.
const BEGIN: &str = "#LIFEBOAT-PLACE";
/// Bytes of the blank.
const LENGTH: usize = 512;

/// The core cannot be had, or not be told where to look.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// It is nowhere.
    #[error("0590-410 Lifeboat's own GRUB core is not here (/usr/lib/lifeboat/grub/core.elf)")]
    Missing,
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] FsError),
    /// No firmware loads it.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It has no blank.
    #[error("0590-438 Lifeboat's own GRUB core is damaged")]
    NoBlank,
    /// The path does not fit, or would be more than a path to GRUB.
    #[error("0590-439 GRUB cannot be told the path {0}")]
    Path(String),
}

/// The part of the core's script that is filled in later, as `image-build` puts it there.
#[must_use]
pub fn blank() -> String {
    padded(BEGIN)
}

/// The core as it was built.
///
/// # Errors
/// [`OwnError`].
pub fn core() -> Result<Vec<u8>, OwnError> {
    let there = PLACES.iter().find(|place| Path::new(place).exists());
    Ok(read(there.ok_or(OwnError::Missing)?)?)
}

/// The core that looks for the configuration `file` in the directory `place` of the
/// file system with this UUID.
///
/// # Errors
/// [`OwnError`].
pub fn filled(core: &[u8], uuid: &str, place: &Place, file: &str) -> Result<Vec<u8>, OwnError> {
    let directory = &place.path;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/@._+:-".contains(c);
    for word in [uuid, directory, file] {
        if !word.chars().all(plain) {
            return Err(OwnError::Path(word.to_owned()));
        }
    }
    let script = format!(
        "{BEGIN}\nset lifeboat_uuid={uuid}\nset lifeboat_directory={directory}\nset lifeboat_file={file}\n#"
    );
    if script.len() > LENGTH {
        return Err(OwnError::Path(directory.clone()));
    }
    let blank = blank();
    let mut places = core
        .windows(LENGTH)
        .enumerate()
        .filter(|(_, bytes)| *bytes == blank.as_bytes());
    let (Some((at, _)), None) = (places.next(), places.next()) else {
        return Err(OwnError::NoBlank);
    };
    let mut filled = core.to_owned();
    filled[at..at + LENGTH].copy_from_slice(padded(&script).as_bytes());
    Ok(filled)
}

/// Whether a core is one that can be filled in and that a firmware loads.
///
/// # Errors
/// [`OwnError`].
pub fn check(core: &[u8]) -> Result<(), OwnError> {
    let place = Place {
        device: String::new(),
        path: String::new(),
    };
    let filled = filled(core, "", &place, "")?;
    Ok(record::check(&filled)?)
}

/// Whether a boot record is one that was made so.
#[must_use]
pub fn is_own(record: &[u8]) -> bool {
    record
        .windows(BEGIN.len())
        .any(|bytes| bytes == BEGIN.as_bytes())
}

/// A comment of dots fills it up.
fn padded(text: &str) -> String {
    format!("{text:.<width$}\n", width = LENGTH - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Place {
        Place {
            device: "/dev/vda2".into(),
            path: path.into(),
        }
    }

    #[test]
    fn the_blank_is_filled_in_and_nothing_moves() {
        let core = [b"before\n", blank().as_bytes(), b"after"].concat();
        let filled = filled(&core, "6f8a-1c52", &place("/@/boot/grub"), "grub.cfg").unwrap();
        assert_eq!(filled.len(), core.len());
        let text = String::from_utf8(filled.clone()).unwrap();
        assert!(text.starts_with("before\n#LIFEBOAT-PLACE\nset lifeboat_uuid=6f8a-1c52\n"));
        assert!(text.contains("\nset lifeboat_directory=/@/boot/grub\n"));
        assert!(text.ends_with(".\nafter"));
        assert!(text.lines().all(|line| line.starts_with("set lifeboat_")
            || line.starts_with('#')
            || ["before", "after"].contains(&line)));
        assert!(is_own(&filled) && !is_own(b"GRUB"));
    }

    #[test]
    fn what_is_no_blank_or_no_path_is_refused() {
        let core = blank().into_bytes();
        let double = [core.clone(), core.clone()].concat();
        let fill = |core: &[u8], path: &str| filled(core, "1", &place(path), "grub.cfg");
        assert!(matches!(fill(b"core", "/boot"), Err(OwnError::NoBlank)));
        assert!(matches!(fill(&double, "/boot"), Err(OwnError::NoBlank)));
        let long = "/x".repeat(300);
        for bad in ["/a b", "/$root", "/a\nhalt", long.as_str()] {
            assert!(matches!(fill(&core, bad), Err(OwnError::Path(_))), "{bad}");
        }
    }
}
