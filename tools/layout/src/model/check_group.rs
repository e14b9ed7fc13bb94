//! Whether a [`Model`] is that of a volume group on its own.

use super::check::{MOST, fits};
use super::{Model, ModelError, Place, Role};

impl Model {
    /// Whether it holds together and describes a volume group that can be restored
    /// by itself: on any number of disks, with nothing that boots.
    ///
    /// A logical volume without a file system is allowed: it is made again, empty.
    ///
    /// # Errors
    /// [`ModelError`] with the first thing found wrong.
    pub fn check_group(&self) -> Result<(), ModelError> {
        self.check_names()?;
        self.check_doubles()?;
        let Some(group) = &self.group else {
            return Err(ModelError::Count {
                stanza: "vg_data",
                count: 0,
                wanted: "one",
            });
        };
        if self.disks.is_empty() {
            return Err(ModelError::Count {
                stanza: "lx_disk_data",
                count: 0,
                wanted: "one for each disk of the volume group",
            });
        }
        let there = self
            .disks
            .iter()
            .fold(0u64, |sum, disk| sum.saturating_add(disk.size));
        let what = || format!("the disks of volume group {}", group.name);
        fits(what, there, || "a volume group at most".to_owned(), MOST)?;
        self.only_of_the_group()?;
        let used = self.volumes.iter().try_fold(0u64, |sum, volume| {
            sum.checked_add(volume.extents.checked_mul(group.extent)?)
        });
        let what = || format!("volume group {}", group.name);
        let place = || "its disks".to_owned();
        fits(what, used.unwrap_or(u64::MAX), place, there)?;
        self.check_file_systems()
    }

    fn only_of_the_group(&self) -> Result<(), ModelError> {
        for partition in &self.partitions {
            let (number, disk) = (partition.number, &partition.disk);
            let what = || format!("partition {number} of {disk}");
            if partition.role != Role::Lvm {
                let what = format!("{}, which is not part of a volume group", what());
                return Err(ModelError::Unsupported(what));
            }
            if !self.disks.iter().any(|known| known.name == *disk) {
                let (what, to) = (what(), format!("disk {disk}"));
                return Err(ModelError::Dangling { what, to });
            }
        }
        let root = self
            .file_systems
            .iter()
            .find(|fs| fs.mount.as_deref() == Some("/") || !matches!(fs.place, Place::Volume(_)));
        match root {
            Some(fs) => Err(ModelError::Unsupported(format!(
                "{}, which belongs to the root volume group",
                fs.mount.as_deref().unwrap_or("swap")
            ))),
            None => Ok(()),
        }
    }
}
