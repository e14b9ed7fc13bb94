//! What the machine has beside the restored system: other volume groups, other disks.
//! They are looked at and left alone.

use std::path::Path;

use lifeboat_boot::chroot::Chroot;
use lifeboat_layout::disks::{Disk, DiskError, OtherVolume, PhysicalVolume, inventory, volumes};
use lifeboat_layout::lvm::mapper_name;
use lifeboat_layout::plan::Plan;
use lifeboat_sys::run::Tool;

use crate::references::{OldDisk, tag_of};

/// Devices that are not of the plan.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    disks: Vec<Disk>,
    volumes: Vec<OtherVolume>,
    /// Physical volumes that are not of the plan.
    pub(crate) physical_volumes: Vec<PhysicalVolume>,
}

impl Presence {
    /// Looks at what is there. Other volume groups count only if they are to be
    /// imported.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn look(plan: &Plan, import: bool) -> Result<Self, DiskError> {
        let inventory = inventory()?;
        let own: Vec<&str> = plan.groups().map(|group| group.name.as_str()).collect();
        let on_disks = inventory
            .disks
            .iter()
            .flat_map(|disk| &disk.physical_volumes);
        let others = on_disks.chain(&inventory.elsewhere).filter(|pv| {
            let group = pv.group.as_ref();
            import && group.is_some_and(|group| !own.contains(&group.name.as_str()))
        });
        let others: Vec<PhysicalVolume> = others.cloned().collect();
        let volumes = if others.is_empty() {
            Vec::new()
        } else {
            volumes()?
        };
        Ok(Self {
            physical_volumes: others,
            volumes: volumes
                .into_iter()
                .filter(|volume| !own.contains(&volume.group.as_str()))
                .collect(),
            disks: inventory.disks,
        })
    }

    /// The names of the other groups, each once.
    pub(crate) fn groups(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .volumes
            .iter()
            .map(|volume| volume.group.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether the restored system will find a device that a file names: by a tag, which
    /// its own `findfs` knows to look for, by volume, or by the links of udev, which
    /// nobody makes here.
    pub(crate) fn has(&self, device: &str, chroot: &Chroot) -> bool {
        let tag = tag_of(device);
        if self.on_volume(&tag) {
            return true;
        }
        if tag.contains('=') && !tag.starts_with('/') {
            let found = Tool::new("findfs")
                .arg(&tag)
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .chroot(chroot.root())
                .status();
            return match found {
                Ok((status, _)) => status.success(),
                Err(error) => {
                    log::warn!("{}", lifeboat_sys::error::chain(&error));
                    false
                }
            };
        }
        let by_link = |disk: &Disk| OldDisk::present(disk).link(device).is_some();
        Path::new(device).exists() || self.disks.iter().any(by_link)
    }

    /// Whether a path or a tag means one of the other volumes.
    fn on_volume(&self, device: &str) -> bool {
        self.volumes.iter().any(|volume| {
            let (group, name) = (&volume.group, &volume.name);
            let uuid = device
                .strip_prefix("UUID=")
                .map(|uuid| uuid.trim_matches('"'));
            let same = |own: &String| uuid.is_some_and(|uuid| uuid.eq_ignore_ascii_case(own));
            device == format!("/dev/{group}/{name}")
                || device == format!("/dev/mapper/{}", mapper_name(group, name))
                || volume.uuid.as_ref().is_some_and(same)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_of_other_groups_have_three_names() {
        let presence = Presence {
            volumes: vec![OtherVolume {
                group: "data-vg".into(),
                group_uuid: String::new(),
                name: "lv".into(),
                uuid: Some("ab-cd".into()),
            }],
            ..Presence::default()
        };
        for name in ["/dev/data-vg/lv", "/dev/mapper/data--vg-lv", "UUID=AB-cd"] {
            assert!(presence.on_volume(name), "{name}");
        }
        for name in ["/dev/data-vg/other", "UUID=ab", "LABEL=lv"] {
            assert!(!presence.on_volume(name), "{name}");
        }
        assert_eq!(presence.groups(), ["data-vg"]);
    }
}
