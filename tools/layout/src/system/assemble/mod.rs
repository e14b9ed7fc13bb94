//! From facts to the model.

mod btrfs;
mod contents;
mod disks;
mod fstab;
mod stack;
mod volumes;

use std::path::Path;

use super::blocks::Block;
use super::cards;
use super::error::SystemError;
use super::facts::Facts;
use super::finding::Concern;
use super::machine;
use super::select::Selection;
use super::{Mounted, System, Volume, Wanted};
use crate::model::{Model, Place, Role, UserGroup, VolumeKind};

/// A description that is being made.
struct Assembly<'a, 'h> {
    facts: &'a Facts<'h>,
    selection: &'a Selection,
    system: System,
}

/// Describes what was selected.
pub(super) fn assemble(
    facts: &Facts<'_>,
    wanted: &Wanted,
    selection: &Selection,
) -> Result<System, SystemError> {
    let mut assembly = Assembly {
        facts,
        selection,
        system: System {
            model: Model {
                source: machine::source(facts.host),
                cards: match wanted {
                    Wanted::Root => cards::cards(facts.host),
                    Wanted::Group(_) => Vec::new(),
                },
                ..Model::default()
            },
            file_systems: Vec::new(),
            unmounted: Vec::new(),
            user_groups: Vec::new(),
            disks: facts
                .disks
                .iter()
                .filter(|disk| selection.disks.contains(&disk.name))
                .cloned()
                .collect(),
            concerns: Vec::new(),
        },
    };
    assembly.disks()?;
    assembly.arrays()?;
    assembly.crypts()?;
    assembly.physical_volumes();
    assembly.groups();
    assembly.volumes();
    assembly.btrfs()?;
    assembly.contents()?;
    assembly.roles();
    assembly.shrunk_volumes();
    assembly.finish(wanted);
    Ok(assembly.system)
}

impl<'a> Assembly<'a, '_> {
    fn model(&mut self) -> &mut Model {
        &mut self.system.model
    }

    /// The devices that belong to the description.
    fn covered(&self) -> impl Iterator<Item = &'a Block> {
        let (facts, selection) = (self.facts, self.selection);
        let all = facts.blocks.iter();
        all.filter(move |block| selection.covers(facts, block))
    }

    /// The names in image.data of the disks under a device.
    fn hdisks(&self, block: &Block) -> Vec<String> {
        let under = self.facts.disks_under(block);
        let known = self
            .facts
            .disks
            .iter()
            .filter(|disk| under.contains(&disk.name));
        known.map(|disk| disk.hdisk.clone()).collect()
    }

    /// Takes note of a mounted file system, whose files are to be saved.
    fn mounted(&mut self, at: &str, kind: &str, block: &Block, place: Option<&Place>) {
        let usage = self.facts.host.usage(at).unwrap_or_default();
        let volume = match place {
            Some(Place::Volume(id)) => {
                let found = self.system.model.volumes.iter().find(|v| v.id() == *id);
                let thin = found.and_then(|volume| match &volume.kind {
                    VolumeKind::Thin { pool } => Some(pool.clone()),
                    _ => None,
                });
                Some(Volume {
                    group: id.group.clone(),
                    name: id.name.clone(),
                    thin,
                })
            }
            _ => None,
        };
        self.system.file_systems.push(Mounted {
            mount: Path::new(at).to_owned(),
            device: block.node().into(),
            kind: kind.to_owned(),
            volume,
            size: usage.size,
            used: usage.used,
        });
    }

    /// A logical volume can become as small as what lies on it.
    fn shrunk_volumes(&mut self) {
        let model = &self.system.model;
        let least: Vec<Option<u64>> = model
            .volumes
            .iter()
            .map(|volume| {
                let group = model.groups().find(|group| group.name == volume.group)?;
                let fs = model.on_volume(volume)?;
                Some(fs.min_size.div_ceil(group.extent.max(1)))
            })
            .collect();
        for (volume, least) in self.model().volumes.iter_mut().zip(least) {
            volume.min_extents = least.unwrap_or(volume.extents).min(volume.extents);
        }
    }

    fn finish(&mut self, wanted: &Wanted) {
        // AIX: of the root volume group only.
        if *wanted == Wanted::Root {
            self.user_groups();
        }
        let system = &mut self.system;
        let model = &mut system.model;
        // Swap last.
        model
            .file_systems
            .sort_by(|a, b| (a.mount.is_none(), &a.mount).cmp(&(b.mount.is_none(), &b.mount)));
        model.physical_volumes.sort_by(|a, b| a.place.cmp(&b.place));
        system.file_systems.sort_by(|a, b| a.mount.cmp(&b.mount));
        model.user_groups.clone_from(&system.user_groups);
        let unsupported = match wanted {
            Wanted::Root => model.unsupported(),
            Wanted::Group(_) => model.unsupported_in_group(),
        };
        let concerns = &mut system.concerns;
        concerns.splice(0..0, unsupported.into_iter().map(Concern::NotRestorable));
        let prep = model.partitions.iter().any(|p| p.role == Role::Prep);
        if *wanted == Wanted::Root && !prep {
            concerns.push(Concern::NoPrep);
        }
    }

    fn user_groups(&mut self) {
        let lvm = &self.facts.lvm;
        let others = lvm
            .groups
            .iter()
            .filter(|group| !self.selection.groups.contains(&group.name));
        let described = others.map(|group| {
            let physical = lvm
                .physical
                .iter()
                .filter(|pv| pv.group.as_ref() == Some(&group.name));
            let blocks =
                physical.filter_map(|pv| self.facts.blocks.at(self.facts.host, &pv.device));
            let mut disks: Vec<String> = blocks.flat_map(|block| self.hdisks(block)).collect();
            disks.sort();
            disks.dedup();
            UserGroup {
                name: group.name.clone(),
                uuid: group.uuid.clone(),
                disks,
            }
        });
        self.system.user_groups = described.collect();
    }
}
