//! Volume groups and their logical volumes.

use super::grow::grow;
use super::maps::{self, Physical};
use super::need::{LVM_HEAD, Needs, Parts, parts};
use super::stack::Nodes;
use super::{PlanError, PlannedGroup, PlannedVolume, Run, Settings, volume_device};
use crate::model::{LogicalVolume, Model, Place, VolumeGroup, VolumeKind};
use crate::size::mb;

/// What a group is planned on.
pub(super) struct Ground<'a> {
    pub(super) needs: &'a Needs<'a>,
    pub(super) nodes: &'a Nodes,
    pub(super) settings: &'a Settings,
}

/// How many extents a physical volume of so many bytes has.
pub(super) fn extents_of(size: u64, extent: u64) -> u64 {
    size.saturating_sub(LVM_HEAD) / extent
}

/// Plans a group on the devices below it.
pub(super) fn group(ground: &Ground<'_>, old: &VolumeGroup) -> Result<PlannedGroup, PlanError> {
    let Ground {
        needs,
        nodes,
        settings,
    } = ground;
    let model = needs.model;
    let ours = model.group.as_ref() == Some(old);
    let (name, prefix) = if ours {
        let name = settings.group_name.as_ref().unwrap_or(&old.name);
        (name, settings.volume_prefix.as_str())
    } else {
        (&old.name, "")
    };
    right(name)?;
    let below = model
        .under_group(&old.name)
        .filter_map(|p| Some((p, nodes.get(p)?)));
    let below: Vec<_> = below.collect();
    let rooms: Vec<Room> = below
        .iter()
        .map(|(_, node)| Room::new(node.device.clone(), node.size, old.extent))
        .collect();
    let extents: u64 = rooms.iter().map(|room| room.free).sum();
    let mut planned = volumes(needs, old, old.extent, name, prefix)?;
    let maps = settings.follows_maps(model);
    if maps {
        let physical = below.iter().zip(&rooms).map(|((place, _), room)| Physical {
            place,
            device: &room.device,
            extents: room.free,
        });
        let physical: Vec<Physical<'_>> = physical.collect();
        maps::follow(model, old, &mut planned, &physical)?;
    }
    pin(model, old, &mut planned, nodes);
    // Where it would not fit so, LVM finds its place.
    if lay(&planned, &rooms, old.extent).is_err() {
        planned.iter_mut().for_each(|volume| volume.devices.clear());
    }
    enough(needs, old, &planned, &rooms)?;
    grow(model, old, settings.grow, &mut planned, &rooms);
    Ok(PlannedGroup {
        name: name.clone(),
        old_name: old.name.clone(),
        devices: rooms.into_iter().map(|room| room.device).collect(),
        extent: old.extent,
        extents,
        maps,
        volumes: planned,
    })
}

/// The volumes of `old` in a group called `name`, whose extents have `extent` bytes;
/// those that need several disks first, for they find room the hardest.
pub(super) fn volumes(
    needs: &Needs<'_>,
    old: &VolumeGroup,
    extent: u64,
    name: &str,
    prefix: &str,
) -> Result<Vec<PlannedVolume>, PlanError> {
    let ours = needs.model.volumes.iter().filter(|v| v.group == old.name);
    let mut planned = Vec::new();
    for volume in ours {
        let new = format!("{prefix}{}", volume.name);
        right(&new)?;
        let bytes = needs.extents(old, volume) * old.extent;
        let mut kind = volume.kind.clone();
        if let VolumeKind::Thin { pool } = &mut kind {
            *pool = format!("{prefix}{pool}");
        }
        planned.push(PlannedVolume {
            device: volume_device(name, &new),
            name: new,
            old_name: volume.name.clone(),
            extents: whole(&kind, bytes.div_ceil(extent)),
            old_extents: volume.extents,
            kind,
            devices: Vec::new(),
            placed: Vec::new(),
            read_only: volume.read_only,
        });
    }
    planned.sort_by_key(|volume| match volume.kind {
        VolumeKind::Mirrored { .. } | VolumeKind::Striped { .. } => 0,
        VolumeKind::Linear | VolumeKind::ThinPool { .. } | VolumeKind::Other { .. } => 1,
        VolumeKind::Thin { .. } => 2,
    });
    Ok(planned)
}

/// Stripes are equally long.
fn whole(kind: &VolumeKind, extents: u64) -> u64 {
    match kind {
        VolumeKind::Striped { stripes, .. } => extents.next_multiple_of(u64::from(*stripes).max(1)),
        _ => extents,
    }
}

