//! Whether a [`Model`] holds together.

use std::collections::HashSet;

use super::{Format, Model, Place, Role, SourceDisk};
use crate::lvm;
use crate::size::{MB, mb, mb_needed};

/// A backup description that contradicts itself or cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// A field that cannot be read.
    #[error(transparent)]
    Field(#[from] lifeboat_stanza::FieldError),
    /// Something that Lifeboat has no way to make again.
    #[error("0590-200 The backup holds {0}, which Lifeboat cannot restore")]
    Unsupported(String),
    /// There is nothing the firmware could load.
    #[error("0590-201 image.data describes no PReP partition: the restored system could not boot")]
    NoPrep,
    /// There is no `/`.
    #[error("0590-202 image.data describes no root file system")]
    NoRoot,
    /// One thing refers to another that is not there.
    #[error("0590-203 image.data: {what} refers to {to}, which is not described")]
    Dangling {
        /// Who refers.
        what: String,
        /// To what.
        to: String,
    },
    /// Two things share what must be unique.
    #[error("0590-204 image.data describes {0} twice")]
    Doubled(String),
    /// Sizes that cannot all be true.
    #[error(
        "0590-205 image.data: too little room for {what}: {needed} MB in {place}, which has {present} MB"
    )]
    Sizes {
        /// What is too big.
        what: String,
        /// MB it needs.
        needed: u64,
        /// What it is in.
        place: String,
        /// MB there are.
        present: u64,
    },
    /// A stanza that must be there once is not.
    #[error("0590-206 image.data has {count} stanzas {stanza}, but needs {wanted}")]
    Count {
        /// The stanza.
        stanza: &'static str,
        /// How many there are.
        count: usize,
        /// How many there must be, in words.
        wanted: &'static str,
    },
    /// A name that programs or paths could misread.
    #[error("0590-207 image.data: \"{0}\" cannot be a name of {1}")]
    Name(String, &'static str),
}

