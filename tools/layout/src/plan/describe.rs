//! The plan in words and numbers.

use super::{Pair, Plan, PlannedFileSystem, PlannedGroup, PlannedPartition};
use crate::disks::Disk;
use crate::model::Role;
use crate::size::mb;

/// Where the text of a heading begins.
const INDENT: usize = 14;

/// Columns that a row of the tables takes.
pub(super) const TABLE: usize = 76;

impl Plan {
    /// The plan for a person, in lines of at most `width` columns (76 at least,
    /// for the tables).
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let width = width.max(TABLE);
        let mut lines = Vec::new();
        let mut say = |head: &str, text: &str| lines.extend(wrap(head, text, width));
        say("Backup", &self.backup());
        for pair in &self.pairs {
            let Some(disk) = self.target_of(pair) else {
                continue;
            };
            let text = format!("{}, chosen because {}", identity(disk), pair.why);
            say("Target disk", &text);
        }
        let destroyed = self.destroys();
        for content in &destroyed {
            say("DESTROYED", content);
        }
        if destroyed.is_empty() {
            say("Destroyed", "nothing, the disk is empty");
        }
        lines.push(String::new());
        lines.push(row("Partition", "for", "new MB", "old MB"));
        lines.extend(
            self.partitions()
                .map(|partition| self.partition_row(partition)),
        );
        for group in self.groups() {
            lines.extend(group_table(group, group.extent, &self.file_systems, width));
        }
        lines.extend(shrunk_lines(&self.file_systems, width));
        lines.extend(empty_lines(&self.empty(), width));
        lines.extend(untouched_lines(&self.untouched, width));
        lines
    }

    /// Partitions and logical volumes that are made, but were not backed up.
    fn empty(&self) -> Vec<&str> {
        let partitions = self.partitions().filter(|p| p.role == Role::Other);
        let volumes = self.groups().flat_map(|group| &group.volumes);
        partitions
            .map(|p| (p.device.as_str(), &p.device))
            .chain(volumes.map(|v| (v.name.as_str(), &v.device)))
            .filter(|(_, device)| self.on(device).is_none())
            .map(|(name, _)| name)
            .collect()
    }

    fn backup(&self) -> String {
        let what = self
            .groups()
            .next()
            .map_or("a system of plain partitions", |group| &group.name);
        backup(what, self.taken.as_deref(), self.shrink)
    }

    fn partition_row(&self, partition: &PlannedPartition) -> String {
        let on_it = self.on(&partition.device);
        let mut groups = self.groups();
        let group = groups.find(|group| group.devices.contains(&partition.device));
        let purpose = match (partition.role, group, on_it) {
            (Role::Prep, ..) => "PReP, the boot record".to_owned(),
            (_, Some(group), _) => format!("volume group {}", group.name),
            (_, _, Some(fs)) => purpose(fs),
            _ => String::new(),
        };
        row(
            &partition.device,
            &purpose,
            &mb(partition.size).to_string(),
            &mb(partition.old_size).to_string(),
        )
    }

    fn target_of(&self, pair: &Pair) -> Option<&Disk> {
        let name = pair.target.as_ref()?;
        let mut disks = self.disks().into_iter();
        disks.find(|disk| disk.name == *name)
    }

    fn on(&self, device: &str) -> Option<&PlannedFileSystem> {
        on(&self.file_systems, device)
    }
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

/// A disk with all that a person could know it by.
pub(super) fn identity(disk: &Disk) -> String {
    let serial = disk
        .serial
        .as_ref()
        .map(|serial| format!(", serial {serial}"));
    let serial = serial.unwrap_or_default();
    format!("{disk}{serial}, at {}", disk.location)
}

/// The volume group and a table of its volumes. `old_extent` is what
/// `old_extents` counts in.
pub(super) fn group_table(
    group: &PlannedGroup,
    old_extent: u64,
    file_systems: &[PlannedFileSystem],
    width: usize,
) -> Vec<String> {
    let used: u64 = group.volumes.iter().map(|volume| volume.extents).sum();
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
        let on_it = on(file_systems, &volume.device);
        let new = mb(volume.extents * group.extent).to_string();
        let old = mb(volume.old_extents * old_extent).to_string();
        let purpose = on_it.map_or_else(String::new, purpose);
        lines.push(row(&volume.name, &purpose, &new, &old));
    }
    lines
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

fn on<'a>(file_systems: &'a [PlannedFileSystem], device: &str) -> Option<&'a PlannedFileSystem> {
    file_systems.iter().find(|fs| fs.device == device)
}

fn purpose(fs: &PlannedFileSystem) -> String {
    match &fs.mount {
        Some(mount) => format!("{mount} ({})", fs.kind),
        None => fs.kind.clone(),
    }
}

fn row(name: &str, purpose: &str, new: &str, old: &str) -> String {
    let (name, purpose) = (shorten(name, 18), shorten(purpose, 32));
    format!("  {name:<18} {purpose:<32} {new:>10} {old:>10}")
        .trim_end()
        .to_owned()
}

/// Cuts the middle out of a text that is too long for its column.
fn shorten(text: &str, room: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= room {
        return text.to_owned();
    }
    let (front, back) = (room / 2 - 1, room - room / 2 - 1);
    let head: String = letters[..front].iter().collect();
    let tail: String = letters[letters.len() - back..].iter().collect();
    format!("{head}..{tail}")
}

/// A heading and its text, broken between words; a word that is too long for a
/// line is broken within.
pub(super) fn wrap(head: &str, text: &str, width: usize) -> Vec<String> {
    let room = width - INDENT;
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let used = rows.last().map_or(0, |row| row.chars().count());
            let gap = usize::from(used > 0);
            if used + gap + word.len() > room && used > 0 {
                rows.push(String::new());
                continue;
            }
            let rest = word.split_off(word.len().min(room));
            if let Some(row) = rows.last_mut() {
                row.push_str(&" "[..gap]);
                row.extend(word);
            }
            word = rest;
        }
    }
    let heads = std::iter::once(head).chain(std::iter::repeat(""));
    rows.iter()
        .zip(heads)
        .map(|(row, head)| format!("{head:<INDENT$}{row}").trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wrapped_lines_fit_and_lose_nothing(text in "[a-z ]{0,300}", width in 40usize..100) {
            let lines = wrap("Head", &text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&format!("Head{text}")));
        }
    }
}
