//! What the machine has beside the restored system: other volume groups, other disks.
//! They are looked at and left alone.

mod aliases;

use std::fs::File;
use std::path::Path;

use lifeboat_boot::chroot::Chroot;
use lifeboat_layout::disks::{Disk, DiskError, OtherVolume, PhysicalVolume, inventory, volumes};
use lifeboat_layout::lvm::mapper_name;
use lifeboat_layout::plan::Plan;
use lifeboat_layout::signature::Found;
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::run::Tool;

use crate::references::{OldDisk, multipath_id, read, tag_of};
use aliases::Aliases;

/// The machine cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PresenceError {
    /// Its disks.
    #[error(transparent)]
    Disks(#[from] DiskError),
    /// The files of the system that name some of them.
    #[error(transparent)]
    File(#[from] FsError),
}

/// Devices that are not of the plan.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    disks: Vec<Disk>,
    volumes: Vec<OtherVolume>,
    aliases: Aliases,
    /// Why nothing is known of them, in a sentence.
    pub(crate) trouble: Option<String>,
    /// Physical volumes that are not of the plan.
    pub(crate) physical_volumes: Vec<PhysicalVolume>,
}

impl Presence {
    /// Looks at what is there, and what the system below `root` calls it. Other volume
    /// groups count only if they are to be imported.
    ///
    /// # Errors
    /// [`PresenceError`].
    pub(crate) fn look(root: &Path, plan: &Plan, import: bool) -> Result<Self, PresenceError> {
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
            Ok(Vec::new())
        } else {
            volumes()
        };
        // A broken group of others must not stop this system from booting.
        let trouble = volumes.as_ref().err().map(|error| {
            format!(
                "0590-485 The other volume groups cannot be looked into; what they hold counts as absent: {}",
                chain(error)
            )
        });
        let volumes = volumes.unwrap_or_default();
        let own_files = File::open(root).at("open", root)?;
        let text = |path: &str| {
            let bytes = read(&own_files, Path::new(path))?.unwrap_or_default();
            Ok::<_, FsError>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mdadm = text("etc/mdadm/mdadm.conf")? + &text("etc/mdadm.conf")?;
        Ok(Self {
            trouble,
            aliases: Aliases::read(
                &text("etc/multipath/bindings")?,
                &text("etc/crypttab")?,
                &mdadm,
                &scan(&inventory.disks),
            ),
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
    /// its own `findfs` knows to look for, by volume, or by a name that is made only
    /// once it runs.
    pub(crate) fn has(&self, device: &str, chroot: &Chroot) -> bool {
        let tag = tag_of(device);
        if self.on_volume(&tag) || self.aliases.is_array(device) {
            return true;
        }
        if let Some(under) = self.aliases.under_crypt(device) {
            // Not on another of its kind: that could go round in circles.
            return self.aliases.under_crypt(under).is_none() && self.has(under, chroot);
        }
        if tag.contains('=') && !tag.starts_with('/') {
            return is_found(&tag, chroot);
        }
        let ids = self.aliases.disk_ids(device);
        let is_it = |disk: &Disk| {
            let id = disk.wwid.as_deref().and_then(multipath_id);
            OldDisk::present(disk).link(device).is_some()
                || id.is_some_and(|id| ids.contains(&id.as_str()))
        };
        Path::new(device).exists() || self.disks.iter().any(is_it)
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

/// Whether the system's own tool finds what a tag names.
fn is_found(tag: &str, chroot: &Chroot) -> bool {
    let tool = Tool::new("findfs")
        .arg(tag)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .chroot(chroot.root());
    match tool.status() {
        Ok((status, _)) => status.success(),
        Err(error) => {
            log::warn!("{}", chain(&error));
            false
        }
    }
}

/// The md arrays that the disks have members of, as mdadm lists them.
fn scan(disks: &[Disk]) -> String {
    let signatures = disks.iter().flat_map(|disk| {
        let partitions = disk.partitions.iter().map(|partition| &partition.signature);
        partitions.chain([&disk.signature])
    });
    if !signatures
        .into_iter()
        .any(|signature| signature.found == Found::Md)
    {
        return String::new();
    }
    let scanned = Tool::new("mdadm").args(["--examine", "--scan"]).run();
    scanned.map_or_else(
        |error| {
            log::warn!("{}", chain(&error));
            String::new()
        },
        |output| output.text(),
    )
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
