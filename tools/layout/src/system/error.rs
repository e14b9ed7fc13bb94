//! Why a system cannot be described.

use crate::disks::DiskError;

/// The running system cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The disks cannot be looked at.
    #[error(transparent)]
    Disks(DiskError),
    /// `/` lies on no disk: a live system, a container, a network root.
    #[error("0590-270 The root file system lies on no disk of this machine")]
    NoRoot,
    /// There is no such volume group.
    #[error("0590-271 There is no volume group {name} here; present: {present}")]
    NoGroup {
        /// What was asked for.
        name: String,
        /// The groups there are.
        present: String,
    },
}
