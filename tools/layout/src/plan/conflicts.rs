//! What on other disks would be taken for a part of the new system.

use super::{Plan, PlanError};
use crate::disks::Disk;
use crate::signature::Signature;

/// No file system may share its UUID with one on a disk that stays: nobody could say
/// which of the two is mounted.
pub(super) fn uuids_apart(plan: &Plan) -> Result<(), PlanError> {
    for fs in &plan.file_systems {
        let same = |signature: &Signature| {
            let uuid = signature.uuid.as_ref();
            uuid.is_some_and(|uuid| uuid.eq_ignore_ascii_case(&fs.uuid))
        };
        let has = |disk: &&Disk| {
            same(&disk.signature) || disk.partitions.iter().any(|p| same(&p.signature))
        };
        if let Some(disk) = plan.untouched.iter().find(has) {
            return Err(PlanError::UuidElsewhere {
                disk: disk.to_string(),
                uuid: fs.uuid.clone(),
                name: fs.mount.clone().unwrap_or_else(|| fs.kind.clone()),
            });
        }
    }
    Ok(())
}
