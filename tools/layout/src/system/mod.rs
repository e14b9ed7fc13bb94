//! The running system as a [`Model`]: what `mkszfile` writes as `image.data`.
//! Nothing here writes.

mod error;
mod finding;

pub use crate::model::UserGroup;
pub use error::SystemError;
pub use finding::{Concern, Unsaved};

use std::path::PathBuf;

use crate::disks::{self, Disk};
use crate::model::Model;

/// What is to be described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The root volume group: the volume groups, partitions and disks that
    /// hold `/`, `/boot`, `/usr`, `/var`, `/home`, `/opt`, swap and PReP.
    Root,
    /// Another volume group, by name.
    Group(String),
}

/// A running system, or a volume group of it.
#[derive(Debug, Clone)]
pub struct System {
    /// What `image.data` will say.
    pub model: Model,
    /// The mounted file systems that belong to it, sorted by mount point: `/` first.
    pub file_systems: Vec<Mounted>,
    /// What belongs to it and is in no backup of files.
    pub unmounted: Vec<Unsaved>,
    /// The volume groups that do not belong to it.
    pub user_groups: Vec<UserGroup>,
    /// The disks that it lies on.
    pub disks: Vec<Disk>,
    /// What this version of Lifeboat could not restore.
    pub concerns: Vec<Concern>,
}

/// A mounted file system. Sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// Where.
    pub mount: PathBuf,
    /// The node it lies on: `/dev/mapper/rootvg-hd4`.
    pub device: PathBuf,
    /// Its kind, as the kernel calls it: `ext4`.
    pub kind: String,
    /// The logical volume, if it lies directly on one.
    pub volume: Option<Volume>,
    /// What it can hold.
    pub size: u64,
    /// What is taken.
    pub used: u64,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its volume group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// The pool, of a thin volume.
    pub thin: Option<String>,
}

/// The physical map of a logical volume, as AIX's map files have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Name of the file: `rootvg.hd4.map`.
    pub file: String,
    /// Its volume group.
    pub group: String,
    /// The logical volume.
    pub volume: String,
    /// Its lines: `hdisk0:17` for each logical partition, copy after copy;
    /// physical partitions count from 1.
    pub lines: Vec<String>,
}

/// Looks at the running system. Needs root.
///
/// # Errors
/// [`SystemError`] when something that the description needs cannot be read.
pub fn probe(wanted: &Wanted) -> Result<System, SystemError> {
    let disks = disks::present().map_err(SystemError::Disks)?;
    match wanted {
        Wanted::Root => Err(SystemError::NoRoot),
        Wanted::Group(name) => Err(SystemError::NoGroup {
            name: name.clone(),
            present: disks
                .iter()
                .flat_map(|disk| disk.groups())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// The physical maps of the logical volumes of `wanted` (`mkszfile -m`).
///
/// # Errors
/// [`SystemError`].
pub fn maps(wanted: &Wanted) -> Result<Vec<Map>, SystemError> {
    probe(wanted).map(|_| Vec::new())
}