impl Model {
    /// Whether it holds together. What it describes may be more than this
    /// version can restore: see [`check_system`](Self::check_system).
    ///
    /// # Errors
    /// [`ModelError`] with the first thing found wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        self.check_names()?;
        self.check_doubles()?;
        self.check_disks()?;
        self.check_stack()?;
        self.check_volumes()?;
        self.check_file_systems()
    }

    fn check_names(&self) -> Result<(), ModelError> {
        for disk in &self.disks {
            check_word(&disk.name, "a disk")?;
            // In a `Place`, a colon separates disk and partition.
            if disk.name.contains(':') {
                return Err(ModelError::Name(disk.name.clone(), "a disk"));
            }
        }
        for group in self.groups() {
            check_lvm_name(&group.name, "a volume group")?;
        }
        for volume in &self.volumes {
            check_lvm_name(&volume.name, "a logical volume")?;
        }
        for array in &self.arrays {
            check_word(&array.name, "an md array")?;
        }
        for crypt in &self.crypts {
            check_word(&crypt.name, "an encrypted device")?;
        }
        for partition in &self.partitions {
            // The GPT keeps 36 UTF-16 units.
            if partition.name.encode_utf16().count() > 36 {
                return Err(ModelError::Name(partition.name.clone(), "a partition"));
            }
        }
        for mount in self.mounts() {
            let inside = mount.starts_with('/')
                && (mount == "/"
                    || mount[1..]
                        .split('/')
                        .all(|part| !["", ".", ".."].contains(&part)));
            if !inside {
                return Err(ModelError::Name(mount.to_owned(), "a mount point"));
            }
        }
        Ok(())
    }

    /// Every mount point; that of a btrfs once, though a subvolume has it too.
    fn mounts(&self) -> impl Iterator<Item = &str> {
        self.file_systems.iter().flat_map(|fs| {
            let own = fs.mount.as_deref();
            let subvolumes = match &fs.format {
                Format::Btrfs(btrfs) => btrfs.subvolumes.as_slice(),
                _ => &[],
            };
            let more = subvolumes.iter().filter_map(|s| s.mount.as_deref());
            own.into_iter().chain(more.filter(move |m| Some(*m) != own))
        })
    }

    fn check_doubles(&self) -> Result<(), ModelError> {
        once(self.disks.iter().map(|d| format!("disk {}", d.name)))?;
        once(
            self.partitions
                .iter()
                .map(|p| format!("partition {} of {}", p.number, p.disk)),
        )?;
        let uuids = self.partitions.iter().filter_map(|p| p.uuid);
        once(uuids.map(|uuid| format!("the partition UUID {uuid}")))?;
        once(self.groups().map(|g| format!("volume group {}", g.name)))?;
        once(self.volumes.iter().map(|v| match &self.group {
            Some(group) if group.name == v.group => format!("logical volume {}", v.name),
            _ => format!("logical volume {} of {}", v.name, v.group),
        }))?;
        once(self.arrays.iter().map(|a| format!("md array {}", a.name)))?;
        once(
            self.crypts
                .iter()
                .map(|c| format!("encrypted device {}", c.name)),
        )?;
        once(self.mounts().map(|mount| format!("mount point {mount}")))?;
        let uuids = self.file_systems.iter().map(|f| &f.uuid);
        once(
            uuids
                .filter(|uuid| !uuid.is_empty())
                .map(|uuid| format!("the UUID {uuid}")),
        )?;
        once(
            self.used()
                .map(|(_, place)| format!("what is on {}", place.describe())),
        )
    }

    fn check_disks(&self) -> Result<(), ModelError> {
        let mut all = 0u64;
        for disk in &self.disks {
            possible_size(disk, disk.size)?;
            all = all.saturating_add(disk.size);
            possible_size(disk, all)?;
            // Logical partitions lie in the extended one.
            let partitions = self.partitions.iter().filter(|p| p.disk == disk.name);
            let used = partitions
                .filter(|p| p.role != Role::Extended)
                .try_fold(0u64, |sum, p| sum.checked_add(p.size));
            fits(
                || format!("the partitions of {}", disk.name),
                used.unwrap_or(u64::MAX),
                || format!("disk {}", disk.name),
                // SIZE_MB is rounded down; partitions may fill the rest.
                disk.size.saturating_add(MB - 1),
            )?;
        }
        let there = |p: &&super::Partition| self.disks.iter().any(|disk| disk.name == p.disk);
        match self.partitions.iter().find(|p| !there(p)) {
            Some(lost) => Err(dangling(
                format!("partition {}", lost.number),
                format!("disk {}", lost.disk),
            )),
            None => Ok(()),
        }
    }

    /// Who lies on what: the name of the upper, the place of the lower.
    fn used(&self) -> impl Iterator<Item = (String, &Place)> {
        let arrays = self.arrays.iter().flat_map(|array| {
            let members = array.members.iter().chain(&array.spares);
            members.map(|place| (format!("md array {}", array.name), place))
        });
        let crypts = self
            .crypts
            .iter()
            .map(|crypt| (format!("encrypted device {}", crypt.name), &crypt.place));
        let physical = self.physical_volumes.iter().map(|pv| {
            let group = pv.group.as_deref().unwrap_or("of no group");
            (format!("a physical volume {group}"), &pv.place)
        });
        let file_systems = self
            .file_systems
            .iter()
            .flat_map(|fs| fs.places().map(|place| (fs.name().to_owned(), place)));
        arrays.chain(crypts).chain(physical).chain(file_systems)
    }

    /// Whether anything lies on a device.
    pub(crate) fn uses(&self, place: &Place) -> bool {
        self.used().any(|(_, used)| used == place)
    }

    fn check_stack(&self) -> Result<(), ModelError> {
        for (what, place) in self.used() {
            if self.size_of(place).is_none() {
                return Err(dangling(what, place.describe()));
            }
        }
        Ok(())
    }

    /// Bytes of a device; `None` if there is no such device.
    pub(crate) fn size_of(&self, place: &Place) -> Option<u64> {
        match place {
            Place::Disk(name) => Some(self.disks.iter().find(|d| d.name == *name)?.size),
            Place::Partition { disk, number } => {
                let mut all = self.partitions.iter();
                let is = |p: &&super::Partition| p.disk == *disk && p.number == *number;
                Some(all.find(is)?.size)
            }
            Place::Volume(id) => {
                let volume = self.volumes.iter().find(|v| v.id() == *id)?;
                let group = self.groups().find(|g| g.name == id.group)?;
                Some(volume.extents.saturating_mul(group.extent))
            }
            Place::Array(name) => Some(self.arrays.iter().find(|a| a.name == *name)?.size),
            Place::Crypt(name) => Some(self.crypts.iter().find(|c| c.name == *name)?.size),
        }
    }

    fn check_volumes(&self) -> Result<(), ModelError> {
        for volume in &self.volumes {
            let what = || format!("logical volume {}", volume.name);
            if !self.groups().any(|g| g.name == volume.group) {
                return Err(dangling(what(), format!("volume group {}", volume.group)));
            }
            if let super::VolumeKind::Thin { pool } = &volume.kind {
                let is = |v: &super::LogicalVolume| v.group == volume.group && v.name == *pool;
                if !self.volumes.iter().any(is) {
                    return Err(dangling(what(), format!("thin pool {pool}")));
                }
            }
        }
        for group in self.groups() {
            let of = |pv: &&super::PhysicalVolume| pv.group.as_ref() == Some(&group.name);
            let physical: Vec<&Place> = self
                .physical_volumes
                .iter()
                .filter(of)
                .map(|pv| &pv.place)
                .collect();
            let place = || match physical.as_slice() {
                [place] => place.describe(),
                _ => "its physical volumes".to_owned(),
            };
            let what = || format!("volume group {}", group.name);
            // A running system may lie on what has no words here.
            if physical.is_empty() {
                continue;
            }
            let volumes = self.volumes.iter().filter(|v| v.group == group.name);
            let used = volumes.fold(0u64, |sum, v| sum.saturating_add(v.physical()));
            let present = physical.iter().filter_map(|place| self.size_of(place));
            fits(
                what,
                used.saturating_mul(group.extent),
                place,
                present.fold(0u64, u64::saturating_add),
            )?;
        }
        Ok(())
    }

    fn check_file_systems(&self) -> Result<(), ModelError> {
        for fs in &self.file_systems {
            let what = || fs.name().to_owned();
            let swap = matches!(fs.format, Format::Swap(_));
            let role = if swap { Role::Swap } else { Role::Fs };
            for place in fs.places() {
                let other = self
                    .partitions
                    .iter()
                    .any(|p| p.place() == *place && p.role != role);
                if other {
                    return Err(dangling(what(), place.describe()));
                }
            }
            let present = fs.places().filter_map(|place| self.size_of(place));
            let present = present.fold(0u64, u64::saturating_add);
            fits(what, fs.size, || fs.place.describe(), present)?;
            fits(
                || format!("the content of {}", what()),
                fs.min_size,
                what,
                fs.size,
            )?;
        }
        Ok(())
    }
}

