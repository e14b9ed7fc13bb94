//! Arrays, encrypted devices and volume groups: made in the order of the plan, let
//! go in reverse.

use std::path::Path;

use super::{ApplyError, array, crypt, group, header, keys::Keys};
use crate::plan::{Plan, Stacked};

/// Whether there is a key for every encrypted device, which opens the header that the
/// device is to keep.
pub(super) fn check_keys(plan: &Plan, keys: &Keys) -> Result<(), ApplyError> {
    plan.stack.iter().try_for_each(|stacked| match stacked {
        Stacked::Crypt(crypt) if !keys.has(&crypt.name) => {
            Err(ApplyError::NoKey(crypt.name.clone()))
        }
        Stacked::Crypt(crypt) => header::check(crypt, keys),
        Stacked::Array(_) | Stacked::Group(_) => Ok(()),
    })
}

/// Makes everything that lies on partitions and disks.
pub(super) fn make(
    stack: &[Stacked],
    keys: &Keys,
    report: &mut dyn FnMut(&str),
) -> Result<(), ApplyError> {
    stack.iter().try_for_each(|stacked| match stacked {
        Stacked::Array(planned) => {
            report(&format!("making md array {}", planned.name));
            array::make(planned)
        }
        Stacked::Crypt(planned) => {
            report(&format!("making encrypted device {}", planned.name));
            crypt::make(planned, keys)
        }
        Stacked::Group(planned) => {
            report(&format!("making volume group {}", planned.name));
            group::make(planned)
        }
    })
}

/// Makes read-only what was so: to be called when all is filled and unmounted.
///
/// # Errors
/// [`ApplyError::Lvm`].
pub fn seal(plan: &Plan) -> Result<(), ApplyError> {
    plan.groups().try_for_each(group::seal)
}

/// Lets everything go, the topmost first, so that nothing holds the disks. What
/// lies on it must be unmounted. What is not there, because making it failed, is
/// passed over; all is tried, whatever happens.
///
/// # Errors
/// The first thing that would not go.
pub fn release(stack: &[Stacked]) -> Result<(), ApplyError> {
    let mut outcome = Ok(());
    for stacked in stack.iter().rev() {
        let there = |device: &String| Path::new(device).exists();
        let released = match stacked {
            Stacked::Array(array) if there(&array.device) => array::stop(&array.device),
            Stacked::Crypt(crypt) if there(&crypt.device) => crypt::close(&crypt.name),
            Stacked::Group(group) if group.volumes.iter().any(|v| there(&v.device)) => {
                group::release(group)
            }
            _ => Ok(()),
        };
        if let Err(error) = &released {
            log::warn!("{}", lifeboat_sys::error::chain(error));
        }
        outcome = outcome.and(released);
    }
    outcome
}
