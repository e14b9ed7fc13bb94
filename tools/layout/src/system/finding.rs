//! What is said at backup time: what is not saved, what could not be restored.

use std::path::PathBuf;

/// Something of the system that a backup of files does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsaved {
    /// A file system that is not mounted.
    #[error("0590-280 The file system on {} is not mounted: its files are not saved", device.display())]
    NotMounted {
        /// Where it lies.
        device: PathBuf,
    },
    /// A logical volume with nothing on it that could be mounted.
    #[error("0590-281 {} is raw: its content is not saved", device.display())]
    Raw {
        /// Its node.
        device: PathBuf,
    },
}

/// Something that this version of Lifeboat could not restore.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Concern {
    /// It is recorded, and the plan of a restore would refuse it.
    #[error("0590-290 This system has {0}, which this version of Lifeboat cannot restore")]
    NotRestorable(String),
}