/// Far above every disk, and far below where sums of sizes could overflow.
const MOST: u64 = 1 << 60;

fn possible_size(disk: &SourceDisk, size: u64) -> Result<(), ModelError> {
    let what = || format!("disk {}", disk.name);
    fits(what, size, || "disks at most".to_owned(), MOST)
}

fn check_lvm_name(name: &str, what: &'static str) -> Result<(), ModelError> {
    lvm::is_name(name)
        .then_some(())
        .ok_or_else(|| ModelError::Name(name.to_owned(), what))
}

/// A name that no path or option could take for something else.
fn check_word(name: &str, what: &'static str) -> Result<(), ModelError> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    if name.is_empty() || name.starts_with(['-', '.']) || name.contains(odd) {
        return Err(ModelError::Name(name.to_owned(), what));
    }
    Ok(())
}

fn dangling(what: String, to: String) -> ModelError {
    ModelError::Dangling { what, to }
}

fn once(things: impl Iterator<Item = String>) -> Result<(), ModelError> {
    let mut seen = HashSet::new();
    for thing in things {
        if !seen.insert(thing.clone()) {
            return Err(ModelError::Doubled(thing));
        }
    }
    Ok(())
}

fn fits(
    what: impl FnOnce() -> String,
    needed: u64,
    place: impl FnOnce() -> String,
    present: u64,
) -> Result<(), ModelError> {
    if needed <= present {
        return Ok(());
    }
    Err(ModelError::Sizes {
        what: what(),
        needed: mb_needed(needed),
        place: place(),
        present: mb(present),
    })
}
