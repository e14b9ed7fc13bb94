//! Mirrors broken: the model of a system that has one copy of everything.

use std::collections::HashSet;

use super::{Change, ChangeKind};
use crate::model::{Array, Format, Model, Partition, Place, Role, SourceDisk, VolumeKind};

/// What was taken out of a model.
#[derive(Default)]
pub(super) struct Reduced {
    /// Disks that held second copies only.
    pub(super) dropped: Vec<SourceDisk>,
    /// What lost copies.
    pub(super) changes: Vec<Change>,
}

/// Leaves one copy of everything that is mirrored, in arrays, logical volumes and
/// btrfs; partitions and disks that held the others go.
pub(super) fn break_mirrors(model: &mut Model) -> Reduced {
    let mut reduced = Reduced::default();
    let before: HashSet<Place> = model.partitions.iter().map(Partition::place).collect();
    let unused: HashSet<Place> = before.iter().filter(|p| !model.uses(p)).cloned().collect();
    reduced.changes.extend(break_arrays(model));
    reduced.changes.extend(break_volumes(model));
    reduced.changes.extend(break_btrfs(model));
    reduced.changes.extend(unstripe(model));
    // What lost its use goes; what had none stays where it is.
    let used: HashSet<Place> = before.iter().filter(|p| model.uses(p)).cloned().collect();
    model
        .partitions
        .retain(|p| used.contains(&p.place()) || unused.contains(&p.place()));
    let whole = |disk: &SourceDisk| model.uses(&Place::Disk(disk.name.clone()));
    let parts = |disk: &SourceDisk| {
        let mut here = model.partitions.iter().filter(|p| p.disk == disk.name);
        here.any(|p| used.contains(&p.place()))
    };
    let (kept, dropped) = model
        .disks
        .iter()
        .cloned()
        .partition(|disk| whole(disk) || parts(disk));
    model.disks = kept;
    reduced.dropped = dropped;
    let stays = |name: &String| model.disks.iter().any(|disk| disk.name == *name);
    model.partitions.retain(|p| stays(&p.disk));
    reduced
}

fn broken(what: String, copies: usize) -> Change {
    Change {
        kind: ChangeKind::Breaks,
        what,
        from: format!("{copies} copies"),
        to: "1 copy".to_owned(),
    }
}

/// What lay on an array lies on its first member.
fn break_arrays(model: &mut Model) -> Vec<Change> {
    let (mirrors, others): (Vec<Array>, Vec<Array>) = std::mem::take(&mut model.arrays)
        .into_iter()
        .partition(|array| array.level == "raid1" && !array.members.is_empty());
    model.arrays = others;
    let mut changes = Vec::new();
    for array in mirrors {
        let from = Place::Array(array.name.clone());
        let to = array.members[0].clone();
        let role = role_on(model, &from);
        replace(model, &from, &to);
        for partition in model.partitions.iter_mut().filter(|p| p.place() == to) {
            partition.role = role;
            // That of an array would be wrong now.
            partition.kind = None;
        }
        let copies = array.members.len();
        if copies < 2 {
            continue;
        }
        changes.push(broken(format!("md array {}", array.name), copies));
    }
    changes
}

/// What a partition is for that carries what lay on this device.
fn role_on(model: &Model, place: &Place) -> Role {
    let swap = |format: &Format| matches!(format, Format::Swap(_));
    if let Some(fs) = model.on(place) {
        return if swap(&fs.format) {
            Role::Swap
        } else {
            Role::Fs
        };
    }
    if model.crypts.iter().any(|crypt| crypt.place == *place) {
        return Role::Crypt;
    }
    if model.physical_volumes.iter().any(|pv| pv.place == *place) {
        return Role::Lvm;
    }
    Role::Raid
}

fn replace(model: &mut Model, from: &Place, to: &Place) {
    let arrays = model.arrays.iter_mut();
    let members = arrays.flat_map(|array| array.members.iter_mut().chain(&mut array.spares));
    let crypts = model.crypts.iter_mut().map(|crypt| &mut crypt.place);
    let physical = model.physical_volumes.iter_mut().map(|pv| &mut pv.place);
    for place in members.chain(crypts).chain(physical) {
        if place == from {
            *place = to.clone();
        }
    }
    for fs in &mut model.file_systems {
        if fs.place == *from {
            fs.place = to.clone();
        }
        if let Format::Btrfs(btrfs) = &mut fs.format {
            for place in btrfs.more.iter_mut().filter(|place| *place == from) {
                *place = to.clone();
            }
        }
    }
}

/// The groups of mirrored volumes keep as many physical volumes as one copy needs.
fn break_volumes(model: &mut Model) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut most: Vec<(String, usize)> = Vec::new();
    for volume in &mut model.volumes {
        let VolumeKind::Mirrored { copies, .. } = volume.kind else {
            continue;
        };
        volume.kind = VolumeKind::Linear;
        volume.disks = Vec::new();
        let copies = copies as usize;
        changes.push(broken(format!("logical volume {}", volume.name), copies));
        match most.iter_mut().find(|(group, _)| *group == volume.group) {
            Some((_, known)) => *known = copies.max(*known),
            None => most.push((volume.group.clone(), copies)),
        }
    }
    for (group, copies) in most {
        let all = model.under_group(&group).count();
        let mut left = all.div_ceil(copies.max(1));
        model.physical_volumes.retain(|pv| {
            let ours = pv.group.as_ref() == Some(&group);
            let stays = !ours || left > 0;
            left -= usize::from(ours && stays);
            stays
        });
    }
    changes
}

/// Stripes go where their disks went.
fn unstripe(model: &mut Model) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut volumes = std::mem::take(&mut model.volumes);
    for volume in &mut volumes {
        let VolumeKind::Striped { stripes, .. } = volume.kind else {
            continue;
        };
        if model.under_group(&volume.group).count() >= stripes as usize {
            continue;
        }
        volume.kind = VolumeKind::Linear;
        volume.disks = Vec::new();
        changes.push(Change {
            kind: ChangeKind::Breaks,
            what: format!("logical volume {}", volume.name),
            from: format!("{stripes} stripes"),
            to: "none".to_owned(),
        });
    }
    model.volumes = volumes;
    changes
}

fn break_btrfs(model: &mut Model) -> Vec<Change> {
    let mut changes = Vec::new();
    for fs in &mut model.file_systems {
        let name = fs.name().to_owned();
        let Format::Btrfs(btrfs) = &mut fs.format else {
            continue;
        };
        let copies = match btrfs.data.as_str() {
            "raid1" | "raid10" => 2,
            "raid1c3" => 3,
            "raid1c4" => 4,
            _ => continue,
        };
        let devices = btrfs.more.len() + 1;
        btrfs.data = "single".to_owned();
        btrfs.metadata = "dup".to_owned();
        btrfs.more.truncate(devices.div_ceil(copies) - 1);
        changes.push(broken(name, copies));
    }
    changes
}
