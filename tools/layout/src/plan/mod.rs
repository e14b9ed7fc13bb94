//! The plan: which disk gets what, to the byte. Nothing is written for it.

mod arrange;
mod choose;
mod choose_several;
mod describe;
mod describe_group;
mod error;
mod group;

pub(crate) use arrange::{LVM_HEAD, PREP, type_of};
pub use error::PlanError;
pub(crate) use group::groups_apart;
pub use group::{GroupPlan, GroupSettings, GroupTarget, plan_group};

use std::collections::BTreeSet;
use std::ffi::OsStr;

use lifeboat_stanza::bosinst::{Overwrite, TargetDisk};
use serde::Serialize;

use crate::disks::{Content, Disk};
use crate::guid::Guid;
use crate::lvm::mapper_name;
use crate::model::{Model, Role};
use crate::size::mb;

/// What a person or `bosinst.data` decided.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The target disk, if a person chose one: `hdisk0`, `vda` or `/dev/vda`.
    pub disk: Option<String>,
    /// `target_disk_data` of `bosinst.data`.
    pub targets: Vec<TargetDisk>,
    /// `EXISTING_SYSTEM_OVERWRITE` of `bosinst.data`.
    pub overwrite: Overwrite,
    /// Shrink File Systems; `None` follows `SHRINK` of `image.data`.
    pub shrink: Option<bool>,
    /// Another name for the volume group.
    pub group_name: Option<String>,
    /// Put before the name of every logical volume: `alt_`.
    pub volume_prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disk: None,
            targets: Vec::new(),
            overwrite: Overwrite::No,
            shrink: None,
            group_name: None,
            volume_prefix: String::new(),
        }
    }
}

/// A target disk with everything that will be on it. Sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The disk to be written.
    pub target: Disk,
    /// Why this one: words that follow "chosen because".
    pub reason: String,
    /// The other disks. They are not touched.
    pub untouched: Vec<Disk>,
    /// When the backup was taken.
    pub taken: Option<String>,
    /// Whether file systems are shrunk.
    pub shrink: bool,
    /// GUID of the new GPT.
    pub disk_guid: Guid,
    /// The partitions, in the order in which they lie on the disk.
    pub partitions: Vec<PlannedPartition>,
    /// The volume group.
    pub group: Option<PlannedGroup>,
    /// The file systems and swap spaces, in the order of `image.data`.
    pub file_systems: Vec<PlannedFileSystem>,
}

/// A partition of the new table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPartition {
    /// Its number.
    pub number: u32,
    /// Its node: `/dev/vda1`.
    pub device: String,
    /// What it is for.
    pub role: Role,
    /// GPT type.
    pub type_guid: Guid,
    /// GPT unique GUID.
    pub uuid: Guid,
    /// GPT name.
    pub name: String,
    /// GPT attribute bits.
    #[serde(skip_serializing_if = "is_zero")]
    pub flags: u64,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Bytes it had.
    pub old_size: u64,
}

/// The new volume group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedGroup {
    /// Its name.
    pub name: String,
    /// Nodes of the partition or the disks that are its physical volumes.
    pub devices: Vec<String>,
    /// Bytes of an extent.
    pub extent: u64,
    /// Extents there will be.
    pub extents: u64,
    /// Its logical volumes.
    pub volumes: Vec<PlannedVolume>,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedVolume {
    /// Its name.
    pub name: String,
    /// Its node: `/dev/mapper/rootvg-hd4`.
    pub device: String,
    /// Extents.
    pub extents: u64,
    /// Extents it had.
    pub old_extents: u64,
}

/// A file system or swap space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFileSystem {
    /// Where it is mounted; `None` for swap.
    pub mount: Option<String>,
    /// The node it lies on.
    pub device: String,
    /// Whether that is a logical volume.
    pub on_volume: bool,
    /// The device's names on the source, as an old fstab may have them.
    pub old_devices: Vec<String>,
    /// Kind, as `mount` knows it.
    pub kind: String,
    /// UUID, as blkid prints it.
    pub uuid: String,
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
}

/// Plans the restore of `model` onto one of `disks`.
///
/// # Errors
/// [`PlanError`]; nothing was and nothing need be written to know it.
pub fn plan(model: &Model, disks: &[Disk], settings: &Settings) -> Result<Plan, PlanError> {
    model.check_system()?;
    let shrink = settings.shrink.unwrap_or(model.policy.shrink);
    // Which disk is chosen depends on what is needed, which depends on the
    // sectors of the disk by a few KiB: reckon with the larger.
    let needed = arrange::needed(model, shrink, 4096);
    let (target, reason) = choose::choose(model, disks, settings, needed)?;
    writable(target)?;
    let plan = arrange::arrange(model, target, reason, disks, settings, shrink)?;
    plan.groups_apart(&plan.untouched)?;
    exact_fit(model, &[target])?;
    Ok(plan)
}