/// A volume that lay on some of the group's disks alone lies on what takes their place.
fn pin(model: &Model, old: &VolumeGroup, planned: &mut [PlannedVolume], nodes: &Nodes) {
    let places: Vec<&Place> = model.under_group(&old.name).collect();
    for volume in planned.iter_mut().filter(|v| v.placed.is_empty()) {
        let is = |v: &&LogicalVolume| v.group == old.name && v.name == volume.old_name;
        let Some(recorded) = model.volumes.iter().find(is) else {
            continue;
        };
        let inside = |place: &&&Place| {
            let disks = model.disks_under(place);
            !disks.is_empty() && disks.iter().all(|disk| recorded.disks.contains(disk))
        };
        let own: Vec<&&Place> = places.iter().filter(inside).collect();
        if own.len() < places.len() && !recorded.disks.is_empty() {
            let devices = own.iter().filter_map(|place| nodes.get(*place));
            volume.devices = devices.map(|node| node.device.clone()).collect();
        }
    }
}

/// A physical volume with extents that nothing takes yet.
#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) device: String,
    pub(super) free: u64,
}

impl Room {
    /// All of a device of `size` bytes.
    pub(super) fn new(device: String, size: u64, extent: u64) -> Self {
        Self {
            device,
            free: extents_of(size, extent),
        }
    }
}

/// Lays the volumes out as LVM would, each part where most is free. The error is the
/// volume that does not fit.
pub(super) fn lay<'a>(
    volumes: &'a [PlannedVolume],
    rooms: &[Room],
    extent: u64,
) -> Result<Vec<Room>, &'a PlannedVolume> {
    let mut rooms = rooms.to_vec();
    for volume in volumes {
        for run in &volume.placed {
            take(run, &mut rooms);
        }
        if !volume.placed.is_empty() {
            continue;
        }
        let Parts { count, each } = parts(&volume.kind, volume.extents, extent);
        let mut mine: Vec<&mut Room> = rooms
            .iter_mut()
            .filter(|room| volume.devices.is_empty() || volume.devices.contains(&room.device))
            .collect();
        mine.sort_by_key(|room| std::cmp::Reverse(room.free));
        if count > 1 {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if mine.len() < count || mine[count - 1].free < each {
                return Err(volume);
            }
            mine.iter_mut()
                .take(count)
                .for_each(|room| room.free -= each);
            continue;
        }
        let mut left = if count == 0 { 0 } else { each };
        for room in mine {
            let taken = left.min(room.free);
            room.free -= taken;
            left -= taken;
        }
        if left > 0 {
            return Err(volume);
        }
    }
    Ok(rooms)
}

/// Takes the extents of a run, which are there.
fn take(run: &Run, rooms: &mut [Room]) {
    for area in &run.areas {
        let mut rooms = rooms.iter_mut();
        if let Some(room) = rooms.find(|room| room.device == area.device) {
            room.free = room.free.saturating_sub(run.extents);
        }
    }
}

/// Whether everything fits.
fn enough(
    needs: &Needs<'_>,
    old: &VolumeGroup,
    planned: &[PlannedVolume],
    rooms: &[Room],
) -> Result<(), PlanError> {
    let needed = used(planned, old.extent);
    let present: u64 = rooms.iter().map(|room| room.free).sum();
    if needed <= present {
        return spread(planned, rooms, &old.name, old.extent);
    }
    let devices: Vec<&str> = rooms.iter().map(|room| room.device.as_str()).collect();
    let shrunk = Needs {
        shrink: true,
        ..*needs
    };
    let least = || {
        let volumes = volumes(&shrunk, old, old.extent, &old.name, "")?;
        Ok::<_, PlanError>(used(&volumes, old.extent))
    };
    Err(PlanError::TooSmallForGroup {
        group: old.name.clone(),
        disks: devices.join(", "),
        needed,
        extent: mb(old.extent),
        present,
        shrunk: if needs.shrink { None } else { Some(least()?) },
    })
}

/// Whether volumes that want several disks find them.
pub(super) fn spread(
    planned: &[PlannedVolume],
    rooms: &[Room],
    group: &str,
    extent: u64,
) -> Result<(), PlanError> {
    let Err(volume) = lay(planned, rooms, extent) else {
        return Ok(());
    };
    let count = parts(&volume.kind, volume.extents, extent).count;
    if (rooms.len() as u64) < count {
        return Err(PlanError::Copies {
            volume: volume.name.clone(),
            count,
            present: rooms.len(),
        });
    }
    Err(PlanError::Uneven {
        volume: volume.name.clone(),
        group: group.to_owned(),
    })
}

/// Extents that volumes take from the disks.
pub(super) fn used(volumes: &[PlannedVolume], extent: u64) -> u64 {
    let all = volumes
        .iter()
        .map(|volume| parts(&volume.kind, volume.extents, extent).total());
    all.fold(0, u64::saturating_add)
}

pub(super) fn right(name: &str) -> Result<(), PlanError> {
    crate::lvm::is_name(name)
        .then_some(())
        .ok_or_else(|| PlanError::Name(name.to_owned()))
}
