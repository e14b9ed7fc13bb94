//! The running system as a [`Model`]: what `mkszfile` writes as `image.data`.
//! Nothing here writes.
//!
//! [`probe`] reads what there is ([`host`]: sysfs, `/proc`, fstab, LVM's
//! reports), decides what belongs to the description, and puts it together from
//! the disks upwards, asking each file system how it was made. What it cannot
//! put into words stands in [`Model::unknown`], never nowhere.

mod assemble;
mod blocks;
mod cards;
mod error;
mod facts;
mod finding;
mod formats;
pub mod host;
mod lvm;
mod machine;
mod maps;
mod minimum;
mod mounts;
mod prep;
mod select;
mod table;

pub use crate::model::UserGroup;
pub use cards::cards;
pub use error::SystemError;
pub use finding::{Concern, Unsaved};
pub use maps::DIRECTORY as MAP_DIRECTORY;
pub use prep::prep_partition;
pub use table::TableError;

use std::path::PathBuf;

use crate::disks::Disk;
use crate::model::{Model, Source};
use facts::Facts;
use host::{Host, Live};
use select::Selection;

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
    /// The volume groups that do not belong to the root volume group.
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
    /// Path of the file: `/var/lib/lifeboat/maps/rootvg.hd4.map`.
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
    probe_host(&Live, wanted)
}

/// Which machine the running one is, and what runs on it.
#[must_use]
pub fn machine() -> Source {
    machine::source(&Live)
}

/// As [`probe`], of any system that can be asked.
///
/// # Errors
/// As [`probe`].
pub fn probe_host(host: &dyn Host, wanted: &Wanted) -> Result<System, SystemError> {
    let facts = Facts::gather(host)?;
    let selection = Selection::new(&facts, wanted)?;
    assemble::assemble(&facts, wanted, &selection)
}

/// The physical maps of the logical volumes (`mkszfile -m`), to be written to
/// their files; [`System::name_maps`] then puts their names into the model.
///
/// # Errors
/// [`SystemError`].
pub fn maps(wanted: &Wanted) -> Result<Vec<Map>, SystemError> {
    maps_host(&Live, wanted)
}

/// As [`maps`], of any system that can be asked.
///
/// # Errors
/// As [`maps`].
pub fn maps_host(host: &dyn Host, wanted: &Wanted) -> Result<Vec<Map>, SystemError> {
    let facts = Facts::gather(host)?;
    let selection = Selection::new(&facts, wanted)?;
    let ours = facts.lvm.volumes.iter().filter(|volume| {
        !volume.hidden && volume.snapshot_of.is_none() && selection.groups.contains(&volume.group)
    });
    Ok(ours
        .filter_map(|volume| maps::map(&facts, volume))
        .collect())
}

impl System {
    /// Puts the names of the map files into the model (`MAPFILE`).
    pub fn name_maps(&mut self, maps: &[Map]) {
        for volume in &mut self.model.volumes {
            let of = |map: &&Map| map.group == volume.group && map.volume == volume.name;
            volume.map_file = maps.iter().find(of).map(|map| map.file.clone());
        }
    }
}
