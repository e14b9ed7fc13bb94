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
        self.check_places()?;
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

    /// A logical volume lies on disks that are described.
    fn check_places(&self) -> Result<(), ModelError> {
        let known = |name: &&String| self.disks.iter().any(|disk| disk.name == **name);
        let lost = self.volumes.iter().find_map(|volume| {
            let disk = volume.disks.iter().find(|name| !known(name))?;
            Some((volume, disk))
        });
        match lost {
            Some((volume, disk)) => Err(ModelError::Dangling {
                what: format!("logical volume {}", volume.name),
                to: format!("disk {disk}"),
            }),
            None => Ok(()),
        }
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
        all.extend(self.arrays.iter().filter_map(unsupported_array));
        all.extend(self.crypts.iter().filter_map(unsupported_crypt));
        all.extend(
            self.partitions
                .iter()
                .filter_map(|p| self.unsupported_partition(p)),
        );
        all.extend(self.unsupported_physical_volumes());
        all.extend(self.unsupported_groups());
        all.extend(self.volumes.iter().filter_map(unsupported_volume));
        all.extend(self.file_systems.iter().filter_map(unsupported_format));
        all
    }

    /// The same of a volume group on its own, which may lie on any number of
    /// disks with or without a GPT.
    pub(crate) fn unsupported_in_group(&self) -> Vec<String> {
        let mbr = |disk: &&SourceDisk| matches!(disk.table, Table::Mbr(_));
        let mut all = self.unknown.clone();
        all.extend(self.disks.iter().filter(mbr).filter_map(unsupported_table));
        all.extend(self.unsupported_stack());
        let more = self.more_groups.iter();
        all.extend(more.map(|group| format!("a second volume group, {}", group.name)));
        all.extend(self.unsupported_groups());
        all.extend(self.volumes.iter().filter_map(not_linear));
        all.extend(self.file_systems.iter().filter_map(not_in_a_group));
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

    fn unsupported_partition(&self, partition: &super::Partition) -> Option<String> {
        let what = partition.place().describe();
        let role = match partition.role {
            Role::Raid if !self.uses(&partition.place()) => "raid",
            Role::Crypt if !self.uses(&partition.place()) => "crypt",
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

    /// A physical volume on a logical one is a guest's disk, or nobody knows what.
    fn unsupported_physical_volumes(&self) -> Vec<String> {
        let own = |pv: &&super::PhysicalVolume| {
            let group = pv.group.as_ref();
            self.groups().any(|known| Some(&known.name) == group)
        };
        let on_volume = |pv: &super::PhysicalVolume| match pv.place {
            Place::Volume(_) => Some(format!("a physical volume on {}", pv.place.describe())),
            _ => None,
        };
        self.physical_volumes
            .iter()
            .filter(own)
            .filter_map(on_volume)
            .collect()
    }

    fn unsupported_groups(&self) -> Vec<String> {
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
        alien.chain(odd).collect()
    }
}

/// Levels and superblocks that mdadm makes; others belong to a controller's firmware.
fn unsupported_array(array: &super::Array) -> Option<String> {
    let level = [
        "linear", "raid0", "raid1", "raid4", "raid5", "raid6", "raid10",
    ]
    .contains(&array.level.as_str());
    let metadata = ["0.90", "1.0", "1.1", "1.2"].contains(&array.metadata.as_str());
    (!level || !metadata).then(|| {
        format!(
            "the md array {} ({}, {})",
            array.name, array.level, array.metadata
        )
    })
}

fn unsupported_crypt(crypt: &super::Crypt) -> Option<String> {
    let what = match &crypt.integrity {
        Some(integrity) => integrity.clone(),
        None if (1..=2).contains(&crypt.version) => return None,
        None => format!("LUKS{}", crypt.version),
    };
    Some(format!("the encrypted device {} ({what})", crypt.name))
}

fn unsupported_volume(volume: &super::LogicalVolume) -> Option<String> {
    match &volume.kind {
        VolumeKind::Other { segment, .. } => Some(format!(
            "the logical volume {} of type {segment}",
            volume.name
        )),
        _ => None,
    }
}

/// What a volume group on its own cannot have, other than a system.
fn not_linear(volume: &super::LogicalVolume) -> Option<String> {
    let what = match &volume.kind {
        VolumeKind::Linear if volume.read_only => "the read-only",
        VolumeKind::Linear => return None,
        VolumeKind::Striped { .. } => "the striped",
        VolumeKind::Mirrored { .. } => "the mirrored",
        VolumeKind::ThinPool { .. } => return Some(format!("the thin pool {}", volume.name)),
        VolumeKind::Thin { .. } => "the thin",
        VolumeKind::Other { .. } => return unsupported_volume(volume),
    };
    Some(format!("{what} logical volume {}", volume.name))
}

fn unsupported_format(fs: &super::FileSystem) -> Option<String> {
    match &fs.format {
        Format::Other(_) => Some(type_on(fs)),
        _ => mkfs::check(fs)
            .err()
            .map(|what| format!("{what} on {}", fs.name())),
    }
}

fn not_in_a_group(fs: &super::FileSystem) -> Option<String> {
    match &fs.format {
        Format::Btrfs(_) => Some(type_on(fs)),
        _ => unsupported_format(fs),
    }
}

fn type_on(fs: &super::FileSystem) -> String {
    format!(
        "a file system of type {} on {}",
        fs.format.name(),
        fs.name()
    )
}

fn unsupported_table(disk: &SourceDisk) -> Option<String> {
    let name = &disk.name;
    match disk.table {
        Table::Gpt(_) => None,
        Table::Mbr(_) => Some(format!("a partition table of type dos on {name}")),
        Table::None => Some(format!("a system on {name}, a disk without partitions")),
    }
}
