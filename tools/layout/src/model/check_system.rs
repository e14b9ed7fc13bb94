//! Whether this version can restore a [`Model`].

use super::{Format, Model, ModelError, Place, Role, SourceDisk, Table, VolumeKind};
use crate::mkfs;
use crate::size::MB;

impl Model {
    /// Whether it holds together and is a system that this version can restore.
    ///
    /// A logical volume or partition with nothing on it is made again, empty.
    ///
    /// # Errors
    /// [`ModelError`] with the first thing found wrong.
    pub fn check_system(&self) -> Result<(), ModelError> {
        self.check()?;
        let known = self
            .unsupported()
            .into_iter()
            .next()
            .map_or(Ok(()), |what| Err(ModelError::Unsupported(what)));
        known?;
        self.check_physical()?;
        if self.disks.is_empty() {
            return Err(ModelError::Count {
                stanza: "lx_disk_data",
                count: 0,
                wanted: "one",
            });
        }
        if !self.partitions.iter().any(|p| p.role == Role::Prep) {
            return Err(ModelError::NoPrep);
        }
        let root = |fs: &super::FileSystem| fs.mount.as_deref() == Some("/");
        if !self.file_systems.iter().any(root) {
            return Err(ModelError::NoRoot);
        }
        Ok(())
    }

    /// A volume group lies on something.
    pub(super) fn check_physical(&self) -> Result<(), ModelError> {
        let without = |group: &&super::VolumeGroup| self.under_group(&group.name).next().is_none();
        match self.groups().find(without) {
            Some(group) => Err(ModelError::Dangling {
                what: format!("volume group {}", group.name),
                to: "a physical volume".to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// What this version has no way to make again, in words that follow "has"
    /// or "holds"; the most telling first.
    #[must_use]
    pub fn unsupported(&self) -> Vec<String> {
        let mut all = self.unknown.clone();
        all.extend(self.unsupported_disks());
        all.extend(self.unsupported_stack());
        all.extend(
            self.partitions
                .iter()
                .filter_map(|p| self.unsupported_partition(p)),
        );
        all.extend(self.unsupported_physical_volumes());
        all.extend(self.unsupported_groups());
        all.extend(self.unsupported_volumes());
        all.extend(self.unsupported_file_systems());
        all
    }

    /// The same of a volume group on its own, which may lie on any number of
    /// disks with or without a GPT.
    pub(crate) fn unsupported_in_group(&self) -> Vec<String> {
        let mbr = |disk: &&SourceDisk| matches!(disk.table, Table::Mbr(_));
        let mut all = self.unknown.clone();
        all.extend(self.disks.iter().filter(mbr).filter_map(unsupported_table));
        all.extend(self.unsupported_stack());
        all.extend(self.unsupported_groups());
        all.extend(self.unsupported_volumes());
        all.extend(self.unsupported_file_systems());
        all
    }

    fn unsupported_stack(&self) -> Vec<String> {
        let arrays = self
            .arrays
            .iter()
            .map(|array| format!("the md array {} ({})", array.name, array.level));
        let crypts = self.crypts.iter().map(|crypt| {
            format!(
                "the encrypted device {} (LUKS{})",
                crypt.name, crypt.version
            )
        });
        arrays.chain(crypts).collect()
    }

    fn unsupported_disks(&self) -> Vec<String> {
        let count = self.disks.len();
        let several = (count > 1).then(|| format!("a system on {count} disks"));
        let tables = self.disks.iter().filter_map(unsupported_table);
        several.into_iter().chain(tables).collect()
    }

    fn unsupported_partition(&self, partition: &super::Partition) -> Option<String> {
        let what = partition.place().describe();
        let role = match partition.role {
            // What they belong to is named already.
            Role::Raid | Role::Crypt if self.uses(&partition.place()) => return None,
            Role::Raid => "raid",
            Role::Crypt => "crypt",
            Role::Extended => "extended",
            Role::Fs | Role::Swap if self.on_partition(partition).is_none() => {
                return Some(format!("{what} without a file system or swap"));
            }
            _ if !(1..=128).contains(&partition.number) => {
                return Some(format!("partition number {}", partition.number));
            }
            _ => return None,
        };
        Some(format!("{what} of type {role}"))
    }

    /// One physical volume on a partition is what can be made.
    fn unsupported_physical_volumes(&self) -> Vec<String> {
        let own = self.group.as_ref().map(|group| &group.name);
        let ours = self
            .physical_volumes
            .iter()
            .filter(|pv| pv.group.is_some() && pv.group.as_ref() == own);
        let several =
            (ours.clone().count() > 1).then(|| "a volume group on two partitions".to_owned());
        let elsewhere = ours.filter_map(|pv| match pv.place {
            // Arrays, encrypted devices and bare disks are named already.
            Place::Volume(_) => Some(format!("a physical volume on {}", pv.place.describe())),
            _ => None,
        });
        several.into_iter().chain(elsewhere).collect()
    }

    fn unsupported_groups(&self) -> Vec<String> {
        let more = self
            .more_groups
            .iter()
            .map(|group| format!("a second volume group, {}", group.name));
        let described = |name: &String| self.groups().any(|group| group.name == *name);
        let alien = self.physical_volumes.iter().filter_map(|pv| {
            let what = pv.place.describe();
            match &pv.group {
                Some(name) if described(name) => None,
                Some(name) => Some(format!("{what}, which belongs to the volume group {name}")),
                None => Some(format!("{what}, a physical volume of no group")),
            }
        });
        let odd = self.groups().filter_map(|group| {
            let whole = group.extent % MB == 0 && (group.extent / MB).is_power_of_two();
            let size = group.extent >> 10;
            (!whole).then(|| format!("physical partitions of {size} KiB in {}", group.name))
        });
        more.chain(alien).chain(odd).collect()
    }

    fn unsupported_volumes(&self) -> Vec<String> {
        let kind = |volume: &super::LogicalVolume| {
            let what = match &volume.kind {
                VolumeKind::Linear if volume.read_only => "the read-only",
                VolumeKind::Linear => return None,
                VolumeKind::Striped { .. } => "the striped",
                VolumeKind::Mirrored { .. } => "the mirrored",
                VolumeKind::ThinPool { .. } => {
                    return Some(format!("the thin pool {}", volume.name));
                }
                VolumeKind::Thin { .. } => "the thin",
                VolumeKind::Other { segment, .. } => {
                    return Some(format!(
                        "the logical volume {} of type {segment}",
                        volume.name
                    ));
                }
            };
            Some(format!("{what} logical volume {}", volume.name))
        };
        self.volumes.iter().filter_map(kind).collect()
    }

    fn unsupported_file_systems(&self) -> Vec<String> {
        let format = |fs: &super::FileSystem| match &fs.format {
            Format::Btrfs(_) | Format::Other(_) => Some(format!(
                "a file system of type {} on {}",
                fs.format.name(),
                fs.name()
            )),
            _ => mkfs::check(fs)
                .err()
                .map(|what| format!("{what} on {}", fs.name())),
        };
        self.file_systems.iter().filter_map(format).collect()
    }
}

fn unsupported_table(disk: &SourceDisk) -> Option<String> {
    let name = &disk.name;
    match disk.table {
        Table::Gpt(_) => None,
        Table::Mbr(_) => Some(format!("a partition table of type dos on {name}")),
        Table::None => Some(format!("a system on {name}, a disk without partitions")),
    }
}
