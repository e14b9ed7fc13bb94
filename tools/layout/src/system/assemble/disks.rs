//! Disks and partitions.

use super::Assembly;
use crate::disks::Disk;
use crate::mbr::is_extended;
use crate::model::{Partition, PartitionKind, Role, SourceDisk, Table};
use crate::plan::{PREP, type_of};
use crate::signature::Found;
use crate::system::blocks::Block;
use crate::system::error::SystemError;
use crate::system::finding::Concern;
use crate::system::prep::MBR_PREP;
use crate::system::table::PartitionTable;

impl Assembly<'_, '_> {
    pub(super) fn disks(&mut self) -> Result<(), SystemError> {
        for disk in self.system.disks.clone() {
            let found = self.facts.table(&disk)?;
            let table = match &found {
                Some(PartitionTable::Gpt { guid, .. }) => Table::Gpt(*guid),
                Some(PartitionTable::Mbr { id, .. }) => Table::Mbr(*id),
                None => Table::None,
            };
            let source = self.source_disk(&disk, table);
            self.model().disks.push(source);
            let partitions = found.map(|table| partitions(&disk.hdisk, &table));
            // Of a volume group on its own, only what it lies on.
            let own: Vec<_> = self
                .covered()
                .filter_map(|block| self.facts.place(block))
                .collect();
            let whole = !self.selection.is_group();
            let ours = partitions.into_iter().flatten();
            let ours = ours.filter(|p| whole || own.contains(&p.place()));
            self.system.model.partitions.extend(ours);
            self.paths(&disk);
        }
        Ok(())
    }

    fn source_disk(&self, disk: &Disk, table: Table) -> SourceDisk {
        SourceDisk {
            name: disk.hdisk.clone(),
            size: disk.size,
            pvid: None,
            physical_location: self.location_code(disk),
            connection: None,
            location: Some(disk.location.clone()).filter(|location| !location.is_empty()),
            serial: disk.serial.clone(),
            wwid: disk.wwid.clone(),
            table,
            sector: disk.sector,
        }
    }

    /// The firmware's location code of the adapter, which is on its label: that
    /// of the nearest device above that the device tree knows.
    fn location_code(&self, disk: &Disk) -> Option<String> {
        let host = self.facts.host;
        let real = host.resolve(&format!("/sys/block/{}", disk.name))?;
        let mut device = real.as_str();
        while let Some((parent, _)) = device
            .rsplit_once('/')
            .filter(|(parent, _)| parent.len() > 4)
        {
            let node = host.text(&format!("{parent}/devspec"));
            if let Some(node) = node.filter(|node| node.starts_with('/')) {
                let code = host.text(&format!("/proc/device-tree{node}/ibm,loc-code"));
                return code.filter(|code| !code.is_empty());
            }
            device = parent;
        }
        None
    }

    fn paths(&mut self, disk: &Disk) {
        let facts = self.facts;
        let Some(block) = facts.blocks.named(&disk.name) else {
            return;
        };
        let several = facts.blocks.above(block).into_iter().find_map(Block::paths);
        if let Some(paths) = several.filter(|paths| *paths > 1) {
            self.system.concerns.push(Concern::Paths {
                disk: disk.hdisk.clone(),
                paths,
            });
        }
    }

    /// What the partitions turned out to be for.
    pub(super) fn roles(&mut self) {
        let mut partitions = std::mem::take(&mut self.model().partitions);
        for partition in &mut partitions {
            if partition.role == Role::Other {
                partition.role = self.role(partition);
            }
            let format = self
                .system
                .model
                .on_partition(partition)
                .map(|fs| &fs.format);
            let plain = PartitionKind::Gpt(type_of(partition.role, format));
            partition.kind = partition.kind.filter(|kind| *kind != plain);
        }
        self.model().partitions = partitions;
    }

    fn role(&self, partition: &Partition) -> Role {
        let model = &self.system.model;
        let place = partition.place();
        let member = |array: &crate::model::Array| {
            array.members.contains(&place) || array.spares.contains(&place)
        };
        if model.arrays.iter().any(member) {
            Role::Raid
        } else if model.crypts.iter().any(|crypt| crypt.place == place) {
            Role::Crypt
        } else if model.physical_volumes.iter().any(|pv| pv.place == place) {
            Role::Lvm
        } else if let Some(fs) = model.on(&place) {
            match fs.mount {
                Some(_) => Role::Fs,
                None => Role::Swap,
            }
        } else {
            let mut blocks = self.facts.blocks.iter();
            let block = blocks.find(|block| self.facts.place(block).as_ref() == Some(&place));
            match block.map(|block| self.facts.signature(block).found) {
                Some(Found::Md) => Role::Raid,
                Some(Found::Luks) => Role::Crypt,
                _ => Role::Other,
            }
        }
    }
}

fn partitions(disk: &str, table: &PartitionTable) -> Vec<Partition> {
    match table {
        PartitionTable::Gpt { entries, .. } => entries
            .iter()
            .map(|entry| Partition {
                disk: disk.to_owned(),
                number: entry.number,
                role: if entry.kind == PREP {
                    Role::Prep
                } else {
                    Role::Other
                },
                start: Some(entry.start),
                size: entry.size,
                name: entry.name.clone(),
                uuid: Some(entry.uuid),
                kind: Some(PartitionKind::Gpt(entry.kind)),
                flags: entry.flags,
            })
            .collect(),
        PartitionTable::Mbr { entries, .. } => entries
            .iter()
            .map(|entry| Partition {
                disk: disk.to_owned(),
                number: entry.number,
                role: match entry.kind {
                    MBR_PREP => Role::Prep,
                    kind if is_extended(kind) => Role::Extended,
                    _ => Role::Other,
                },
                start: Some(entry.start),
                size: entry.size,
                name: String::new(),
                uuid: None,
                kind: Some(PartitionKind::Mbr(entry.kind)),
                flags: if entry.active { 0x80 } else { 0 },
            })
            .collect(),
    }
}
