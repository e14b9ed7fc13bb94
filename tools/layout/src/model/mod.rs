//! What a root volume group, or another volume group, is: the value behind
//! `image.data`.
//!
//! A device lies on others: disks hold [partitions](Partition), disks and
//! partitions are members of [arrays](Array) or hold [encrypted
//! devices](Crypt); on any of these lie [physical volumes](PhysicalVolume) of
//! [groups](VolumeGroup), or [file systems](FileSystem) directly. A [`Place`]
//! names one of them.
//!
//! Everything that a system can have is described, so that a later version can
//! make it again; [`Model::check_system`] says what this version cannot.
//! Nothing is ever left out: what has no words here stands in
//! [`Model::unknown`], and no version restores that.

mod card;
mod check;
mod check_group;
mod check_system;
mod format;
mod place;
mod stack;
mod volume;

pub use card::Card;
pub use check::ModelError;
pub use format::{Btrfs, Ext, FileSystem, Format, Subvolume, Swap, Vfat, Xfs};
pub use place::{Place, VolumeId};
pub use stack::{Array, Crypt, PhysicalVolume, SAVED_HEADER};
pub use volume::{LogicalVolume, VolumeGroup, VolumeKind};

use std::collections::HashSet;

use serde::Serialize;

use crate::guid::Guid;

/// How deep devices may stack before we stop looking.
const DEPTH: usize = 8;

/// The disks of a backed-up system or volume group and everything on them.
/// Sizes are bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// When and of what the backup was taken.
    pub source: Source,
    /// How sizes are treated.
    pub policy: Policy,
    /// The volume group: that of `/`, if it lies in one. `None` for a system
    /// of plain partitions.
    pub group: Option<VolumeGroup>,
    /// Other volume groups that hold a part of the same system.
    pub more_groups: Vec<VolumeGroup>,
    /// The disks.
    pub disks: Vec<SourceDisk>,
    /// The network cards, by their places.
    pub cards: Vec<Card>,
    /// The partitions of the disks.
    pub partitions: Vec<Partition>,
    /// The md arrays.
    pub arrays: Vec<Array>,
    /// The encrypted devices.
    pub crypts: Vec<Crypt>,
    /// What the volume groups are made of.
    pub physical_volumes: Vec<PhysicalVolume>,
    /// The logical volumes of the groups.
    pub volumes: Vec<LogicalVolume>,
    /// The file systems and swap spaces.
    pub file_systems: Vec<FileSystem>,
    /// Volume groups of the source that are not described here.
    pub user_groups: Vec<UserGroup>,
    /// What the source had beyond that, in words that follow "holds".
    pub unknown: Vec<String>,
}

/// The stanza `image_data`: for people and for "is this the same machine".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// `DATE_TIME`.
    pub date: Option<String>,
    /// `UNAME_INFO`.
    pub uname: Option<String>,
    /// `OSLEVEL`: the distribution and its version.
    pub os_level: Option<String>,
    /// `CPU_ID`: identity of the machine.
    pub cpu_id: Option<String>,
    /// `LPAR_ID`: which partition of the machine it was.
    pub lpar_id: Option<String>,
    /// `LX_PARTITION_UUID`: identity of the partition, where the firmware gives it one.
    pub partition_uuid: Option<String>,
}

/// The stanza `logical_volume_policy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// File systems become only as big as their content needs.
    pub shrink: bool,
    /// The target disk must have the size of the source disk.
    pub exact_fit: bool,
}

/// A disk of the source: `source_disk_data` and `lx_disk_data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceDisk {
    /// `hdisk0`.
    pub name: String,
    /// Its size.
    pub size: u64,
    /// UUID of the LVM physical volume.
    pub pvid: Option<String>,
    /// Firmware's location code.
    pub physical_location: Option<String>,
    /// `parent//connwhere`.
    pub connection: Option<String>,
    /// Place in the machine, as [`Disk::location`](crate::disks::Disk::location).
    pub location: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// World-wide identifier.
    pub wwid: Option<String>,
    /// The partition table.
    pub table: Table,
    /// Bytes of a logical sector.
    pub sector: u32,
}

/// A partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// GPT with this disk GUID.
    Gpt(Guid),
    /// MBR (DOS) with this disk signature.
    Mbr(u32),
    /// None: something uses the whole disk.
    None,
}