fn writable(target: &Disk) -> Result<(), PlanError> {
    if let Some(why) = &target.in_use {
        return Err(PlanError::InUse {
            disk: target.to_string(),
            why: why.clone(),
        });
    }
    if target.read_only {
        return Err(PlanError::ReadOnly(target.to_string()));
    }
    Ok(())
}

fn exact_fit(model: &Model, targets: &[&Disk]) -> Result<(), PlanError> {
    let wanted: u64 = model.disks.iter().map(|disk| mb(disk.size)).sum();
    let present: u64 = targets.iter().map(|disk| mb(disk.size)).sum();
    if !model.policy.exact_fit || present == wanted {
        return Ok(());
    }
    Err(PlanError::NotExact {
        disk: list(targets),
        present,
        wanted,
    })
}

fn list<T: ToString>(disks: &[T]) -> String {
    disks
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl Plan {
    /// What is on the target now and will be gone; `None` if it is empty.
    #[must_use]
    pub fn destroys(&self) -> Option<String> {
        (self.target.content() != Content::Empty).then(|| self.target.describe_content())
    }

    /// No volume group may lose a disk, and no two may share a name: LVM is told by
    /// name which group to switch off and which to fill.
    pub(crate) fn groups_apart(&self, others: &[Disk]) -> Result<(), PlanError> {
        let new = self.group.as_ref().map(|group| group.name.as_str());
        groups_apart(&[&self.target], others, &[], new)
    }

    /// The node of the target disk.
    #[must_use]
    pub fn device(&self) -> String {
        format!("/dev/{}", self.target.name)
    }

    /// The partition that the boot record goes to.
    #[must_use]
    pub fn prep(&self) -> Option<&PlannedPartition> {
        self.partitions.iter().find(|p| p.role == Role::Prep)
    }

    /// The file systems to mount, each after the one it is mounted in.
    #[must_use]
    pub fn mounts(&self) -> Vec<(&str, &PlannedFileSystem)> {
        mounts(&self.file_systems)
    }

    /// The programs that applying the plan runs.
    #[must_use]
    pub fn needed_tools(&self) -> Vec<String> {
        let lvm = self.group.is_some() || !self.target.physical_volumes.is_empty();
        tools(&self.file_systems, lvm.then_some("lvm"))
    }

    /// Whether those programs are in the directories of `path`, a `PATH`.
    ///
    /// # Errors
    /// [`PlanError::MissingTools`] with all that are missing.
    pub fn check_tools(&self, path: &OsStr) -> Result<(), PlanError> {
        tools_present(&self.needed_tools(), path)
    }
}

/// Those of the file systems that are mounted, each after the one it is mounted in.
pub(crate) fn mounts(file_systems: &[PlannedFileSystem]) -> Vec<(&str, &PlannedFileSystem)> {
    let mounted = file_systems
        .iter()
        .filter_map(|fs| Some((fs.mount.as_deref()?, fs)));
    let mut mounts: Vec<_> = mounted.collect();
    mounts.sort_by_key(|(mount, _)| *mount);
    mounts
}

/// The programs that make the file systems, and others, each once.
fn tools<'a>(
    file_systems: &[PlannedFileSystem],
    others: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let mkfs = file_systems
        .iter()
        .filter_map(|fs| fs.mkfs.first().cloned());
    let all: BTreeSet<String> = mkfs.chain(others.into_iter().map(str::to_owned)).collect();
    all.into_iter().collect()
}

fn tools_present(tools: &[String], path: &OsStr) -> Result<(), PlanError> {
    let there = |tool: &&String| std::env::split_paths(path).any(|dir| dir.join(tool).is_file());
    let missing: Vec<&str> = tools
        .iter()
        .filter(|tool| !there(tool))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(PlanError::MissingTools(missing.join(", ")))
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references to such functions"
)]
fn is_zero(flags: &u64) -> bool {
    *flags == 0
}

/// The node of a partition: a disk name that ends in a digit takes a `p` between.
fn partition_device(disk: &str, number: u32) -> String {
    let p = if disk.ends_with(|c: char| c.is_ascii_digit()) {
        "p"
    } else {
        ""
    };
    format!("/dev/{disk}{p}{number}")
}

fn volume_device(group: &str, volume: &str) -> String {
    format!("/dev/mapper/{}", mapper_name(group, volume))
}
