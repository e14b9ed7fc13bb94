//! Logical volumes placed as on the source, by the physical maps of the backup.

use std::collections::HashMap;

use super::placement::{Area, Run, joined};
use super::{Grow, Mirrors, PlanError, PlannedVolume, Settings};
use crate::map::{self, MapError, MapLine};
use crate::model::{LogicalVolume, Model, Place, VolumeGroup, VolumeKind};

/// A physical volume of the new group.
pub(super) struct Physical<'a> {
    /// What it lay on.
    pub(super) place: &'a Place,
    /// Its node.
    pub(super) device: &'a str,
    /// Its extents.
    pub(super) extents: u64,
}

/// Whether maps agree with what else was asked for.
pub(super) fn agree(model: &Model, settings: &Settings, shrink: bool) -> Result<(), PlanError> {
    if !settings.follows_maps(model) {
        return Ok(());
    }
    if !model.has_maps() {
        return Err(PlanError::NoMaps);
    }
    let grows = settings.grow != Grow::No;
    let breaks = settings.mirrors == Mirrors::Break;
    against([
        (shrink, "Shrink File Systems (SHRINK, --shrink, -s)"),
        (grows, "Grow File Systems (--grow)"),
        (breaks, "Break Mirrors (--break-mirrors)"),
    ])
}

/// The error of the first of these that is so.
pub(super) fn against<const N: usize>(others: [(bool, &'static str); N]) -> Result<(), PlanError> {
    let first = others.into_iter().find(|(is, _)| *is);
    first.map_or(Ok(()), |(_, what)| Err(PlanError::MapsAgainst(what)))
}

/// Places the volumes of `old` that have a map LVM can be told; they come first, so
/// that no other is in their way.
pub(super) fn follow(
    model: &Model,
    old: &VolumeGroup,
    planned: &mut [PlannedVolume],
    physical: &[Physical<'_>],
) -> Result<(), PlanError> {
    let mut taken = Taken::new();
    for volume in planned.iter_mut() {
        let ours = |v: &&LogicalVolume| v.group == old.name && v.name == volume.old_name;
        let Some(recorded) = model.volumes.iter().find(ours) else {
            continue;
        };
        let placed = placed(model, recorded, volume, physical)
            .and_then(|runs| take(&mut taken, &recorded.name, &runs).map(|()| runs));
        volume.placed = placed.map_err(|why| PlanError::Map {
            volume: recorded.name.clone(),
            why,
        })?;
    }
    planned.sort_by_key(|volume| volume.placed.is_empty());
    Ok(())
}

/// Where a volume lies; nothing where LVM has to find a place.
fn placed(
    model: &Model,
    recorded: &LogicalVolume,
    planned: &PlannedVolume,
    physical: &[Physical<'_>],
) -> Result<Vec<Run>, MapError> {
    let (Some(file), Some(stripes)) = (&recorded.map_file, stripes(&planned.kind)) else {
        return Ok(Vec::new());
    };
    let text = recorded.map.as_ref();
    let lines = map::parse(text.ok_or_else(|| MapError::NotThere(file.clone()))?)?;
    if lines.len() as u64 != planned.extents {
        return Err(MapError::Count {
            present: lines.len(),
            wanted: planned.extents,
        });
    }
    let area = |line: &MapLine| area(model, line, physical);
    // Stripes take extents in turns.
    let rows = lines.chunks(stripes).map(|row| {
        let areas = row.iter().map(area).collect::<Result<_, _>>()?;
        Ok(Run { areas, extents: 1 })
    });
    let runs = joined(rows.collect::<Result<Vec<_>, MapError>>()?);
    if stripes > 1 && !each_on_its_own(&runs) {
        return Err(MapError::Stripes);
    }
    Ok(runs)
}

/// Over how many disks a volume lies in turns, if LVM can be told where.
fn stripes(kind: &VolumeKind) -> Option<usize> {
    match kind {
        VolumeKind::Linear => Some(1),
        VolumeKind::Striped { stripes, .. } => usize::try_from(*stripes).ok().filter(|n| *n > 0),
        // Beside what is mapped, these have parts that no map names.
        VolumeKind::Mirrored { .. }
        | VolumeKind::ThinPool { .. }
        | VolumeKind::Thin { .. }
        | VolumeKind::Other { .. } => None,
    }
}

/// The extent that a line means.
fn area(model: &Model, line: &MapLine, physical: &[Physical<'_>]) -> Result<Area, MapError> {
    let alone = |pv: &&Physical<'_>| {
        pv.place.to_string() == line.on || model.disks_under(pv.place) == [line.on.as_str()]
    };
    let mut meant = physical.iter().filter(alone);
    let pv = meant
        .next()
        .ok_or_else(|| MapError::Unknown(line.on.clone()))?;
    if meant.next().is_some() {
        return Err(MapError::Several(line.on.clone()));
    }
    if line.number >= pv.extents {
        return Err(MapError::Beyond {
            on: line.on.clone(),
            number: line.number + 1,
            device: pv.device.to_owned(),
            present: pv.extents,
        });
    }
    Ok(Area {
        device: pv.device.to_owned(),
        first: line.number,
    })
}

/// Whether each stripe stays on one physical volume, on which no other lies.
fn each_on_its_own(runs: &[Run]) -> bool {
    let devices = |run: &Run| -> Vec<String> {
        let areas = run.areas.iter();
        areas.map(|area| area.device.clone()).collect()
    };
    let first = runs.first().map(devices).unwrap_or_default();
    let apart = (1..first.len()).all(|at| !first[..at].contains(&first[at]));
    apart && runs.iter().all(|run| devices(run) == first)
}

/// Which extents of which devices are given away, and to whom.
type Taken = HashMap<(String, u64), String>;

/// Gives a volume its extents, unless they belong to another, or to it already.
fn take(taken: &mut Taken, volume: &str, runs: &[Run]) -> Result<(), MapError> {
    for run in runs {
        for area in &run.areas {
            for extent in area.first..area.first + run.extents {
                let key = (area.device.clone(), extent);
                if let Some(other) = taken.insert(key, volume.to_owned()) {
                    return Err(MapError::Taken {
                        device: area.device.clone(),
                        number: extent + 1,
                        other,
                    });
                }
            }
        }
    }
    Ok(())
}
