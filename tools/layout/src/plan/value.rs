//! What a plan consists of. Sizes are bytes; devices are nodes: `/dev/vda1`.

use serde::Serialize;

use super::placement::Run;
use crate::disks::Disk;
use crate::guid::Guid;
use crate::model::{PartitionKind, Role, SourceDisk, VolumeKind};

/// The target disks with everything that will be on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The disks of the source, and which one takes the place of each.
    pub pairs: Vec<Pair>,
    /// The disks to be written; the one with the first PReP partition comes first.
    pub targets: Vec<Target>,
    /// The other disks. They are not touched.
    pub untouched: Vec<Disk>,
    /// When the backup was taken.
    pub taken: Option<String>,
    /// Whether file systems are shrunk.
    pub shrink: bool,
    /// Whether everything gets another UUID: a clone that lives beside its source.
    #[serde(skip_serializing_if = "is_false")]
    pub new_identity: bool,
    /// What lies on partitions and disks, in the order in which it is made.
    pub stack: Vec<Stacked>,
    /// The file systems and swap spaces, in the order of `image.data`.
    pub file_systems: Vec<PlannedFileSystem>,
    /// Every difference from the source.
    pub changes: Vec<Change>,
}

/// A disk of the source and the one that takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The disk that was backed up.
    pub source: SourceDisk,
    /// The kernel's name of the target disk; `None` if nothing takes its place.
    pub target: Option<String>,
    /// Why: words that follow "because".
    pub why: String,
}

/// A disk that is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The disk.
    pub disk: Disk,
    /// Why this one: words that follow "chosen because".
    pub why: String,
    /// Its new partition table.
    pub table: PlannedTable,
    /// The partitions, in the order in which they lie on the disk.
    pub partitions: Vec<PlannedPartition>,
}

/// A new partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlannedTable {
    /// GPT with this disk GUID.
    Gpt(Guid),
    /// MBR (DOS) with this disk signature.
    Mbr(u32),
    /// None: the disk is used as a whole.
    None,
}

/// A partition of a new table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPartition {
    /// Its number.
    pub number: u32,
    /// Its node: `/dev/vda1`.
    pub device: String,
    /// What it is for.
    pub role: Role,
    /// Its type in the table.
    pub kind: PartitionKind,
    /// GPT unique GUID; an MBR has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Guid>,
    /// The one it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_uuid: Option<Guid>,
    /// GPT name.
    pub name: String,
    /// GPT attribute bits; in an MBR, 128 marks the active partition.
    #[serde(skip_serializing_if = "is_zero")]
    pub flags: u64,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Bytes it had; 0 if the source had no such partition.
    pub old_size: u64,
}

/// A device that lies on others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stacked {
    /// An md array.
    Array(PlannedArray),
    /// An encrypted device.
    Crypt(PlannedCrypt),
    /// An LVM volume group.
    Group(PlannedGroup),
}

/// An md array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedArray {
    /// Its name.
    pub name: String,
    /// Its node: `/dev/md/boot`.
    pub device: String,
    /// `raid1`, `raid5`, `linear` ...
    pub level: String,
    /// Format of the superblock: `1.2`, `1.0`, `0.90`.
    pub metadata: String,
    /// UUID, as mdadm prints it.
    pub uuid: Option<String>,
    /// The one it had.
    pub old_uuid: Option<String>,
    /// The name in the superblock: `host:boot`.
    pub label: Option<String>,
    /// Its members, in the order of their roles.
    pub members: Vec<String>,
    /// Members that wait for one to fail.
    pub spares: Vec<String>,
    /// Bytes of a chunk; 0 where the level has none.
    pub chunk: u64,
    /// `left-symmetric`, `n2` ...; where the level has several.
    pub layout: Option<String>,
    /// `internal`; `None` without one.
    pub bitmap: Option<String>,
    /// Bytes that surely can be used.
    pub size: u64,
    /// Bytes it had.
    pub old_size: u64,
}

