//! What is asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lifeboat_archive::CreateOptions;
use lifeboat_layout::system::Wanted;

use crate::target::Target;

/// A backup to be made.
#[derive(Debug, Clone)]
pub struct Request {
    /// Of what.
    pub what: What,
    /// Whether `image.data` is made first.
    pub image_data: ImageData,
    /// Only the description is stored, and no file (`savevg -r`).
    pub description_only: bool,
    /// A file of patterns: what they match is left out (`mksysb -e`).
    pub exclude: Option<PathBuf>,
    /// A file of mount points: file systems that are left out (`mksysb -x`).
    pub without: Option<PathBuf>,
    /// A file of patterns: what they match is stored without compression (`mksysb -P`).
    pub unpacked: Option<PathBuf>,
    /// A directory for the headers of encrypted devices, which are not in the backup
    /// (`mksysb --headers`).
    pub headers: Option<PathBuf>,
    /// Whether files are read from snapshots.
    pub snapshots: Snapshots,
    /// The command line, for the log of backups.
    pub command: String,
    /// Where the backup goes.
    pub target: Target,
    /// How it is written. `multiple_of` is set by the target.
    pub options: CreateOptions,
    /// Read everything back at the end.
    pub verify: bool,
    /// Becomes true when the backup is to be given up.
    pub stop: Arc<AtomicBool>,
}

/// What is backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The running system, or a volume group of it.
    Running(Wanted),
    /// A directory tree that is somebody's `/`, described by files that exist.
    Tree {
        /// The directory that becomes `/`.
        root: PathBuf,
        /// Its `image.data`.
        image_data: PathBuf,
        /// Its `bosinst.data`.
        bosinst_data: PathBuf,
    },
}

impl What {
    /// Where its exclude file is (`-e`).
    #[must_use]
    pub fn exclude_file(&self) -> PathBuf {
        match self {
            Self::Running(Wanted::Root) => "/etc/exclude.rootvg".into(),
            Self::Running(Wanted::Group(name)) => Path::new("/etc").join(format!("exclude.{name}")),
            Self::Tree { root, .. } => root.join("etc/exclude.rootvg"),
        }
    }
}

/// Where `image.data` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageData {
    /// It is made from the running system and replaces what is there (`-i`).
    Make {
        /// With the physical maps of the logical volumes (`-m`).
        maps: bool,
    },
    /// The one that is there is used as it is.
    Existing,
}

/// Whether files are read from snapshots of their logical volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshots {
    /// Where it is possible; the report says where it was not.
    Auto,
    /// It is an error where a logical volume cannot have one.
    Always,
    /// No.
    Never,
}
