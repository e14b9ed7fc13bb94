//! What belongs to the description.

use std::collections::BTreeSet;

use super::Wanted;
use super::blocks::Block;
use super::error::SystemError;
use super::facts::Facts;

/// Where the system itself is mounted.
const ANCHORS: [&str; 6] = ["/", "/boot", "/usr", "/var", "/home", "/opt"];

/// What belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// The volume groups, that of `/` first.
    pub(super) groups: Vec<String>,
    /// The disks, by the kernel's names.
    pub(super) disks: BTreeSet<String>,
    /// Of a volume group on its own, the devices that it lies on.
    below: Option<BTreeSet<String>>,
}

impl Selection {
    pub(super) fn new(facts: &Facts<'_>, wanted: &Wanted) -> Result<Self, SystemError> {
        match wanted {
            Wanted::Root => Self::root(facts),
            Wanted::Group(name) => Self::group(facts, name),
        }
    }

    fn root(facts: &Facts<'_>) -> Result<Self, SystemError> {
        let mut anchors: Vec<&Block> = Vec::new();
        for at in ANCHORS {
            let mount = facts.mounts.iter().find(|mount| mount.at == at);
            anchors.extend(mount.into_iter().flat_map(|mount| facts.devices(mount)));
        }
        let is_root = |mount: &&super::mounts::Mount| mount.at == "/";
        let root = facts
            .mounts
            .iter()
            .find(is_root)
            .and_then(|mount| facts.mounted(mount));
        let on_disk = |block: &Block| {
            let known = |name: &String| facts.hdisk(name).is_some();
            facts.disks_under(block).iter().any(known)
        };
        if !root.is_some_and(on_disk) {
            return Err(SystemError::NoRoot);
        }
        anchors.extend(facts.swapped());
        let mut selection = Self::default();
        for anchor in anchors.into_iter().filter(|block| on_disk(block)) {
            selection.add(facts, anchor);
        }
        selection.add_prep(facts)?;
        Ok(selection)
    }

    fn group(facts: &Facts<'_>, name: &str) -> Result<Self, SystemError> {
        if facts.lvm.group(name).is_none() {
            let present: Vec<&str> = facts.lvm.groups.iter().map(|g| g.name.as_str()).collect();
            return Err(SystemError::NoGroup {
                name: name.to_owned(),
                present: present.join(", "),
            });
        }
        let mut selection = Self::default();
        selection.add_group(facts, name);
        let mut below = BTreeSet::new();
        for block in physical(facts, name) {
            below.extend(facts.blocks.stack(block).iter().map(|b| b.name.clone()));
        }
        selection.below = Some(below);
        Ok(selection)
    }

    /// Adds a device with everything below it: its disks, and volume groups
    /// with all their disks.
    fn add(&mut self, facts: &Facts<'_>, block: &Block) {
        for lower in facts.blocks.stack(block) {
            if let Some(group) = facts.group_of(lower) {
                self.add_group(facts, group);
            }
        }
        let known = |name: &String| facts.hdisk(name).is_some();
        self.disks
            .extend(facts.disks_under(block).into_iter().filter(known));
    }

    fn add_group(&mut self, facts: &Facts<'_>, name: &str) {
        if self.groups.iter().any(|group| group == name) {
            return;
        }
        self.groups.push(name.to_owned());
        for block in physical(facts, name) {
            self.add(facts, block);
        }
    }

    /// The boot record may be on a disk of its own.
    fn add_prep(&mut self, facts: &Facts<'_>) -> Result<(), SystemError> {
        let mut elsewhere = Vec::new();
        for disk in &facts.disks {
            let ours = self.disks.contains(&disk.name);
            // The table of a disk that is none of ours may be as broken as it likes.
            let table = if ours {
                facts.table(disk)?
            } else {
                facts.table(disk).unwrap_or_default()
            };
            match table.is_some_and(|table| table.prep().is_some()) {
                true if ours => return Ok(()),
                true => elsewhere.push(disk.name.clone()),
                false => {}
            }
        }
        self.disks.extend(elsewhere);
        Ok(())
    }

    /// Whether it is a volume group on its own.
    pub(super) fn is_group(&self) -> bool {
        self.below.is_some()
    }

    /// Whether a device belongs to the description.
    pub(super) fn covers(&self, facts: &Facts<'_>, block: &Block) -> bool {
        let groups: Vec<&str> = facts
            .blocks
            .stack(block)
            .into_iter()
            .filter_map(|lower| facts.group_of(lower))
            .collect();
        let ours = |group: &&str| self.groups.iter().any(|ours| ours == group);
        if let Some(below) = &self.below {
            return below.contains(&block.name) || groups.iter().any(ours);
        }
        let disks = facts.disks_under(block);
        groups.iter().all(ours) && !disks.is_empty() && disks.is_subset(&self.disks)
    }
}

/// What a volume group lies on.
fn physical<'a>(facts: &'a Facts<'_>, group: &str) -> Vec<&'a Block> {
    let ours = facts
        .lvm
        .physical
        .iter()
        .filter(|pv| pv.group.as_deref() == Some(group));
    ours.filter_map(|pv| facts.blocks.at(facts.host, &pv.device))
        .collect()
}
