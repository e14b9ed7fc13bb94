//! Scheduled backups: their settings, and which old ones make room.

mod retention;

pub use retention::{Kind, Scheduled, file_name, incomplete_name, interrupted, scheduled, surplus};

use std::path::{Path, PathBuf};

use lifeboat_stanza::{Document, FieldError, Stanza, StanzaError};

use crate::error::BackupError;
use crate::lock::{Lock, PLACE};

/// Where the settings are.
pub const CONFIG: &str = "/etc/lifeboat/backup.conf";
/// The settings' only stanza, and its fields.
const STANZA: &str = "backup";
const FIELDS: [&str; 4] = ["TARGET", "KEEP", "MIN_FREE", "FLAGS"];

/// Waits for nobody: of two scheduled backups at a time the second is refused. To be
/// held as long as it takes.
///
/// # Errors
/// [`BackupError::Busy`].
pub fn turn() -> Result<Lock, BackupError> {
    Lock::take(&Path::new(PLACE).join("scheduled"))
}

/// What `backup.conf` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `TARGET`: the directory for the backups.
    pub target: PathBuf,
    /// `KEEP`: how many good backups are kept; at least one.
    pub keep: usize,
    /// `MIN_FREE`, in bytes: what must be left free beside the new backup.
    pub min_free: u64,
    /// `FLAGS`: what `mksysb` is told.
    pub flags: Vec<String>,
}

/// Settings that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A line has no place in a stanza file.
    #[error(transparent)]
    Form(#[from] StanzaError),
    /// A field is there twice, or has a value that it may not have.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Nothing is said.
    #[error("0590-763 It has no stanza {STANZA}")]
    Empty,
    /// It is said twice.
    #[error("0590-764 It has the stanza {STANZA} more than once, again on line {0}")]
    Doubled(usize),
    /// Something is said that means nothing.
    #[error("0590-765 {name} means nothing here; {STANZA} has the fields {}", FIELDS.join(", "))]
    Unknown {
        /// The stanza or field.
        name: String,
    },
    /// Where the backups go is not said.
    #[error("0590-766 TARGET is not set: name a directory on another disk or server")]
    NoTarget,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`ConfigError`], for unknown fields too: a misspelt one must not leave its
    /// default in force.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text)?;
        let mut found = None;
        for stanza in document.stanzas() {
            match (stanza.name(), &found) {
                (STANZA, None) => found = Some(stanza),
                (STANZA, Some(_)) => return Err(ConfigError::Doubled(stanza.line())),
                (other, _) => return Err(unknown(other)),
            }
        }
        let stanza = found.ok_or(ConfigError::Empty)?;
        for (name, _) in stanza.fields() {
            if !FIELDS.contains(&name) {
                return Err(unknown(name));
            }
        }
        Self::read(stanza)
    }

    fn read(stanza: &Stanza) -> Result<Self, ConfigError> {
        let target = stanza.value("TARGET", "an absolute path", |value| {
            Some(PathBuf::from(value)).filter(|path| path.is_absolute())
        })?;
        let keep = stanza.value("KEEP", "a number from 1 to 1000", |value| {
            value.parse().ok().filter(|keep| (1..=1000).contains(keep))
        })?;
        let min_free = stanza.value("MIN_FREE", "a number of MB", |value| {
            value.parse::<u64>().ok()?.checked_mul(1 << 20)
        })?;
        let flags = stanza.text("FLAGS")?.unwrap_or("-i");
        Ok(Self {
            target: target.ok_or(ConfigError::NoTarget)?,
            keep: keep.unwrap_or(7),
            min_free: min_free.unwrap_or(1 << 30),
            flags: flags.split_whitespace().map(str::to_owned).collect(),
        })
    }
}

fn unknown(name: &str) -> ConfigError {
    let name = name.to_owned();
    ConfigError::Unknown { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../cli/packaging/backup.conf");

    #[test]
    fn the_shipped_file_lacks_nothing_but_a_target() {
        assert_eq!(Config::parse(SHIPPED), Err(ConfigError::NoTarget));
        let set = SHIPPED.replace("TARGET =", "TARGET = /backup");
        let expected = Config {
            target: "/backup".into(),
            keep: 7,
            min_free: 1 << 30,
            flags: vec!["-i".into()],
        };
        assert_eq!(Config::parse(&set).as_ref(), Ok(&expected));
        // What is left out is as in the shipped file.
        assert_eq!(
            Config::parse("backup:\n\tTARGET = /backup\n").as_ref(),
            Ok(&expected)
        );
    }

    #[test]
    fn flags_are_words() {
        let text = "backup:\n TARGET = /b\n FLAGS = -i  -e -x /etc/exclude.fs\n";
        let flags = Config::parse(text).unwrap().flags;
        assert_eq!(flags, ["-i", "-e", "-x", "/etc/exclude.fs"]);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, number) in [
            ("", "0590-763"),
            ("backup:\n TARGET = /b\nbackup:\n", "0590-764"),
            ("backup:\n TARGET = /b\n KEPT = 3\n", "0590-765"),
            ("backups:\n TARGET = /b\n", "0590-765"),
            ("backup:\n KEEP = 3\n", "0590-766"),
            ("backup:\n TARGET = backup\n", "0590-1"),
            ("backup:\n TARGET = /b\n KEEP = 0\n", "0590-1"),
            ("backup:\n TARGET = /b\n TARGET = /c\n", "0590-1"),
            (
                "backup:\n TARGET = /b\n MIN_FREE = 99999999999999999\n",
                "0590-1",
            ),
            ("TARGET = /b\n", "0590-1"),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(number), "{text:?}: {error}");
        }
    }
}
