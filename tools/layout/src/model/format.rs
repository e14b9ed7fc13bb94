//! File systems and their formats.

use super::Place;

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

/// The on-disk format, complete enough to make it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// ext2, ext3, ext4.
    Ext(Ext),
    /// XFS.
    Xfs(Xfs),
    /// FAT.
    Vfat(Vfat),
    /// btrfs.
    Btrfs(Btrfs),
    /// Swap.
    Swap(Swap),
    /// Another, by the kernel's name.
    Other(String),
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

/// A btrfs format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Btrfs {
    /// Features by the names that `mkfs.btrfs -O` takes.
    pub features: Vec<String>,
    /// Bytes of a sector.
    pub sector: u32,
    /// Bytes of a tree node.
    pub node: u32,
    /// Checksum: `crc32c`.
    pub checksum: String,
    /// Profile of the data: `single`, `raid1`.
    pub data: String,
    /// Profile of the metadata: `dup`.
    pub metadata: String,
    /// Further devices of the file system.
    pub more: Vec<Place>,
    /// Its subvolumes.
    pub subvolumes: Vec<Subvolume>,
}

/// A subvolume of a btrfs: the stanza `lx_subvol_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subvolume {
    /// Its path from the top of the file system: `@home`.
    pub path: String,
    /// Where it is mounted by itself.
    pub mount: Option<String>,
    /// Mount options as in fstab.
    pub options: String,
    /// fstab's fifth field.
    pub dump: u8,
    /// fstab's sixth field.
    pub pass: u8,
    /// It is what is mounted when no subvolume is named.
    pub default: bool,
    /// It cannot be written to.
    pub read_only: bool,
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
    pub fn name(&self) -> &str {
        match self {
            Self::Ext(Ext { version: 2, .. }) => "ext2",
            Self::Ext(Ext { version: 3, .. }) => "ext3",
            Self::Ext(_) => "ext4",
            Self::Xfs(_) => "xfs",
            Self::Vfat(_) => "vfat",
            Self::Btrfs(_) => "btrfs",
            Self::Swap(_) => "swap",
            Self::Other(name) => name,
        }
    }
}

impl FileSystem {
    /// Every device it lies on.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        let more = match &self.format {
            Format::Btrfs(btrfs) => btrfs.more.as_slice(),
            _ => &[],
        };
        std::iter::once(&self.place).chain(more)
    }

    /// For a person: its mount point, or what it is.
    #[must_use]
    pub fn name(&self) -> &str {
        self.mount.as_deref().unwrap_or(self.format.name())
    }
}
