//! Whether a [`Model`] holds together.

use std::collections::HashSet;

use super::{Format, Model, Place, Role, SourceDisk, Table};
use crate::size::{MB, mb, mb_needed};
use crate::{lvm, mkfs};

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
    /// Whether it holds together and can be restored.
    ///
    /// # Errors
    /// [`ModelError`] with the first thing found wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        self.check_names()?;
        self.check_doubles()?;
        self.check_disks()?;
        self.check_volumes()?;
        self.check_file_systems()?;
        if !self.partitions.iter().any(|p| p.role == Role::Prep) {
            return Err(ModelError::NoPrep);
        }
        if !self
            .file_systems
            .iter()
            .any(|f| f.mount.as_deref() == Some("/"))
        {
            return Err(ModelError::NoRoot);
        }
        Ok(())
    }

    pub(super) fn check_names(&self) -> Result<(), ModelError> {
        if let Some(group) = &self.group {
            check_lvm_name(&group.name, "a volume group")?;
        }
        for volume in &self.volumes {
            check_lvm_name(&volume.name, "a logical volume")?;
        }
        for partition in &self.partitions {
            // The GPT keeps 36 UTF-16 units.
            if partition.name.encode_utf16().count() > 36 {
                return Err(ModelError::Name(partition.name.clone(), "a partition"));
            }
        }
        for mount in self.file_systems.iter().filter_map(|f| f.mount.as_deref()) {
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

    pub(super) fn check_doubles(&self) -> Result<(), ModelError> {
        once(self.disks.iter().map(|d| format!("disk {}", d.name)))?;
        once(
            self.partitions
                .iter()
                .map(|p| format!("partition {} of {}", p.number, p.disk)),
        )?;
        once(
            self.partitions
                .iter()
                .map(|p| format!("the partition UUID {}", p.uuid)),
        )?;
        once(
            self.volumes
                .iter()
                .map(|v| format!("logical volume {}", v.name)),
        )?;
        once(
            self.file_systems
                .iter()
                .filter_map(|f| Some(format!("mount point {}", f.mount.as_ref()?))),
        )?;
        once(
            self.file_systems
                .iter()
                .map(|f| format!("the UUID {}", f.uuid)),
        )?;
        once(self.file_systems.iter().map(|f| match &f.place {
            Place::Volume(name) => format!("what is on logical volume {name}"),
            Place::Partition { disk, number } => format!("what is on partition {number} of {disk}"),
        }))
    }

    fn check_disks(&self) -> Result<(), ModelError> {
        let [disk] = self.disks.as_slice() else {
            return Err(match self.disks.len() {
                0 => ModelError::Count {
                    stanza: "lx_disk_data",
                    count: 0,
                    wanted: "one",
                },
                n => ModelError::Unsupported(format!("a system on {n} disks")),
            });
        };
        if disk.table == Table::None {
            let what = format!("a system on {}, a disk without partitions", disk.name);
            return Err(ModelError::Unsupported(what));
        }
        possible_size(disk)?;
        if let Some(lost) = self.partitions.iter().find(|p| p.disk != disk.name) {
            let what = format!("partition {}", lost.number);
            return Err(ModelError::Dangling {
                what,
                to: format!("disk {}", lost.disk),
            });
        }
        if let Some(odd) = self
            .partitions
            .iter()
            .find(|p| p.number == 0 || p.number > 128)
        {
            return Err(ModelError::Unsupported(format!(
                "partition number {}",
                odd.number
            )));
        }
        let used = self
            .partitions
            .iter()
            .try_fold(0u64, |sum, p| sum.checked_add(p.size));
        let what = || format!("the partitions of {}", disk.name);
        // SIZE_MB is rounded down; partitions may fill the rest.
        let size = disk.size.saturating_add(MB - 1);
        fits(
            what,
            used.unwrap_or(u64::MAX),
            || format!("disk {}", disk.name),
            size,
        )
    }

    fn check_volumes(&self) -> Result<(), ModelError> {
        let mut physical = self.partitions.iter().filter(|p| p.role == Role::Lvm);
        let (first, second) = (physical.next(), physical.next());
        if second.is_some() {
            return Err(ModelError::Unsupported(
                "a volume group on two partitions".to_owned(),
            ));
        }
        let Some(group) = &self.group else {
            let orphan = self
                .volumes
                .first()
                .map(|v| format!("logical volume {}", v.name));
            let orphan = orphan.or(first.map(|p| format!("LVM partition {}", p.number)));
            return match orphan {
                Some(what) => Err(ModelError::Dangling {
                    what,
                    to: "a volume group".to_owned(),
                }),
                None => Ok(()),
            };
        };
        let to = || "a partition of type lvm".to_owned();
        let what = || format!("volume group {}", group.name);
        let partition = first.ok_or_else(|| ModelError::Dangling {
            what: what(),
            to: to(),
        })?;
        let mut extents = 0u64;
        for volume in &self.volumes {
            extents = extents.saturating_add(volume.extents);
            let name = || format!("logical volume {}", volume.name);
            if self.on_volume(&volume.name).is_none() {
                let what = format!("{} without a file system or swap", name());
                return Err(ModelError::Unsupported(what));
            }
        }
        let used = extents.saturating_mul(group.extent);
        fits(
            what,
            used,
            || format!("partition {}", partition.number),
            partition.size,
        )
    }

    pub(super) fn check_file_systems(&self) -> Result<(), ModelError> {
        for partition in &self.partitions {
            let wanted = matches!(partition.role, Role::Fs | Role::Swap);
            if wanted && self.on_partition(partition).is_none() {
                let what = format!(
                    "partition {} without a file system or swap",
                    partition.number
                );
                return Err(ModelError::Unsupported(what));
            }
        }
        for fs in &self.file_systems {
            let what = || fs.mount.clone().unwrap_or_else(|| "swap".to_owned());
            mkfs::check(fs)
                .map_err(|thing| ModelError::Unsupported(format!("{thing} on {}", what())))?;
            let swap = matches!(fs.format, Format::Swap(_));
            let (place, present) = match &fs.place {
                Place::Volume(name) => {
                    let to = || format!("logical volume {name}");
                    let volume = self.volumes.iter().find(|v| v.name == *name);
                    let volume = volume.ok_or_else(|| ModelError::Dangling {
                        what: what(),
                        to: to(),
                    })?;
                    let extent = self.group.as_ref().map_or(0, |g| g.extent);
                    (to(), volume.extents.saturating_mul(extent))
                }
                Place::Partition { disk, number } => {
                    let to = || format!("partition {number} of {disk}");
                    let role = if swap { Role::Swap } else { Role::Fs };
                    let mut all = self.partitions.iter();
                    let partition =
                        all.find(|p| p.disk == *disk && p.number == *number && p.role == role);
                    let missing = || ModelError::Dangling {
                        what: what(),
                        to: to(),
                    };
                    (to(), partition.ok_or_else(missing)?.size)
                }
            };
            fits(what, fs.size, || place, present)?;
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
pub(super) const MOST: u64 = 1 << 60;

fn possible_size(disk: &SourceDisk) -> Result<(), ModelError> {
    let what = || format!("disk {}", disk.name);
    fits(what, disk.size, || "a disk at most".to_owned(), MOST)
}

fn check_lvm_name(name: &str, what: &'static str) -> Result<(), ModelError> {
    lvm::is_name(name)
        .then_some(())
        .ok_or_else(|| ModelError::Name(name.to_owned(), what))
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

pub(super) fn fits(
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
