//! Every difference from the source.

use super::share::Share;
use super::{Change, ChangeKind, Plan, PlannedGroup, PlannedVolume};
use crate::model::Model;
use crate::size::mb;

/// What `plan` makes otherwise than `model` was; `shares` say where everything goes.
pub(super) fn changes(model: &Model, plan: &Plan, shares: &[Share<'_>]) -> Vec<Change> {
    let mut all = moves(plan, shares);
    for group in plan.groups() {
        all.extend(of_group(model, plan, group));
    }
    for fs in &plan.file_systems {
        let name = fs.mount.clone().unwrap_or_else(|| fs.kind.clone());
        all.extend(size(name, fs.old_size, fs.size));
    }
    if let Some(target) = plan.file_systems.iter().find(|fs| fs.uuid != fs.old_uuid) {
        all.push(Change {
            kind: ChangeKind::Renamed,
            what: "every UUID".to_owned(),
            from: target.old_uuid.clone(),
            to: target.uuid.clone(),
        });
    }
    all
}

fn moves(plan: &Plan, shares: &[Share<'_>]) -> Vec<Change> {
    let mut all = Vec::new();
    for share in shares {
        for slot in &share.slots {
            let Some(from) = &slot.from else {
                continue;
            };
            let at_home = share.source.as_ref().is_some_and(|disk| disk.name == *from);
            if at_home || slot.partition.is_none() {
                continue;
            }
            let pair = plan.pairs.iter().find(|pair| pair.source.name == *from);
            let beside = pair.and_then(|pair| pair.target.clone());
            let home = beside.map_or_else(String::new, |disk| format!(" (now {disk})"));
            all.push(Change {
                kind: ChangeKind::Moves,
                what: slot.place.describe(),
                from: format!("{from}{home}"),
                to: share.disk.to_string(),
            });
        }
    }
    all
}

fn of_group(model: &Model, plan: &Plan, group: &PlannedGroup) -> Vec<Change> {
    let mut all = Vec::new();
    if group.name != group.old_name {
        all.push(Change {
            kind: ChangeKind::Renamed,
            what: "volume group".to_owned(),
            from: group.old_name.clone(),
            to: group.name.clone(),
        });
    }
    let renamed = group.volumes.iter().find(|v| v.name != v.old_name);
    all.extend(renamed.map(|volume| Change {
        kind: ChangeKind::Renamed,
        what: "every logical volume, as".to_owned(),
        from: volume.old_name.clone(),
        to: volume.name.clone(),
    }));
    let places = model.under_group(&group.old_name);
    let old: u64 = places.filter_map(|place| model.size_of(place)).sum();
    let old_extent = model.groups().find(|g| g.name == group.old_name);
    let old = old_extent.map_or(0, |g| old / g.extent * g.extent);
    let what = format!("volume group {}", group.name);
    all.extend(size(what, old, group.extents * group.extent));
    let raw = |volume: &&PlannedVolume| {
        let mut all = plan.file_systems.iter();
        all.all(|fs| fs.device != volume.device)
    };
    for volume in group.volumes.iter().filter(raw) {
        let what = format!("logical volume {}", volume.name);
        let (old, new) = (volume.old_extents, volume.extents);
        all.extend(size(what, old * group.extent, new * group.extent));
    }
    all
}

/// Sizes that a person would call different.
fn size(what: String, old: u64, new: u64) -> Option<Change> {
    let slight = old.abs_diff(new) < 4 << 20;
    if mb(old) == mb(new) || (slight && what.starts_with("volume group")) {
        return None;
    }
    Some(Change {
        kind: if new < old {
            ChangeKind::Shrinks
        } else {
            ChangeKind::Grows
        },
        what,
        from: format!("{} MB", mb(old)),
        to: format!("{} MB", mb(new)),
    })
}
