//! Room left on larger disks, given to file systems.

use super::need::parts;
use super::sizes::share_of;
use super::volumes::{Room, lay};
use super::{Grow, PlannedVolume};
use crate::model::{Format, Model, Place, VolumeGroup, VolumeKind};

/// Gives what is free to file systems. Where that does not work out on the disks as
/// they are, all stays as it was.
pub(super) fn grow(
    model: &Model,
    old: &VolumeGroup,
    grow: Grow,
    planned: &mut Vec<PlannedVolume>,
    rooms: &[Room],
) {
    let Ok(left) = lay(planned, rooms, old.extent) else {
        return;
    };
    let free: u64 = left.iter().map(|room| room.free).sum();
    let growing: Vec<usize> = (0..planned.len())
        .filter(|at| grows(model, old, &planned[*at]))
        .collect();
    let mut grown = planned.clone();
    let cost = |at: usize| {
        let parts = parts(&planned[at].kind, planned[at].extents, old.extent);
        match planned[at].kind {
            VolumeKind::Mirrored { .. } => parts.count,
            _ => 1,
        }
    };
    let chosen: &[usize] = match grow {
        Grow::No => return,
        Grow::Last => growing.last().map_or(&[], std::slice::from_ref),
        Grow::Proportional => &growing,
    };
    let all: u64 = chosen
        .iter()
        .map(|at| planned[*at].extents * cost(*at))
        .sum();
    for at in chosen {
        let more = share_of(free, planned[*at].extents, all);
        let stripes = match planned[*at].kind {
            VolumeKind::Striped { stripes, .. } => u64::from(stripes).max(1),
            _ => 1,
        };
        grown[*at].extents += more / stripes * stripes;
    }
    if lay(&grown, rooms, old.extent).is_ok() {
        *planned = grown;
    }
}

/// Whether a volume carries a file system that may grow: neither swap nor `/boot`.
fn grows(model: &Model, old: &VolumeGroup, volume: &PlannedVolume) -> bool {
    let thin = matches!(
        volume.kind,
        VolumeKind::Thin { .. } | VolumeKind::ThinPool { .. }
    );
    let fs = model.on(&Place::volume(&old.name, &volume.old_name));
    !thin
        && fs.is_some_and(|fs| {
            !matches!(fs.format, Format::Swap(_)) && fs.mount.as_deref() != Some("/boot")
        })
}
