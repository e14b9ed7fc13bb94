//! Carries out a [`Plan`]. This is the only room that writes to disks, and it
//! writes to the targets of the plan alone.

mod array;
mod crypt;
mod disk;
mod error;
mod file_system;
mod group;
mod header;
mod keys;
mod mount;
mod old;
mod stack;
mod volume;

pub use disk::{mark_prep, unmark_disks};
pub use error::ApplyError;
pub use file_system::seal_subvolumes;
pub use group::finish;
pub use header::opens;
pub use keys::Keys;
pub use mount::{Mounts, mount};
pub use stack::{release, seal};

use crate::disks::{self, Disk};
use crate::plan::{GroupPlan, Plan, groups_apart};

/// Writes partitions, arrays, encrypted devices, volume groups and file systems.
/// `report` is told each step before it begins, in words that follow "now:".
/// Afterwards everything is open, until [`release`]; after an error nothing is.
///
/// Each disk carries a mark until [`unmark_disks`], each PReP partition one until
/// the boot record replaces it, and each volume group the tag
/// [`disks::RESTORING`] until [`finish`]: an interrupted restore is recognised.
///
/// # Errors
/// [`ApplyError`]. Until the step "writing the partition table" nothing was written.
pub fn apply(plan: &Plan, keys: &Keys, report: &mut dyn FnMut(&str)) -> Result<(), ApplyError> {
    report("checking the target disks");
    stack::check_keys(plan, keys)?;
    unchanged(plan)?;
    let disks = plan.disks();
    old::switch_off(&disks)?;
    // All are held before the first is written.
    let held = disks
        .iter()
        .map(|disk| disk::open(disk))
        .collect::<Result<Vec<_>, _>>()?;
    for (target, mut device) in plan.targets.iter().zip(held) {
        report(&format!(
            "writing the partition table of {}",
            target.disk.hdisk
        ));
        disk::partition(target, &mut device)?;
        disk::announce(target, &device)?;
        // Held exclusively, it could not become a physical volume.
        drop(device);
    }
    let made = stack::make(&plan.stack, keys, report)
        .and_then(|()| file_system::make_all(&plan.file_systems, report));
    if made.is_err() {
        // What would not go is in the log; the error is why it had to.
        let _released = release(&plan.stack);
    }
    made
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
    old::switch_off(&targets)?;
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
    file_system::make_all(&plan.file_systems, report)
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
