//! Whether a [`Model`] is that of a volume group on its own.

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
        self.check()?;
        let missing = |stanza, wanted| ModelError::Count {
            stanza,
            count: 0,
            wanted,
        };
        if self.group.is_none() {
            return Err(missing("vg_data", "one"));
        }
        if self.disks.is_empty() {
            let wanted = "one for each disk of the volume group";
            return Err(missing("lx_disk_data", wanted));
        }
        self.check_physical()?;
        let unsupported = self
            .only_of_the_group()
            .or_else(|| self.unsupported_in_group().into_iter().next());
        unsupported.map_or(Ok(()), |what| Err(ModelError::Unsupported(what)))
    }

    fn only_of_the_group(&self) -> Option<String> {
        let alien = self.partitions.iter().find(|p| p.role != Role::Lvm);
        if let Some(partition) = alien {
            let what = partition.place().describe();
            return Some(format!("{what}, which is not part of a volume group"));
        }
        let root = self
            .file_systems
            .iter()
            .find(|fs| fs.mount.as_deref() == Some("/") || !matches!(fs.place, Place::Volume(_)));
        root.map(|fs| format!("{}, which belongs to the root volume group", fs.name()))
    }
}
