//! LVM.

use serde::Serialize;

use super::VolumeId;

/// The stanza `vg_data`; of more groups, `lx_vg_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeGroup {
    /// Its name.
    pub name: String,
    /// Bytes of one physical partition (LVM: extent).
    pub extent: u64,
    /// UUID, in LVM's form.
    pub uuid: Option<String>,
}

/// The stanza `lv_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalVolume {
    /// Its volume group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Logical partitions (LVM: extents).
    pub extents: u64,
    /// With SHRINK, at least so many (`LV_MIN_LPS`).
    pub min_extents: u64,
    /// How its extents are arranged.
    pub kind: VolumeKind,
    /// The disks it lies on; all of the group's if empty.
    pub disks: Vec<String>,
    /// UUID, in LVM's form.
    pub uuid: Option<String>,
    /// It cannot be written to.
    pub read_only: bool,
    /// File in the backup that holds its physical map.
    pub map_file: Option<String>,
    /// The text of that file; `None` until [`Model::bring_maps`](super::Model::bring_maps).
    pub map: Option<String>,
}

/// How a logical volume's extents are arranged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeKind {
    /// One after the other.
    Linear,
    /// In turns over several disks.
    Striped {
        /// How many.
        stripes: u32,
        /// Bytes of one stripe.
        size: u64,
    },
    /// Several copies.
    Mirrored {
        /// LVM's segment type: `raid1` or `mirror`.
        segment: String,
        /// How many copies.
        copies: u32,
    },
    /// A pool that thin volumes take from.
    ThinPool {
        /// Bytes of a chunk.
        chunk: u64,
        /// Bytes of the volume that holds the metadata.
        metadata: u64,
    },
    /// A thin volume: takes from a pool as it is written.
    Thin {
        /// The pool.
        pool: String,
    },
    /// Something else that LVM can do.
    Other {
        /// LVM's segment types, separated by commas: `raid5`, `cache`, `linear,striped`.
        segment: String,
        /// How many copies.
        copies: u32,
        /// Over how many disks data lies in turns.
        stripes: u32,
        /// Bytes of one stripe; 0 where there are none.
        size: u64,
    },
}

impl VolumeGroup {
    /// A group without further properties.
    #[must_use]
    pub fn new(name: &str, extent: u64) -> Self {
        Self {
            name: name.to_owned(),
            extent,
            uuid: None,
        }
    }
}

impl LogicalVolume {
    /// A linear volume that does not shrink.
    #[must_use]
    pub fn linear(group: &str, name: &str, extents: u64) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            extents,
            min_extents: extents,
            kind: VolumeKind::Linear,
            disks: Vec::new(),
            uuid: None,
            read_only: false,
            map_file: None,
            map: None,
        }
    }

    /// Its full name.
    #[must_use]
    pub fn id(&self) -> VolumeId {
        VolumeId {
            group: self.group.clone(),
            name: self.name.clone(),
        }
    }

    /// Physical partitions that it takes from the disks, as AIX counts them.
    #[must_use]
    pub fn physical(&self) -> u64 {
        self.extents.saturating_mul(u64::from(self.kind.copies()))
    }
}

impl VolumeKind {
    /// How many copies of the data there are; a thin volume has none of its own.
    #[must_use]
    pub fn copies(&self) -> u32 {
        match self {
            Self::Linear | Self::Striped { .. } | Self::ThinPool { .. } => 1,
            Self::Mirrored { copies, .. } | Self::Other { copies, .. } => *copies,
            Self::Thin { .. } => 0,
        }
    }
}
