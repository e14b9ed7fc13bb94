//! Why there is no backup.

use std::path::PathBuf;

use lifeboat_archive::{CreateError, OpenError};
use lifeboat_layout::model::ModelError;
use lifeboat_layout::system::SystemError;
use lifeboat_stanza::StanzaError;
use lifeboat_stanza::bosinst::BosinstError;
use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::RunError;

use crate::exclude::ExcludeError;
use crate::headers::HeaderError;
use crate::snapshot::SnapshotError;
use crate::target::TargetError;

/// There is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Only root may read everything.
    #[error("0590-340 Only root can back up the system")]
    NotRoot,
    /// One at a time.
    #[error("0590-341 Another backup of this system is being made")]
    Busy,
    /// It is no volume group on its own.
    #[error("0590-256 {0} is the root volume group: mksysb backs it up")]
    RootGroup(String),
    /// The exclude file.
    #[error(transparent)]
    Exclude(#[from] ExcludeError),
    /// A line of the list of file systems to leave out.
    #[error("0590-348 {}, line {line}: \"{text}\" is no mount point that can be left out", path.display())]
    Without {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// Where it goes.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The running system.
    #[error(transparent)]
    System(#[from] SystemError),
    /// Headers of encrypted devices.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// The snapshots.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No description of the disks.
    #[error("0590-346 There is no {}; -i makes it", .0.display())]
    NoImageData(PathBuf),
    /// A description that is no stanza file.
    #[error("0590-347 {} cannot be read", path.display())]
    Stanzas {
        /// `image.data` or `bosinst.data`.
        path: PathBuf,
        /// Why.
        #[source]
        source: StanzaError,
    },
    /// A description that no restore could follow.
    #[error("0590-349 A restore could not follow {}", path.display())]
    ImageData {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<ModelError>,
    },
    /// Settings that no installation could follow.
    #[error("0590-375 An installation could not follow {}", path.display())]
    Bosinst {
        /// Where they are.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<BosinstError>,
    },
    /// A file of the system, or of this program.
    #[error(transparent)]
    File(#[from] FsError),
    /// A program of the system.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Writing it.
    #[error(transparent)]
    Create(CreateError),
    /// A signal.
    #[error("0590-370 The backup was interrupted; nothing of it is left")]
    Interrupted,
    /// It cannot even be opened.
    #[error("0590-371 What was written cannot be read back: there is no backup")]
    Unreadable(#[source] OpenError),
    /// It is not what was written.
    #[error("0590-372 {findings} files do not read back as they were written: there is no backup")]
    Damaged {
        /// How many.
        findings: usize,
    },
}
