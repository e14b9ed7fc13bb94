//! The plan: which disk gets what, to the byte. Nothing is written for it.

mod arrange;
mod arrays;
mod boot;
mod changes;
mod choose;
mod choose_several;
mod conflicts;
mod criteria;
mod describe;
mod describe_group;
mod describe_parts;
mod error;
mod file_systems;
mod group;
mod grow;
mod identity;
mod kinds;
mod maps;
mod need;
mod placement;
mod reduce;
mod settings;
mod share;
mod sizes;
mod stack;
mod table;
mod text;
mod value;
mod volumes;

pub use error::PlanError;
pub(crate) use group::groups_apart;
pub use group::{GroupPlan, GroupSettings, GroupTarget, plan_group};
pub(crate) use kinds::{PREP, type_of};
pub(crate) use need::LVM_HEAD;
pub(crate) use placement::joined;
pub use placement::{Area, Run};
pub use settings::{Grow, Mirrors, Seed, Settings};
pub use value::{
    Change, ChangeKind, Pair, Plan, PlannedArray, PlannedBtrfs, PlannedCrypt, PlannedFileSystem,
    PlannedGroup, PlannedPartition, PlannedSubvolume, PlannedTable, PlannedVolume, Stacked, Target,
};

use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::disks::{Content, Disk};
use crate::lvm::mapper_name;
use crate::model::Model;
use crate::size::mb;

/// Plans the restore of `model` onto `disks`.
///
/// # Errors
/// [`PlanError`]; nothing was and nothing need be written to know it.
pub fn plan(model: &Model, disks: &[Disk], settings: &Settings) -> Result<Plan, PlanError> {
    model.check_system()?;
    let plan = arrange::arrange(model, disks, settings)
        .map_err(|error| without_copies(model, disks, settings, error))?;
    plan.groups_apart(&plan.untouched)?;
    conflicts::uuids_apart(&plan)?;
    Ok(plan)
}

/// Adds to an error about room that giving up copies would help, where it would.
fn without_copies(
    model: &Model,
    disks: &[Disk],
    settings: &Settings,
    error: PlanError,
) -> PlanError {
    use PlanError::{TooSmall, TooSmallForGroup};
    let room = matches!(error, TooSmall { .. } | TooSmallForGroup { .. });
    if !room || settings.mirrors == Mirrors::Break {
        return error;
    }
    let fits = |mirrors, shrink| {
        let other = Settings {
            mirrors,
            shrink,
            ..settings.clone()
        };
        arrange::arrange(model, disks, &other).is_ok()
    };
    let how = if fits(Mirrors::Break, settings.shrink) {
        "Break Mirrors (--break-mirrors)"
    } else if !fits(Mirrors::Keep, Some(true)) && fits(Mirrors::Break, Some(true)) {
        "Break Mirrors and Shrink File Systems together"
    } else {
        return error;
    };
    let error = Box::new(error);
    PlanError::FitsBroken { error, how }
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

fn exact_fit(model: &Model, exact: bool, targets: &[&Disk]) -> Result<(), PlanError> {
    let wanted: u64 = model.disks.iter().map(|disk| mb(disk.size)).sum();
    let present: u64 = targets.iter().map(|disk| mb(disk.size)).sum();
    if !exact || present == wanted {
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
    /// What is on the targets now and will be gone, disk by disk.
    #[must_use]
    pub fn destroys(&self) -> Vec<String> {
        destroys(&self.disks())
    }

    /// No volume group may lose a disk, and no two may share a name: LVM is told by
    /// name which group to switch off and which to fill.
    pub(crate) fn groups_apart(&self, others: &[Disk]) -> Result<(), PlanError> {
        let new: Vec<&str> = self.groups().map(|group| group.name.as_str()).collect();
        groups_apart(&self.disks(), others, &[], &new)
    }

    /// The file systems to mount, each after the one it is mounted in.
    #[must_use]
    pub fn mounts(&self) -> Vec<(&str, &PlannedFileSystem)> {
        mounts(&self.file_systems)
    }

    /// The programs that applying the plan runs.
    #[must_use]
    pub fn needed_tools(&self) -> Vec<String> {
        let old = |target: &Target| !target.disk.physical_volumes.is_empty();
        let lvm = self.targets.iter().any(old).then_some("lvm");
        let stacked = self.stack.iter().map(|stacked| match stacked {
            Stacked::Array(_) => "mdadm",
            Stacked::Crypt(_) => "cryptsetup",
            Stacked::Group(_) => "lvm",
        });
        tools(&self.file_systems, stacked.chain(lvm))
    }

    /// Whether those programs are in the directories of `path`, a `PATH`.
    ///
    /// # Errors
    /// [`PlanError::MissingTools`] with all that are missing.
    pub fn check_tools(&self, path: &OsStr) -> Result<(), PlanError> {
        tools_present(&self.needed_tools(), path)
    }
}

/// What is on these disks and will be gone.
fn destroys(targets: &[&Disk]) -> Vec<String> {
    let data = targets
        .iter()
        .filter(|disk| disk.content() != Content::Empty);
    data.map(|disk| format!("everything on {}: {}", disk.hdisk, disk.describe_content()))
        .collect()
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
    // Subvolumes are made by another program than the file system.
    let btrfs = file_systems.iter().any(|fs| fs.btrfs.is_some());
    let others = others.into_iter().chain(btrfs.then_some("btrfs"));
    let all: BTreeSet<String> = mkfs.chain(others.map(str::to_owned)).collect();
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
