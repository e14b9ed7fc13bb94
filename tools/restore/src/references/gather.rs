//! The renames of a plan: what each device of the source is called on the target.

use std::collections::BTreeMap;

use lifeboat_layout::disks::Disk;
use lifeboat_layout::lvm::mapper_name;
use lifeboat_layout::model::{Model, Partition, Place, Role, SourceDisk, Table};
use lifeboat_layout::plan::{
    Pair, Plan, PlannedArray, PlannedCrypt, PlannedFileSystem, PlannedPartition, PlannedTable,
    Stacked, Target,
};

use super::identity::{OldDisk, multipath_id};
use super::renames::{Fate, Name, Renames, bare, tag_of};

/// A plan beside what it restores.
pub(super) struct Gathered<'a> {
    pub(super) plan: &'a Plan,
    pub(super) model: &'a Model,
}

impl<'a> Gathered<'a> {
    /// What became of every name of the source.
    pub(super) fn renames(&self) -> Renames {
        let mut renames = Renames::default();
        self.groups(&mut renames);
        self.arrays(&mut renames);
        for crypt in self.crypts() {
            let tag = format!("UUID={}", crypt.uuid);
            let old = crypt.old_uuid.to_ascii_lowercase();
            renames.add(Name::Uuid(old), Fate::Now(tag));
        }
        for fs in &self.plan.file_systems {
            let old = fs.old_uuid.to_ascii_lowercase();
            renames.add(Name::Uuid(old), Fate::Now(format!("UUID={}", fs.uuid)));
            for old in fs.old_devices.iter().filter(|old| **old != fs.device) {
                renames.add(Name::Path(old.clone()), Fate::Now(stable(fs)));
            }
        }
        for partition in &self.model.partitions {
            self.partition(partition, &mut renames);
        }
        self.disks(&mut renames);
        renames
    }

    fn groups(&self, renames: &mut Renames) {
        for group in self.plan.groups() {
            let (old, new) = (&group.old_name, &group.name);
            renames.add(Name::Group(old.clone()), Fate::Now(new.clone()));
            for volume in &group.volumes {
                let mapper = mapper_name(old, &volume.old_name);
                let new_mapper = mapper_name(new, &volume.name);
                let (old, new) = (
                    format!("{old}/{}", volume.old_name),
                    format!("{new}/{}", volume.name),
                );
                for place in ["/dev/mapper/", "/dev/disk/by-id/dm-name-"] {
                    let now = format!("{place}{new_mapper}");
                    renames.add(Name::Path(format!("{place}{mapper}")), Fate::Now(now));
                }
                renames.add(
                    Name::Path(format!("/dev/{old}")),
                    Fate::Now(format!("/dev/{new}")),
                );
                renames.add(Name::Volume(old), Fate::Now(new));
            }
        }
    }

