//! The plan in words and numbers.

use super::describe_parts::{
    array_text, backup, change_lines, crypt_text, empty_lines, group_table, on, purpose,
    untouched_lines,
};
use super::text::{TABLE, beside, row, wrap};
use super::{Pair, Plan, PlannedPartition, Stacked, Target};
use crate::disks::Disk;
use crate::model::{Role, VolumeKind};
use crate::size::mb;

impl Plan {
    /// The plan for a person, in lines of at most `width` columns (76 at least,
    /// for the tables).
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let width = width.max(TABLE);
        let mut lines = wrap("Backup", &self.backup(), width);
        lines.push(String::new());
        lines.extend(self.disk_lines());
        lines.push(String::new());
        let mut say = |head: &str, text: &str| lines.extend(wrap(head, text, width));
        let destroyed = self.destroys();
        for content in &destroyed {
            say("DESTROYED", content);
        }
        if destroyed.is_empty() {
            let disks = if self.targets.len() == 1 {
                "the disk is empty"
            } else {
                "the disks are empty"
            };
            say("Destroyed", &format!("nothing, {disks}"));
        }
        for target in &self.targets {
            lines.extend(self.target_lines(target, width));
        }
        for stacked in &self.stack {
            lines.extend(self.stacked_lines(stacked, width));
        }
        lines.extend(self.btrfs_lines(width));
        lines.extend(change_lines(&self.changes, width));
        lines.extend(empty_lines(&self.empty(), width));
        lines.extend(untouched_lines(&self.untouched, width));
        lines
    }

    /// The disks of the source and the targets, side by side.
    fn disk_lines(&self) -> Vec<String> {
        let mut lines = beside(&["Source disk".to_owned()], &["Target disk".to_owned()]);
        for pair in &self.pairs {
            let disk = self.target_of(pair);
            let right = match disk {
                Some(disk) => identity(disk, Some(&pair.why)),
                None => vec![format!("none: {}", pair.why)],
            };
            lines.extend(beside(&source(pair), &right));
        }
        let paired = |target: &Target| {
            let mut pairs = self.pairs.iter();
            pairs.any(|pair| pair.target.as_ref() == Some(&target.disk.name))
        };
        for target in self.targets.iter().filter(|target| !paired(target)) {
            let right = identity(&target.disk, Some(&target.why));
            lines.extend(beside(&["none".to_owned()], &right));
        }
        lines
    }

    /// Partitions and logical volumes that are made, but were not backed up.
    fn empty(&self) -> Vec<&str> {
        let partitions = self.partitions().filter(|p| p.role == Role::Other);
        let pool = |kind: &VolumeKind| matches!(kind, VolumeKind::ThinPool { .. });
        let volumes = self.groups().flat_map(|group| &group.volumes);
        let volumes = volumes.filter(|volume| !pool(&volume.kind));
        partitions
            .map(|p| (p.device.as_str(), &p.device))
            .chain(volumes.map(|v| (v.name.as_str(), &v.device)))
            .filter(|(_, device)| self.above(device).is_empty())
            .map(|(name, _)| name)
            .collect()
    }

    fn backup(&self) -> String {
        let what = self
            .groups()
            .next()
            .map_or("a system of plain partitions", |group| &group.old_name);
        backup(what, self.taken.as_deref(), self.shrink)
    }

    fn target_lines(&self, target: &Target, width: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        if target.partitions.is_empty() {
            let purpose = self.above(&target.device());
            let text = format!("{} as a whole, for {purpose}", target.device());
            lines.extend(wrap("Disk", &text, width));
            return lines;
        }
        lines.push(row("Partition", "for", "new MB", "old MB"));
        let rows = target.partitions.iter().map(|p| self.partition_row(p));
        lines.extend(rows);
        lines
    }

    fn partition_row(&self, partition: &PlannedPartition) -> String {
        let purpose = match partition.role {
            Role::Prep => "PReP, the boot record".to_owned(),
            Role::Extended => "the logical partitions".to_owned(),
            _ => self.above(&partition.device),
        };
        row(
            &partition.device,
            &purpose,
            &mb(partition.size).to_string(),
            &mb(partition.old_size).to_string(),
        )
    }

    /// What lies on a device; empty if nothing does.
    fn above(&self, device: &str) -> String {
        let own = |devices: &[String]| devices.iter().any(|own| own == device);
        for stacked in &self.stack {
            match stacked {
                Stacked::Array(array) if own(&array.members) => {
                    return format!("md array {} ({})", array.name, array.level);
                }
                Stacked::Array(array) if own(&array.spares) => {
                    return format!("md array {} (spare)", array.name);
                }
                Stacked::Crypt(crypt) if crypt.under == device => {
                    return format!("encrypted device {}", crypt.name);
                }
                Stacked::Group(group) if own(&group.devices) => {
                    return format!("volume group {}", group.name);
                }
                _ => {}
            }
        }
        on(&self.file_systems, device).map_or_else(String::new, purpose)
    }

    fn stacked_lines(&self, stacked: &Stacked, width: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        match stacked {
            Stacked::Array(array) => {
                lines.extend(wrap("md array", &array_text(array), width));
                lines.extend(self.device_row(&array.device, array.size, array.old_size));
            }
            Stacked::Crypt(crypt) => {
                lines.extend(wrap("Encrypted", &crypt_text(crypt), width));
                lines.extend(self.device_row(&crypt.device, crypt.size, crypt.old_size));
            }
            Stacked::Group(group) => {
                let above = |device: &str| self.above(device);
                lines = group_table(group, group.extent, &above, width);
            }
        }
        lines
    }

    fn device_row(&self, device: &str, new: u64, old: u64) -> [String; 2] {
        [
            row("Device", "for", "new MB", "old MB"),
            row(
                device,
                &self.above(device),
                &mb(new).to_string(),
                &mb(old).to_string(),
            ),
        ]
    }

    /// What only btrfs has.
    fn btrfs_lines(&self, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for fs in &self.file_systems {
            let Some(btrfs) = &fs.btrfs else {
                continue;
            };
            let name = fs.mount.as_deref().unwrap_or(&fs.device);
            let devices: Vec<&str> = std::iter::once(&fs.device)
                .chain(&btrfs.more)
                .map(String::as_str)
                .collect();
            let (data, metadata) = (&btrfs.data, &btrfs.metadata);
            let mut text = format!(
                "{name} on {}, data {data}, metadata {metadata}",
                devices.join(", ")
            );
            let subvolumes = btrfs.subvolumes.iter().map(|subvolume| {
                let mount = subvolume.mount.as_ref();
                let mount = mount.map_or_else(String::new, |mount| format!(" at {mount}"));
                let default = if subvolume.default { " (default)" } else { "" };
                format!("{}{mount}{default}", subvolume.path)
            });
            let subvolumes: Vec<String> = subvolumes.collect();
            if !subvolumes.is_empty() {
                text = format!("{text}; subvolumes {}", subvolumes.join(", "));
            }
            lines.push(String::new());
            lines.extend(wrap("btrfs", &text, width));
        }
        lines
    }

    fn target_of(&self, pair: &Pair) -> Option<&Disk> {
        let name = pair.target.as_ref()?;
        let mut disks = self.disks().into_iter();
        disks.find(|disk| disk.name == *name)
    }
}

fn source(pair: &Pair) -> Vec<String> {
    let disk = &pair.source;
    let mut texts = vec![format!("{}, {} MB", disk.name, mb(disk.size))];
    texts.extend(
        disk.serial
            .as_ref()
            .map(|serial| format!("serial {serial}")),
    );
    texts.extend(disk.location.as_ref().map(|place| format!("at {place}")));
    texts
}

/// A disk with all that a person could know it by.
fn identity(disk: &Disk, why: Option<&str>) -> Vec<String> {
    let mut texts = vec![disk.to_string()];
    texts.extend(
        disk.serial
            .as_ref()
            .map(|serial| format!("serial {serial}")),
    );
    texts.push(format!("at {}", disk.location));
    texts.extend(why.map(|why| format!("because {why}")));
    texts
}
