//! What a root volume group is: the value behind `image.data`.
//!
//! Everything that Lifeboat can lay out again has a variant here. What has
//! none (md arrays, LUKS, btrfs, thin and mirrored volumes) is refused by name
//! when `image.data` is read, never left out.

mod check;
mod check_group;

pub use check::ModelError;

use serde::Serialize;

use crate::guid::Guid;

/// The system disk of a backed-up system, its volume group and file systems.
/// Sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// When and of what the backup was taken.
    pub source: Source,
    /// How sizes are treated.
    pub policy: Policy,
    /// The root volume group; `None` for a system of plain partitions.
    pub group: Option<VolumeGroup>,
    /// The disks.
    pub disks: Vec<SourceDisk>,
    /// The partitions of the disks.
    pub partitions: Vec<Partition>,
    /// The logical volumes of the group.
    pub volumes: Vec<LogicalVolume>,
    /// The file systems and swap spaces.
    pub file_systems: Vec<FileSystem>,
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
}

/// The stanza `logical_volume_policy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// File systems become only as big as their content needs.
    pub shrink: bool,
    /// The target disk must have the size of the source disk.
    pub exact_fit: bool,
}

/// The stanza `vg_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeGroup {
    /// Its name.
    pub name: String,
    /// Bytes of one physical partition (LVM: extent).
    pub extent: u64,
}

/// A disk of the source: `source_disk_data` and `lx_disk_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// GPT with this disk GUID.
    Gpt(Guid),
    /// None: the whole disk is a physical volume.
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
    /// Its size.
    pub size: u64,
    /// Its name in the GPT.
    pub name: String,
    /// Its unique GUID.
    pub uuid: Guid,
}

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// PReP: holds the boot record.
    Prep,
    /// Physical volume of the root volume group.
    Lvm,
    /// A file system.
    Fs,
    /// Swap.
    Swap,
}

/// The stanza `lv_data`: a linear logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalVolume {
    /// Its name.
    pub name: String,
    /// Logical partitions (LVM: extents).
    pub extents: u64,
    /// With SHRINK, at least so many (`LV_MIN_LPS`).
    pub min_extents: u64,
}

/// A file system (`fs_data`) or swap space (`lx_swap_data`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// Where it is mounted; `None` for swap.
    pub mount: Option<String>,
    /// What it lies on.
    pub place: Place,
    /// Its size.
    pub size: u64,
    /// What its content needs.
    pub min_size: u64,
    /// Its kind and format.
    pub format: Format,
    /// UUID; of vfat the volume id, `ABCD-1234`.
    pub uuid: String,
    /// Label, if it has one.
    pub label: Option<String>,
    /// Mount options as in fstab.
    pub options: String,
    /// fstab's fifth field.
    pub dump: u8,
    /// fstab's sixth field.
    pub pass: u8,
}

/// What a file system lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A plain partition.
    Partition {
        /// Name of the disk.
        disk: String,
        /// Number of the partition.
        number: u32,
    },
    /// A logical volume, by name.
    Volume(String),
}

/// The on-disk format, complete enough to make it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// ext2, ext3, ext4.
    Ext(Ext),
    /// XFS.
    Xfs(Xfs),
    /// FAT.
    Vfat(Vfat),
    /// Swap.
    Swap(Swap),
}

/// An ext2, ext3 or ext4 format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ext {
    /// 2, 3 or 4.
    pub version: u8,
    /// Every feature, by the names that `dumpe2fs -h` prints.
    pub features: Vec<String>,
    /// Bytes of a block.
    pub block: u32,
    /// Bytes of an inode.
    pub inode: u32,
    /// Bytes of file system per inode (`mke2fs -i`).
    pub inode_ratio: u32,
    /// Percentage of blocks kept for root.
    pub reserved: u8,
}

/// An XFS format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xfs {
    /// Features by the names that `xfs_info` prints, each with its value; the
    /// block size of directories is `dirbsize`.
    pub features: Vec<(String, u32)>,
    /// Bytes of a block.
    pub block: u32,
    /// Bytes of an inode.
    pub inode: u32,
}

/// A FAT format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vfat {
    /// 12, 16 or 32.
    pub bits: u8,
}

/// A swap space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Page size of the kernel that uses it; on Power 4096 or 65536.
    pub page: u32,
}

impl Format {
    /// The name that `mount` and fstab know it by.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ext(Ext { version: 2, .. }) => "ext2",
            Self::Ext(Ext { version: 3, .. }) => "ext3",
            Self::Ext(_) => "ext4",
            Self::Xfs(_) => "xfs",
            Self::Vfat(_) => "vfat",
            Self::Swap(_) => "swap",
        }
    }
}

impl Model {
    /// The file system or swap space on a logical volume.
    #[must_use]
    pub fn on_volume(&self, volume: &str) -> Option<&FileSystem> {
        self.file_systems
            .iter()
            .find(|f| matches!(&f.place, Place::Volume(name) if name == volume))
    }

    /// The file system or swap space on a partition.
    #[must_use]
    pub fn on_partition(&self, partition: &Partition) -> Option<&FileSystem> {
        self.file_systems.iter().find(|f| {
            matches!(&f.place, Place::Partition { disk, number }
                if *disk == partition.disk && *number == partition.number)
        })
    }
}