    fn planned_arrays(&self) -> impl Iterator<Item = &'a PlannedArray> {
        self.plan.stack.iter().filter_map(|stacked| match stacked {
            Stacked::Array(array) => Some(array),
            Stacked::Crypt(_) | Stacked::Group(_) => None,
        })
    }

    pub(super) fn crypts(&self) -> impl Iterator<Item = &'a PlannedCrypt> {
        self.plan.stack.iter().filter_map(|stacked| match stacked {
            Stacked::Crypt(crypt) => Some(crypt),
            Stacked::Array(_) | Stacked::Group(_) => None,
        })
    }

    /// The names in the superblocks of the arrays, by UUID without separators.
    pub(super) fn array_labels(&self) -> BTreeMap<String, String> {
        self.planned_arrays()
            .filter_map(|array| Some((bare(array.uuid.as_ref()?), array.label.clone()?)))
            .collect()
    }

    fn arrays(&self, renames: &mut Renames) {
        for array in &self.model.arrays {
            let Some(old) = array.uuid.as_deref() else {
                continue;
            };
            let link = |uuid: &str| format!("/dev/disk/by-id/md-uuid-{uuid}");
            let planned = self.planned_arrays().find(|new| new.name == array.name);
            if let Some(new) = planned.and_then(|new| new.uuid.as_deref()) {
                renames.add(Name::Array(bare(old)), Fate::Now(new.to_owned()));
                renames.add(Name::Path(link(old)), Fate::Now(link(new)));
                continue;
            }
            let why = format!("the array {} is not made again", array.name);
            renames.add(Name::Array(bare(old)), Fate::Gone(why.clone()));
            let now = self.content(&Place::Array(array.name.clone()));
            let fate = now.map_or(Fate::Gone(why), Fate::Now);
            let names = [
                link(old),
                format!("/dev/md/{}", array.name),
                format!("/dev/{}", array.name),
            ];
            for name in names {
                renames.add(Name::Path(name), fate.clone());
            }
        }
    }

    /// A lasting path of what lay on a device.
    fn content(&self, place: &Place) -> Option<String> {
        if let Some(fs) = self.model.on(place) {
            let same = |new: &&PlannedFileSystem| new.old_uuid == fs.uuid;
            return self.plan.file_systems.iter().find(same).map(stable);
        }
        let crypt = self
            .model
            .crypts
            .iter()
            .find(|crypt| crypt.place == *place)?;
        let new = self.crypts().find(|new| new.name == crypt.name)?;
        Some(format!("/dev/disk/by-uuid/{}", new.uuid))
    }

    /// What a partition of the source is now: its content, or what took its place.
    fn now(&self, partition: &Partition) -> Option<String> {
        if partition.role == Role::Prep {
            let (_, prep) = self.plan.boot_disks().next()?;
            let target = self.target_of(prep)?;
            return Some(partition_path(target, prep));
        }
        self.content(&partition.place()).or_else(|| {
            let uuid = partition.uuid?;
            let new = self.plan.partitions().find(|p| p.old_uuid == Some(uuid))?;
            Some(partition_path(self.target_of(new)?, new))
        })
    }

    fn target_of(&self, partition: &PlannedPartition) -> Option<&'a Target> {
        let has = |target: &&Target| target.partitions.contains(partition);
        self.plan.targets.iter().find(has)
    }

    fn fate(&self, partition: &Partition) -> Fate {
        self.now(partition).map_or_else(
            || {
                Fate::Gone(format!(
                    "{} is not made again",
                    partition.place().describe()
                ))
            },
            Fate::Now,
        )
    }

    /// The unique GUID of a partition; of an MBR, the kernel makes one of the disk's
    /// signature.
    fn partition(&self, partition: &Partition, renames: &mut Renames) {
        let disk = self
            .model
            .disks
            .iter()
            .find(|disk| disk.name == partition.disk);
        let old = match (partition.uuid, disk.map(|disk| disk.table)) {
            (Some(uuid), _) => uuid.to_string(),
            (None, Some(Table::Mbr(id))) => format!("{id:08x}-{:02x}", partition.number),
            (None, _) => return,
        };
        let stays = |target: &Target| {
            let named = |new| partition_path(target, new).ends_with(&format!("/{old}"));
            target.partitions.iter().any(named)
        };
        if self.plan.targets.iter().any(stays) {
            return;
        }
        let fate = match self.fate(partition) {
            Fate::Now(path) => Fate::Now(tag_of(&path)),
            gone @ Fate::Gone(_) => gone,
        };
        renames.add(Name::PartUuid(old), fate);
    }

    fn disks(&self, renames: &mut Renames) {
        for pair in &self.plan.pairs {
            let new = self.target(pair);
            let old = pair.source.wwid.as_deref().and_then(multipath_id);
            let now = new.and_then(bound);
            if let Some(old) = old.filter(|old| now.as_ref() != Some(old)) {
                // Without an alias that is multipath's name for it.
                self.mapped(&old, &pair.source, renames);
                if let Some(now) = now {
                    renames.add(Name::Wwid(old), Fate::Now(now));
                }
            }
            renames.add_disk(self.old_disk(&pair.source, new));
        }
    }

    fn target(&self, pair: &Pair) -> Option<&'a Disk> {
        let name = pair.target.as_ref()?;
        self.plan
            .disks()
            .into_iter()
            .find(|disk| disk.name == *name)
    }

    /// Links that still mean the disk are left out.
    fn old_disk(&self, old: &SourceDisk, new: Option<&Disk>) -> OldDisk {
        let partitions = self.model.partitions.iter();
        let own = partitions.filter(|partition| partition.disk == old.name);
        let other =
            |was: &Option<String>, is: Option<&String>| was.clone().filter(|was| Some(was) != is);
        OldDisk {
            serial: other(&old.serial, new.and_then(|new| new.serial.as_ref())),
            wwid: other(&old.wwid, new.and_then(|new| new.wwid.as_ref())),
            location: other(&old.location, new.map(|new| &new.location)),
            only: self.model.disks.len() == 1 && self.model.user_groups.is_empty(),
            whole: new.map_or_else(
                || Fate::Gone(format!("nothing takes the place of disk {}", old.name)),
                |new| Fate::Now(format!("/dev/{}", new.name)),
            ),
            partitions: own
                .map(|partition| (partition.number, self.fate(partition)))
                .collect(),
        }
    }
}

impl Gathered<'_> {
    /// The names that multipath gave to disks which this machine does not reach over
    /// several paths: it has no identifier to bind them to.
    pub(super) fn aliases(&self, bindings: &str, renames: &mut Renames) {
        let rows = bindings.lines().map(|line| line.split_whitespace());
        for mut row in rows {
            let (Some(alias), Some(id)) = (row.next(), row.next()) else {
                continue;
            };
            let is = |source: &SourceDisk| {
                source.wwid.as_deref().and_then(multipath_id).as_deref() == Some(id)
            };
            let pair = self.plan.pairs.iter().find(|pair| is(&pair.source));
            let unbound = |pair: &&Pair| self.target(pair).and_then(bound).is_none();
            if let Some(pair) = pair.filter(unbound) {
                self.mapped(alias, &pair.source, renames);
            }
        }
    }

    /// What became of the partitions of a disk that multipath called so.
    fn mapped(&self, disk: &str, source: &SourceDisk, renames: &mut Renames) {
        let own = |partition: &&Partition| partition.disk == source.name;
        for partition in self.model.partitions.iter().filter(own) {
            for between in ["", "p", "-part"] {
                let name = format!("/dev/mapper/{disk}{between}{}", partition.number);
                renames.add(Name::Path(name), self.fate(partition));
            }
        }
    }
}

/// By what multipath would know a disk. NVMe has its own way of several paths.
fn bound(disk: &Disk) -> Option<String> {
    let is_nvme = disk.name.starts_with("nvme");
    (!is_nvme).then(|| multipath_id(disk.wwid.as_deref()?))?
}

/// How a file system is named for good: by its volume, else by its UUID.
pub(super) fn stable(fs: &PlannedFileSystem) -> String {
    if fs.on_volume {
        fs.device.clone()
    } else {
        format!("/dev/disk/by-uuid/{}", fs.uuid)
    }
}

/// udev's link for a partition by what the table says of it.
pub(super) fn partition_path(target: &Target, partition: &PlannedPartition) -> String {
    let id = match (partition.uuid, target.table) {
        (Some(uuid), _) => uuid.to_string(),
        (None, PlannedTable::Mbr(id)) => format!("{id:08x}-{:02x}", partition.number),
        (None, _) => return partition.device.clone(),
    };
    format!("/dev/disk/by-partuuid/{id}")
}