/// An encrypted device. Its passphrase is not part of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedCrypt {
    /// The name of the open device.
    pub name: String,
    /// Its node: `/dev/mapper/luks-home`.
    pub device: String,
    /// The node of what it lies on.
    pub under: String,
    /// LUKS 1 or 2.
    pub version: u8,
    /// UUID of the header.
    pub uuid: String,
    /// The one it had.
    pub old_uuid: String,
    /// Label of the header.
    pub label: Option<String>,
    /// Subsystem of the header.
    pub subsystem: Option<String>,
    /// `aes-xts-plain64`.
    pub cipher: String,
    /// Bits of the key.
    pub key_bits: u32,
    /// Hash: of LUKS 1 that of the header, of LUKS 2 that of the key slots.
    pub hash: Option<String>,
    /// Bytes of the sectors that are encrypted.
    pub sector: u32,
    /// Bytes before the first encrypted sector.
    pub offset: u64,
    /// How the passphrase becomes a key: `argon2id`, `pbkdf2`.
    pub pbkdf: Option<String>,
    /// What that costs: `time=4 memory=1048576 cpus=4`, `iterations=1000000`.
    pub cost: Option<String>,
    /// Persistent flags of the header: `allow-discards`.
    pub flags: Vec<String>,
    /// Integrity protection: `hmac(sha256)`.
    pub integrity: Option<String>,
    /// Bytes of the open device.
    pub size: u64,
    /// Bytes it had.
    pub old_size: u64,
    /// The third field of crypttab.
    pub key_file: Option<String>,
    /// The options of crypttab.
    pub options: Option<String>,
}

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedGroup {
    /// Its name.
    pub name: String,
    /// The name it had.
    pub old_name: String,
    /// Nodes of its physical volumes.
    pub devices: Vec<String>,
    /// Bytes of an extent.
    pub extent: u64,
    /// Extents there will be.
    pub extents: u64,
    /// Whether the physical maps of the backup are followed.
    #[serde(skip_serializing_if = "is_false")]
    pub maps: bool,
    /// Its logical volumes; a thin pool before the volumes that take from it.
    pub volumes: Vec<PlannedVolume>,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedVolume {
    /// Its name.
    pub name: String,
    /// The name it had.
    pub old_name: String,
    /// Its node: `/dev/mapper/rootvg-hd4`.
    pub device: String,
    /// How its extents are arranged.
    pub kind: VolumeKind,
    /// Physical volumes that it must lie on; any if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Where exactly it lies, by its map; LVM finds a place if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placed: Vec<Run>,
    /// Extents.
    pub extents: u64,
    /// Extents it had.
    pub old_extents: u64,
    /// It cannot be written to once it is filled.
    #[serde(skip_serializing_if = "is_false")]
    pub read_only: bool,
}

/// A file system or swap space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFileSystem {
    /// Where it is mounted; `None` for swap.
    pub mount: Option<String>,
    /// The node it lies on; of several the first.
    pub device: String,
    /// Whether that is a logical volume.
    pub on_volume: bool,
    /// The device's names on the source, as an old fstab may have them.
    pub old_devices: Vec<String>,
    /// Kind, as `mount` knows it.
    pub kind: String,
    /// UUID, as blkid prints it.
    pub uuid: String,
    /// The one it had.
    pub old_uuid: String,
    /// Label.
    pub label: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Bytes it had.
    pub old_size: u64,
    /// The command that makes it.
    pub mkfs: Vec<String>,
    /// Mount options for fstab.
    pub options: String,
    /// fstab's fifth field.
    pub dump: u8,
    /// fstab's sixth field.
    pub pass: u8,
    /// What only btrfs has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub btrfs: Option<PlannedBtrfs>,
}

/// Of a btrfs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedBtrfs {
    /// Nodes of its further devices.
    pub more: Vec<String>,
    /// Profile of the data: `single`, `raid1`.
    pub data: String,
    /// Profile of the metadata: `dup`.
    pub metadata: String,
    /// Its subvolumes, each after the one that it lies in.
    pub subvolumes: Vec<PlannedSubvolume>,
}

/// A subvolume of a btrfs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedSubvolume {
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
    /// It cannot be written to once it is filled.
    pub read_only: bool,
}

/// A difference from the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// To what: "logical volume hd4", "/var".
    pub what: String,
    /// How it was: "512 MB", "2 copies".
    pub from: String,
    /// How it will be.
    pub to: String,
}

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It becomes smaller.
    Shrinks,
    /// It becomes larger.
    Grows,
    /// It lies on fewer disks than it did.
    Breaks,
    /// It lies on another disk than its neighbours of old.
    Moves,
    /// It has another name or UUID.
    Renamed,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references to such functions"
)]
fn is_zero(flags: &u64) -> bool {
    *flags == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references to such functions"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Plan {
    /// The target disks.
    #[must_use]
    pub fn disks(&self) -> Vec<&Disk> {
        self.targets.iter().map(|target| &target.disk).collect()
    }

    /// The volume groups.
    pub fn groups(&self) -> impl Iterator<Item = &PlannedGroup> {
        self.stack.iter().filter_map(|stacked| match stacked {
            Stacked::Group(group) => Some(group),
            Stacked::Array(_) | Stacked::Crypt(_) => None,
        })
    }

    /// The partitions of all target disks.
    pub fn partitions(&self) -> impl Iterator<Item = &PlannedPartition> {
        self.targets.iter().flat_map(|target| &target.partitions)
    }

    /// The disks that get a boot record, in the order of the boot list.
    pub fn boot_disks(&self) -> impl Iterator<Item = (&Disk, &PlannedPartition)> {
        self.targets
            .iter()
            .filter_map(|target| Some((&target.disk, target.prep()?)))
    }
}

impl Target {
    /// The node of the disk.
    #[must_use]
    pub fn device(&self) -> String {
        format!("/dev/{}", self.disk.name)
    }

    /// The partition that the boot record goes to.
    #[must_use]
    pub fn prep(&self) -> Option<&PlannedPartition> {
        self.partitions.iter().find(|p| p.role == Role::Prep)
    }
}
