//! Carries out a [`Plan`]. This is the only room that writes to disks, and it
//! writes to the target of the plan alone.

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

use crate::disks::{self, read_signature};
use crate::plan::{Plan, PlannedFileSystem};

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
    report("checking the target disk");
    unchanged(plan)?;
    group::switch_off_old(plan)?;
    let mut device = disk::open(plan)?;
    report("writing the partition table");
    disk::partition(plan, &mut device)?;
    disk::announce(plan, &device)?;
    // Held exclusively, it could not become a physical volume.
    drop(device);
    if let Some(planned) = &plan.group {
        report(&format!("making volume group {}", planned.name));
        group::make(planned)?;
    }
    for fs in &plan.file_systems {
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
    let at = now.iter().position(|disk| disk.name == plan.target.name);
    let target = at.map(|at| now.remove(at));
    if target.as_ref() != Some(&plan.target) {
        log::warn!("planned for {:?}, found {target:?}", plan.target);
        return Err(ApplyError::Changed(plan.target.to_string()));
    }
    plan.groups_apart(&now).map_err(ApplyError::Plan)
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
