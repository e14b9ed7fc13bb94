//! What a backup tells while it is made, and at its end.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_archive::{Finding, Progress, Totals};
use lifeboat_layout::model::ModelError;
use lifeboat_layout::system::{Concern, Unsaved};
use lifeboat_sys::fs::FsError;

use crate::exclude::Matched;
use crate::snapshot::{Planned, SnapshotError, Why};

/// Hears how a backup goes.
pub trait Observer: Sync {
    /// Something begins.
    fn step(&self, _step: Step) {}

    /// Bytes written, or read back.
    fn progress(&self, _progress: Progress) {}

    /// Something that a person should know.
    fn note(&self, _note: &Note) {}

    /// A file is being stored: its path, `./…`.
    fn stores(&self, _path: &[u8]) {}

    /// Whether the total is worth counting all files for it.
    fn wants_total(&self) -> bool {
        false
    }
}

/// The observer that does not care.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// What a backup does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It looks at disks, volumes, file systems.
    Probe,
    /// It counts what is to be stored.
    Count,
    /// It takes snapshots.
    Snapshots,
    /// It writes.
    Write,
    /// It reads back what was written.
    Verify,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "Looking at the system",
            Self::Count => "Counting files",
            Self::Snapshots => "Taking snapshots",
            Self::Write => "Writing the backup",
            Self::Verify => "Reading the backup back",
        })
    }
}

/// Something that a person should know.
#[derive(Debug, thiserror::Error)]
pub enum Note {
    /// A file system is read while it changes.
    #[error("0590-380 {} is read while it is in use: {why}", mount.display())]
    Live {
        /// Where it is mounted.
        mount: PathBuf,
        /// Why.
        why: Why,
    },
    /// The backup is on what it is a backup of.
    #[error(
        "0590-381 {} lies in {}, which is part of the backup: a disk that fails takes both. The backup itself is left out", directory.display(), mount.display()
    )]
    Inside {
        /// The target's directory.
        directory: PathBuf,
        /// Where the file system is mounted.
        mount: PathBuf,
    },
    /// The target may have too little room.
    #[error(
        "0590-382 {} has room for {free} MiB; {needed} MiB must pack well to fit", directory.display()
    )]
    Scarce {
        /// The target's directory.
        directory: PathBuf,
        /// MiB.
        free: u64,
        /// MiB.
        needed: u64,
    },
    /// A file system that was to be left out is not there.
    #[error("0590-383 {}: nothing of the backup is mounted on {}", list.display(), mount.display())]
    NothingThere {
        /// The file of mount points.
        list: PathBuf,
        /// The mount point.
        mount: PathBuf,
    },
    /// What a killed run has left is gone.
    #[error("0590-384 Snapshots of a backup that was cut short were removed: {}", .0.join(", "))]
    Stale(Vec<String>),
    /// The log of backups has no entry of this one.
    #[error("0590-385 The log of backups could not be written")]
    NotLogged(#[source] FsError),
    /// The backup says nothing of how devices are set.
    #[error("0590-494 The attributes of devices could not be recorded")]
    NoAttributes(#[source] FsError),
    /// No header was saved, as was asked for.
    #[error("0590-338 The system has no encrypted devices: no header was saved")]
    NoHeaders,
    /// A map that a restore could not follow.
    #[error(
        "0590-388 A physical map that image.data names cannot be read; no restore can follow it"
    )]
    NoMap(#[source] FsError),
    /// It is mounted where no directory of the backup leads.
    #[error(
        "0590-386 {} is not in the backup: it is mounted inside a file system that is no part of it", .0.display()
    )]
    NotReached(PathBuf),
    /// Snapshots that are left.
    #[error(transparent)]
    Snapshot(SnapshotError),
    /// What no backup of files holds.
    #[error(transparent)]
    Unsaved(Unsaved),
    /// What could not be restored.
    #[error(transparent)]
    Concern(Concern),
    /// The same, found by reading the description as a restore does.
    #[error("0590-387 This version of Lifeboat could not restore what {} describes", path.display())]
    NotRestorable {
        /// The description.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<ModelError>,
    },
}

impl Note {
    /// True when the backup lacks what was asked for, or the system is not as before.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::NotReached(_) | Self::Snapshot(_) | Self::Unsaved(Unsaved::NotMounted { .. })
        )
    }
}

/// A backup that was written to its end.
#[derive(Debug)]
pub struct Report {
    /// Where it is: a path, or `-`.
    pub target: String,
    /// What is in it.
    pub totals: Totals,
    /// How each file system was read; empty for a directory tree.
    pub file_systems: Vec<Planned>,
    /// From the first snapshot to the last; `None` without snapshots.
    pub apart: Option<Duration>,
    /// Files that changed while they were read.
    pub changed: Vec<Finding>,
    /// Files that are not in the backup, or not whole.
    pub missing: Vec<Finding>,
    /// Files that came or went, as is normal on a running system.
    pub harmless: Vec<Finding>,
    /// What else a person should know.
    pub notes: Vec<Note>,
    /// Files that were read back and are as they were written, if that was wanted.
    pub verified: Option<u64>,
    /// From beginning to end.
    pub time: Duration,
}

impl Report {
    /// Whether everything that was asked for is in the backup as it was.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failures() == 0
    }

    /// How many things are not as asked for.
    #[must_use]
    pub fn failures(&self) -> usize {
        let notes = self.notes.iter().filter(|note| note.is_failure()).count();
        self.changed.len() + self.missing.len() + notes
    }
}

/// What a backup would do.
#[derive(Debug)]
pub struct Preview {
    /// Files that would be stored.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// How each file system would be read; empty for a directory tree.
    pub file_systems: Vec<Planned>,
    /// What each pattern of the exclude file would leave out.
    pub excluded: Vec<Matched>,
    /// Files that cannot be read.
    pub missing: Vec<Finding>,
    /// What else a person should know.
    pub notes: Vec<Note>,
}