/// The stanza `lx_partition_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Name of the disk.
    pub disk: String,
    /// Number in the partition table, from 1.
    pub number: u32,
    /// What it is for.
    pub role: Role,
    /// Where it began, if that was recorded.
    pub start: Option<u64>,
    /// Its size.
    pub size: u64,
    /// Its name in the GPT.
    pub name: String,
    /// Its unique GUID in the GPT.
    pub uuid: Option<Guid>,
    /// Its type in the table, where the role does not say it.
    pub kind: Option<PartitionKind>,
    /// Attribute bits of the GPT; in an MBR, 128 marks the active partition.
    pub flags: u64,
}

/// The type of a partition in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionKind {
    /// GPT.
    Gpt(Guid),
    /// MBR.
    Mbr(u8),
}

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// PReP: holds the boot record.
    Prep,
    /// Physical volume of a volume group.
    Lvm,
    /// A file system.
    Fs,
    /// Swap.
    Swap,
    /// Member of an md array.
    Raid,
    /// An encrypted device.
    Crypt,
    /// Holds the logical partitions of an MBR.
    Extended,
    /// Nothing that Lifeboat knows or keeps.
    Other,
}

/// A volume group of the source that is not part of the backup: a name of
/// `USERVG_LIST` and the stanza `lx_user_vg_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserGroup {
    /// Its name.
    pub name: String,
    /// Its UUID, in LVM's form.
    pub uuid: String,
    /// Its disks: `hdisk1`.
    pub disks: Vec<String>,
}

impl Model {
    /// Every volume group, that of `/` first.
    pub fn groups(&self) -> impl Iterator<Item = &VolumeGroup> {
        self.group.iter().chain(&self.more_groups)
    }

    /// Whether the backup names a physical map.
    #[must_use]
    pub fn has_maps(&self) -> bool {
        self.volumes.iter().any(|volume| volume.map_file.is_some())
    }

    /// Gives the volumes the text of their maps; `read` gets a path of `MAPFILE`.
    pub fn bring_maps(&mut self, mut read: impl FnMut(&str) -> Option<Vec<u8>>) {
        for volume in &mut self.volumes {
            let text = volume.map_file.as_deref().and_then(&mut read);
            volume.map = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        }
    }

    /// The disks that a device lies on, each once, in the order of the model.
    #[must_use]
    pub fn disks_under(&self, place: &Place) -> Vec<String> {
        let mut found = HashSet::new();
        self.collect_disks(place, &mut found, DEPTH);
        let names = self.disks.iter().map(|disk| &disk.name);
        names
            .filter(|name| found.contains(*name))
            .cloned()
            .collect()
    }

    fn collect_disks(&self, place: &Place, found: &mut HashSet<String>, depth: usize) {
        let mut below: Vec<&Place> = Vec::new();
        match place {
            Place::Disk(disk) | Place::Partition { disk, .. } => {
                found.insert(disk.clone());
            }
            Place::Volume(id) => below.extend(self.under_group(&id.group)),
            Place::Array(name) => {
                let arrays = self.arrays.iter().filter(|array| array.name == *name);
                below.extend(arrays.flat_map(|array| array.members.iter().chain(&array.spares)));
            }
            Place::Crypt(name) => {
                let crypts = self.crypts.iter().filter(|crypt| crypt.name == *name);
                below.extend(crypts.map(|crypt| &crypt.place));
            }
        }
        if depth > 0 {
            for place in below {
                self.collect_disks(place, found, depth - 1);
            }
        }
    }

    /// What the physical volumes of a group lie on.
    pub fn under_group(&self, group: &str) -> impl Iterator<Item = &Place> {
        self.physical_volumes
            .iter()
            .filter(move |pv| pv.group.as_deref() == Some(group))
            .map(|pv| &pv.place)
    }

    /// The disks of a volume group.
    #[must_use]
    pub fn disks_of_group(&self, group: &str) -> Vec<String> {
        let id = VolumeId {
            group: group.to_owned(),
            name: String::new(),
        };
        self.disks_under(&Place::Volume(id))
    }

    /// What lies on a device.
    #[must_use]
    pub fn on(&self, place: &Place) -> Option<&FileSystem> {
        self.file_systems
            .iter()
            .find(|fs| fs.places().any(|on| on == place))
    }

    /// The file system or swap space on a logical volume.
    #[must_use]
    pub fn on_volume(&self, volume: &LogicalVolume) -> Option<&FileSystem> {
        self.on(&Place::Volume(volume.id()))
    }

    /// The file system or swap space on a partition.
    #[must_use]
    pub fn on_partition(&self, partition: &Partition) -> Option<&FileSystem> {
        self.on(&partition.place())
    }
}

impl Partition {
    /// Its name as a place.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::Partition {
            disk: self.disk.clone(),
            number: self.number,
        }
    }
}
