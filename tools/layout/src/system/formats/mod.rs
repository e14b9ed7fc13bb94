//! The formats of file systems, from what their tools print and from their
//! first bytes.

mod btrfs;
mod ext;
mod plain;
mod xfs;

pub(super) use btrfs::{btrfs, subvolumes};
pub(super) use ext::ext;
pub(super) use plain::{swap, vfat};
pub(super) use xfs::xfs;

use crate::model::Format;

/// A file system as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) format: Format,
    /// Bytes.
    pub(super) size: u64,
    pub(super) uuid: String,
    pub(super) label: Option<String>,
    /// What is taken, where the medium says it without being mounted.
    pub(super) used: Option<u64>,
    /// Files there are, likewise.
    pub(super) files: Option<u64>,
}
