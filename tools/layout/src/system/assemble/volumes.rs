//! LVM: physical volumes, groups, logical volumes.

use std::path::PathBuf;

use super::Assembly;
use crate::lvm::mapper_name;
use crate::model::{LogicalVolume, PhysicalVolume, Place, VolumeGroup, VolumeKind};
use crate::system::finding::{Concern, Unsaved};
use crate::system::lvm::Volume;
use crate::system::maps;

impl Assembly<'_, '_> {
    pub(super) fn physical_volumes(&mut self) {
        let facts = self.facts;
        for physical in &facts.lvm.physical {
            let block = facts.blocks.at(facts.host, &physical.device);
            let Some(block) = block.filter(|block| self.selection.covers(facts, block)) else {
                continue;
            };
            let Some(place) = facts.place(block) else {
                let what = format!("a physical volume on {}", physical.device);
                self.model().unknown.push(what);
                continue;
            };
            // AIX knows a disk by its one physical volume.
            let ours = |group: &String| self.selection.groups.contains(group);
            let on = match &place {
                Place::Disk(disk) | Place::Partition { disk, .. } => Some(disk.clone()),
                _ => None,
            };
            if physical.group.as_ref().is_some_and(ours) {
                let mut disks = self.model().disks.iter_mut();
                let disk = disks.find(|disk| on.as_ref() == Some(&disk.name));
                if let Some(disk) = disk.filter(|disk| disk.pvid.is_none()) {
                    disk.pvid = Some(physical.uuid.clone());
                }
            }
            self.model().physical_volumes.push(PhysicalVolume {
                place,
                group: physical.group.clone(),
                uuid: Some(physical.uuid.clone()).filter(|uuid| !uuid.is_empty()),
            });
        }
    }

    pub(super) fn groups(&mut self) {
        let lvm = &self.facts.lvm;
        let ours = self
            .selection
            .groups
            .iter()
            .filter_map(|name| lvm.group(name));
        let mut groups = Vec::new();
        for group in ours {
            if group.missing > 0 {
                self.system
                    .concerns
                    .push(Concern::Incomplete(group.name.clone()));
            }
            groups.push(VolumeGroup {
                name: group.name.clone(),
                extent: group.extent,
                uuid: Some(group.uuid.clone()),
            });
        }
        let mut groups = groups.into_iter();
        self.model().group = groups.next();
        self.model().more_groups = groups.collect();
    }

    pub(super) fn volumes(&mut self) {
        let facts = self.facts;
        for name in &self.selection.groups {
            let of_group = facts.lvm.volumes.iter().filter(|v| v.group == *name);
            // As they lie on the disks; thin volumes, which lie on none, last.
            let mut volumes: Vec<&Volume> = of_group.filter(|volume| !volume.hidden).collect();
            volumes.sort_by_cached_key(|volume| {
                let first = maps::first(facts, volume);
                (first.is_none(), first)
            });
            for volume in volumes {
                if self.is_left_out(volume) {
                    continue;
                }
                let described = self.volume(volume);
                self.model().volumes.push(described);
            }
        }
    }

    /// Snapshots that nobody has mounted are not made again.
    fn is_left_out(&mut self, volume: &Volume) -> bool {
        let mapped = mapper_name(&volume.group, &volume.name);
        let device = PathBuf::from(format!("/dev/mapper/{mapped}"));
        let block = self.facts.blocks.mapped(&mapped);
        let mounted = |name: &str| {
            let mut mounts = self.facts.mounts.iter();
            mounts.any(|mount| self.facts.mounted(mount).is_some_and(|b| b.name == name))
        };
        let unused = block.is_none_or(|block| !mounted(&block.name));
        if let Some(of) = volume.snapshot_of.clone().filter(|_| unused) {
            self.system.unmounted.push(Unsaved::Snapshot { device, of });
            return true;
        }
        if !volume.active && !matches!(volume.kind(), VolumeKind::ThinPool { .. }) {
            self.system.unmounted.push(Unsaved::Inactive(device));
        }
        false
    }

    fn volume(&self, volume: &Volume) -> LogicalVolume {
        let mut disks = maps::disks(self.facts, volume);
        // None named means all.
        let all = &self.system.model.disks;
        if all.iter().all(|disk| disks.contains(&disk.name)) {
            disks.clear();
        }
        LogicalVolume {
            kind: volume.kind(),
            disks,
            uuid: Some(volume.uuid.clone()),
            read_only: volume.read_only,
            ..LogicalVolume::linear(&volume.group, &volume.name, volume.extents())
        }
    }
}
