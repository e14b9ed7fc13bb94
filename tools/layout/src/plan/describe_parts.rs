//! The parts of a description: groups, arrays, changes, disks that stay.

use super::text::{row, wrap};
use super::{
    Change, ChangeKind, PlannedArray, PlannedCrypt, PlannedFileSystem, PlannedGroup, PlannedVolume,
    volumes,
};
use crate::disks::Disk;
use crate::model::VolumeKind;
use crate::size::mb;

/// A disk with all that a person could know it by.
pub(super) fn identity(disk: &Disk) -> String {
    let serial = disk
        .serial
        .as_ref()
        .map(|serial| format!(", serial {serial}"));
    let serial = serial.unwrap_or_default();
    format!("{disk}{serial}, at {}", disk.location)
}

/// What the backup is, when it was taken, and how sizes are treated.
pub(super) fn backup(what: &str, taken: Option<&str>, shrink: bool) -> String {
    let taken = taken.unwrap_or("an unknown date");
    let shrink = if shrink {
        "file systems are shrunk"
    } else {
        "file systems keep their sizes"
    };
    format!("{what}, taken {taken}; {shrink}")
}

/// The volume group and a table of its volumes. `old_extent` is what
/// `old_extents` counts in.
pub(super) fn group_table(
    group: &PlannedGroup,
    old_extent: u64,
    above: &dyn Fn(&str) -> String,
    width: usize,
) -> Vec<String> {
    let used = volumes::used(&group.volumes, group.extent);
    let free = group.extents.saturating_sub(used);
    let (all, each) = (group.extents, mb(group.extent));
    let parts = format!("{all} physical partitions of {each} MB, {used} used, {free} free");
    let mut lines = vec![String::new()];
    lines.extend(wrap(
        "Volume group",
        &format!("{}, {parts}", group.name),
        width,
    ));
    lines.push(row("Logical volume", "for", "new MB", "old MB"));
    for volume in &group.volumes {
        let new = mb(volume.extents * group.extent).to_string();
        let old = mb(volume.old_extents * old_extent).to_string();
        let purpose = format!("{} {}", above(&volume.device), arrangement(&volume.kind));
        lines.push(row(&volume.name, purpose.trim(), &new, &old));
    }
    if group.maps {
        lines.extend(wrap("Maps", &maps_text(group), width));
    }
    lines
}

/// Which volumes lie where they lay. What a thin volume has is in its pool.
fn maps_text(group: &PlannedGroup) -> String {
    let thin = |volume: &&PlannedVolume| matches!(volume.kind, VolumeKind::Thin { .. });
    let volumes = group.volumes.iter().filter(|volume| !thin(volume));
    let (placed, others): (Vec<_>, Vec<_>) = volumes.partition(|v| !v.placed.is_empty());
    let names = |volumes: &[&PlannedVolume]| {
        let names: Vec<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        names.join(", ")
    };
    match (placed.as_slice(), others.as_slice()) {
        (_, []) => "every logical volume is placed as on the source".to_owned(),
        ([], others) => format!("no logical volume has one; placed anew: {}", names(others)),
        (placed, others) => format!(
            "placed as on the source: {}; placed anew, for there is no map that LVM could be told: {}",
            names(placed),
            names(others)
        ),
    }
}

/// What was in no backup.
pub(super) fn empty_lines(names: &[&str], width: usize) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let names = names.join(", ");
    let text = format!("{names}: no file system was backed up from there");
    let mut lines = vec![String::new()];
    lines.extend(wrap("Made empty", &text, width));
    lines
}

/// The file systems that become smaller.
pub(super) fn shrunk_lines(file_systems: &[PlannedFileSystem], width: usize) -> Vec<String> {
    let shrunk = file_systems.iter().filter(|fs| fs.size < fs.old_size);
    let names: Vec<&str> = shrunk
        .map(|fs| fs.mount.as_deref().unwrap_or("swap"))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new()];
    lines.extend(wrap("Shrunk", &names.join(", "), width));
    lines
}

/// The disks that stay as they are.
pub(super) fn untouched_lines(disks: &[Disk], width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut head = "Not touched";
    for disk in disks {
        let text = format!("{disk}: {}", disk.describe_content());
        lines.extend(wrap(head, &text, width));
        head = "";
    }
    if disks.is_empty() {
        lines.extend(wrap(head, "there is no other disk", width));
    }
    lines
}

pub(super) fn on<'a>(
    file_systems: &'a [PlannedFileSystem],
    device: &str,
) -> Option<&'a PlannedFileSystem> {
    file_systems.iter().find(|fs| fs.device == device)
}

pub(super) fn purpose(fs: &PlannedFileSystem) -> String {
    match &fs.mount {
        Some(mount) => format!("{mount} ({})", fs.kind),
        None => fs.kind.clone(),
    }
}

/// How a volume is arranged, if it is not linear.
fn arrangement(kind: &VolumeKind) -> String {
    match kind {
        VolumeKind::Linear => String::new(),
        VolumeKind::Striped { stripes, .. } => format!("{stripes} stripes"),
        VolumeKind::Mirrored { copies, .. } => format!("{copies} copies"),
        VolumeKind::ThinPool { .. } => "thin pool".to_owned(),
        VolumeKind::Thin { pool } => format!("thin, in {pool}"),
        VolumeKind::Other { segment, .. } => segment.clone(),
    }
}

pub(super) fn array_text(array: &PlannedArray) -> String {
    let (name, level, metadata) = (&array.name, &array.level, &array.metadata);
    let members = array.members.join(", ");
    let spares = if array.spares.is_empty() {
        String::new()
    } else {
        format!("; spare: {}", array.spares.join(", "))
    };
    format!("{name}, {level}, metadata {metadata}, on {members}{spares}")
}

pub(super) fn crypt_text(crypt: &PlannedCrypt) -> String {
    let (name, version, under) = (&crypt.name, crypt.version, &crypt.under);
    let (cipher, bits) = (&crypt.cipher, crypt.key_bits);
    format!("{name}, LUKS{version} on {under}, {cipher}, key of {bits} bits")
}

/// Every difference from the source.
pub(super) fn change_lines(changes: &[Change], width: usize) -> Vec<String> {
    let kinds = [
        (ChangeKind::Breaks, "Broken"),
        (ChangeKind::Shrinks, "Shrinks"),
        (ChangeKind::Grows, "Grows"),
        (ChangeKind::Moves, "Moves"),
        (ChangeKind::Renamed, "Renamed"),
    ];
    let mut lines = Vec::new();
    for (kind, mut head) in kinds {
        for change in changes.iter().filter(|change| change.kind == kind) {
            if lines.is_empty() {
                lines.push(String::new());
            }
            let text = format!("{}: {} -> {}", change.what, change.from, change.to);
            lines.extend(wrap(head, &text, width));
            head = "";
        }
    }
    lines
}
