//! The names of the devices that a plan makes.

use std::collections::BTreeSet;

use lifeboat_layout::plan::Stacked;

use super::gather::{Gathered, partition_path, stable};
use super::renames::path_of;

/// Every name by which a file can mean a device of the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(BTreeSet<String>);

impl Known {
    pub(super) fn of(gathered: &Gathered<'_>) -> Self {
        let mut known = Self::default();
        let plan = gathered.plan;
        for fs in &plan.file_systems {
            known.add(&fs.device);
            known.add(&format!("UUID={}", fs.uuid));
            known.add(&stable(fs));
            if let Some(label) = &fs.label {
                known.add(&format!("LABEL={label}"));
            }
        }
        for target in &plan.targets {
            for partition in &target.partitions {
                known.add(&partition.device);
                known.add(&partition_path(target, partition));
                known.add(&format!("PARTLABEL={}", partition.name));
            }
        }
        for stacked in &plan.stack {
            match stacked {
                Stacked::Array(array) => {
                    known.add(&array.device);
                    known.add(&format!("/dev/md/{}", array.name));
                    let uuid = array.uuid.as_deref().unwrap_or_default();
                    known.add(&format!("/dev/disk/by-id/md-uuid-{uuid}"));
                }
                Stacked::Crypt(crypt) => {
                    known.add(&crypt.device);
                    known.add(&format!("UUID={}", crypt.uuid));
                }
                Stacked::Group(group) => {
                    for volume in &group.volumes {
                        known.add(&volume.device);
                        known.add(&format!("/dev/{}/{}", group.name, volume.name));
                    }
                }
            }
        }
        known
    }

    fn add(&mut self, device: &str) {
        self.0.insert(canonical(device));
    }

    pub(super) fn has(&self, device: &str) -> bool {
        self.0.contains(&canonical(device))
    }

    /// The names of the physical volumes that an LVM filter may be asked for: the node,
    /// and for partitions the link that stays when disks change their order.
    pub(super) fn physical_volumes(gathered: &Gathered<'_>) -> Vec<String> {
        let mut names = Vec::new();
        for device in gathered.plan.groups().flat_map(|group| &group.devices) {
            names.push(device.clone());
            for target in &gathered.plan.targets {
                let same = target.partitions.iter().find(|p| p.device == *device);
                names.extend(same.map(|partition| partition_path(target, partition)));
            }
        }
        names.dedup();
        names
    }
}

/// A tag and udev's link are one name, and UUIDs may be in any case.
fn canonical(device: &str) -> String {
    let path = path_of(device);
    if path.starts_with("/dev/disk/by-uuid/") || path.starts_with("/dev/disk/by-partuuid/") {
        return path.to_ascii_lowercase();
    }
    path
}
