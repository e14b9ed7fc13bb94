//! Carries out a [`Plan`]. This is the only room that writes to disks, and it
//! writes to the targets of the plan alone.

mod disk;
mod error;
mod group;
mod mount;

pub use disk::mark_prep;
pub use error::ApplyError;
pub use group::{finish, release};
pub use mount::{Mounts, mount};

use std::path::Path;
use std::time::Duration;

use lifeboat_sys::run::Tool;

use crate::disks::{self, Disk, read_signature};
use crate::plan::{GroupPlan, Plan, PlannedFileSystem, groups_apart};

/// How long one mkfs may take; without `lazy_itable_init` on a slow disk of
/// some TB it is many minutes.
const MKFS_LIMIT: Duration = Duration::from_secs(2 * 3600);

/// Writes partitions, volume group and file systems. `report` is told each step
/// before it begins, in words that follow "now:".
///
/// The volume group carries the tag [`disks::RESTORING`] until [`finish`], and
/// the PReP partition a mark until the boot record comes ([`mark_prep`]): an
/// interrupted restore is recognised.
///
/// # Errors
/// [`ApplyError`]. Until the step "writing the partition table" nothing was written.
pub fn apply(plan: &Plan, report: &mut dyn FnMut(&str)) -> Result<(), ApplyError> {
    report("checking the target disks");
    unchanged(plan)?;
    let disks = plan.disks();
    group::switch_off_old(&disks)?;
    // All are held before the first is written.
    let held = disks
        .iter()
        .map(|disk| disk::open(disk))
        .collect::<Result<Vec<_>, _>>()?;
    report("writing the partition table");
    for (target, mut device) in plan.targets.iter().zip(held) {
        disk::partition(target, &mut device)?;
        disk::announce(target, &device)?;
        // Held exclusively, it could not become a physical volume.
        drop(device);
    }
    for planned in plan.groups() {
        report(&format!("making volume group {}", planned.name));
        group::make(planned)?;
    }
    make_all(&plan.file_systems, report)
}

/// Writes a volume group on its own: its disks become physical volumes as a
/// whole. It carries the tag [`disks::RESTORING`] until [`finish`].
///
/// # Errors
/// [`ApplyError`]. Until the step "blanking" nothing was written.
pub fn apply_group(plan: &GroupPlan, report: &mut dyn FnMut(&str)) -> Result<(), ApplyError> {
    report("checking the target disks");
    unchanged_group(plan)?;
    let targets = plan.disks();
    group::switch_off_old(&targets)?;
    // All are held before the first is written.
    let held = targets
        .iter()
        .map(|disk| disk::open(disk))
        .collect::<Result<Vec<_>, _>>()?;
    for (target, mut device) in targets.into_iter().zip(held) {
        report(&format!("blanking {}", target.hdisk));
        disk::blank(target, &mut device)?;
    }
    report(&format!("making volume group {}", plan.group.name));
    group::make(&plan.group)?;
    make_all(&plan.file_systems, report)
}

fn make_all(
    file_systems: &[PlannedFileSystem],
    report: &mut dyn FnMut(&str),
) -> Result<(), ApplyError> {
    for fs in file_systems {
        report(&format!("making {} on {}", what(fs), fs.device));
        make(fs)?;
    }
    Ok(())
}

fn what(fs: &PlannedFileSystem) -> String {
    match &fs.mount {
        Some(mount) => format!("file system {mount} ({})", fs.kind),
        None => "swap".to_owned(),
    }
}

/// Whether the disks still are what the plan was made for.
fn unchanged(plan: &Plan) -> Result<(), ApplyError> {
    let mut now = disks::present().map_err(ApplyError::Probe)?;
    for target in plan.disks() {
        take(target, &mut now)?;
    }
    plan.groups_apart(&now).map_err(ApplyError::Plan)
}

fn unchanged_group(plan: &GroupPlan) -> Result<(), ApplyError> {
    let mut now = disks::inventory().map_err(ApplyError::Probe)?;
    let targets = plan.disks();
    for target in &targets {
        take(target, &mut now.disks)?;
    }
    let new = plan.group.name.as_str();
    groups_apart(&targets, &now.disks, &now.elsewhere, &[new]).map_err(ApplyError::Plan)
}

/// Takes a target out of the disks that are there, if it is as it was planned for.
fn take(target: &Disk, now: &mut Vec<Disk>) -> Result<(), ApplyError> {
    let at = now.iter().position(|disk| disk.name == target.name);
    let found = at.map(|at| now.remove(at));
    if found.as_ref() == Some(target) {
        return Ok(());
    }
    log::warn!("planned for {target:?}, found {found:?}");
    Err(ApplyError::Changed(target.to_string()))
}

/// Makes one file system and looks whether it is there.
fn make(fs: &PlannedFileSystem) -> Result<(), ApplyError> {
    let Some((program, arguments)) = fs.mkfs.split_first() else {
        return Ok(());
    };
    let tool = Tool::new(program).args(arguments).deadline(MKFS_LIMIT);
    tool.run().map_err(|source| ApplyError::Mkfs {
        what: what(fs),
        source,
    })?;
    let path = Path::new(&fs.device);
    let found = read_signature(path).map_err(|source| ApplyError::Device {
        operation: "read back",
        path: path.into(),
        source,
    })?;
    if found.uuid.as_deref() == Some(&fs.uuid) {
        return Ok(());
    }
    let read = format!("{} {}", found.found, found.uuid.unwrap_or_default());
    Err(ApplyError::ReadBack {
        what: what(fs),
        wanted: fs.uuid.clone(),
        read,
    })
}
