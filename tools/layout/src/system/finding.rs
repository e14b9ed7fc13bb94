//! What is said at backup time: what is not saved, what could not be restored.

use std::path::PathBuf;

/// Something of the system that a backup of its files does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsaved {
    /// A file system of fstab that is not mounted. It is made again, empty.
    #[error("0590-280 {} on {} is not mounted: its files are not saved", mount.display(), device.display())]
    NotMounted {
        /// Where it belongs.
        mount: PathBuf,
        /// Where it lies.
        device: PathBuf,
    },
    /// A file system that nobody mounts.
    #[error("0590-281 The file system on {} is not mounted and not in fstab: neither it nor its files are saved", .0.display())]
    Homeless(PathBuf),
    /// Something else than a file system.
    #[error("0590-282 {} holds no file system: its content is not saved", .0.display())]
    Raw(PathBuf),
    /// A logical volume that is switched off.
    #[error("0590-283 {} is not active: its content is not saved", .0.display())]
    Inactive(PathBuf),
    /// A snapshot.
    #[error("0590-284 {} is a snapshot of {of}: it is not saved and not made again", device.display())]
    Snapshot {
        /// Its node.
        device: PathBuf,
        /// What it was taken of.
        of: String,
    },
    /// An encrypted device that nobody has opened.
    #[error("0590-285 The encrypted device on {} is not open: its content is not saved", .0.display())]
    Closed(PathBuf),
}

/// Something that this version of Lifeboat could not restore, or that makes a
/// restore harder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Concern {
    /// It is recorded, and the plan of a restore would refuse it.
    #[error("0590-290 This version of Lifeboat cannot restore {0}")]
    NotRestorable(String),
    /// There is nothing that the firmware could load.
    #[error("0590-291 No disk has a PReP partition: a restored system could not boot")]
    NoPrep,
    /// A volume group is incomplete.
    #[error("0590-292 The volume group {0} lacks a physical volume")]
    Incomplete(String),
    /// An array is incomplete.
    #[error("0590-293 The md array {0} lacks a member; a restore would make it whole")]
    Degraded(String),
    /// A disk has several paths.
    #[error(
        "0590-294 {disk} is reached over {paths} paths: the rescue system shows it as one disk and restores over one path; the restored system uses all of them"
    )]
    Paths {
        /// The disk.
        disk: String,
        /// How many.
        paths: usize,
    },
}
