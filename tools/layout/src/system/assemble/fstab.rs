//! What fstab says of a device or a mount.

use super::Assembly;
use crate::model::{Model, Place};
use crate::system::blocks::Block;
use crate::system::formats::Made;
use crate::system::mounts::{Entry, Mount};

/// The last three fields of an entry.
pub(super) struct Fields {
    pub(super) options: String,
    pub(super) dump: u8,
    pub(super) pass: u8,
}

impl<'a> Assembly<'a, '_> {
    /// The entry of a mount point.
    pub(super) fn entry_at(&self, at: &str) -> Option<&'a Entry> {
        let mut entries = self.facts.entries.iter();
        entries.find(|entry| entry.at == at && entry.kind != "swap" && !is_bind(entry))
    }

    /// The entry of a device that is not mounted.
    pub(super) fn entry_of(&self, block: &Block, made: &Made) -> Option<&'a Entry> {
        let mut entries = self.facts.entries.iter();
        entries.find(|entry| {
            entry.at.starts_with('/') && !is_bind(entry) && self.is_named(entry, block, made)
        })
    }

    /// The entry of a swap space.
    pub(super) fn swap_entry(&self, block: &Block, made: &Made) -> Option<&'a Entry> {
        let mut entries = self.facts.entries.iter();
        entries.find(|entry| entry.kind == "swap" && self.is_named(entry, block, made))
    }

    fn is_named(&self, entry: &Entry, block: &Block, made: &Made) -> bool {
        let device = entry.device.as_str();
        let Some((tag, value)) = device.split_once('=').filter(|_| !device.starts_with('/')) else {
            let named = self.facts.blocks.at(self.facts.host, device);
            return named.is_some_and(|named| named.name == block.name);
        };
        let partition = || partition(&self.system.model, &self.facts.place(block)?);
        match tag {
            "UUID" => value.eq_ignore_ascii_case(&made.uuid),
            "LABEL" => made.label.as_deref() == Some(value),
            "PARTUUID" => partition()
                .and_then(|p| p.uuid)
                .is_some_and(|uuid| value.eq_ignore_ascii_case(&uuid.to_string())),
            "PARTLABEL" => partition().is_some_and(|p| p.name == value),
            _ => false,
        }
    }

    /// What fstab says of a mount, else how the kernel has mounted it.
    pub(super) fn fields(&self, mount: &Mount) -> Fields {
        if let Some(entry) = self.entry_at(&mount.at) {
            return fields(entry);
        }
        let usual = ["rw", "relatime"];
        let options = mount
            .options
            .split(',')
            .filter(|option| !usual.contains(option));
        let mut options: Vec<String> = options.map(str::to_owned).collect();
        if mount.root != "/" {
            options.push(format!("subvol={}", mount.root));
        }
        if options.is_empty() {
            options.push("defaults".to_owned());
        }
        Fields {
            options: options.join(","),
            dump: 0,
            pass: 0,
        }
    }
}

pub(super) fn fields(entry: &Entry) -> Fields {
    Fields {
        options: entry.options.clone(),
        dump: entry.dump,
        pass: entry.pass,
    }
}

fn is_bind(entry: &Entry) -> bool {
    let mut options = entry.options.split(',');
    options.any(|option| ["bind", "rbind"].contains(&option))
}

fn partition<'m>(model: &'m Model, place: &Place) -> Option<&'m crate::model::Partition> {
    model
        .partitions
        .iter()
        .find(|partition| partition.place() == *place)
}
