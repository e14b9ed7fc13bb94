//! Disks of the source by the names that udev gave them after their identity and
//! their place.

use std::collections::BTreeMap;

use lifeboat_layout::disks::Disk;

use super::renames::Fate;

/// A disk of the source: how its links can be told, and what they mean now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldDisk {
    /// Serial number.
    pub serial: Option<String>,
    /// World-wide identifier as sysfs has it: `naa.6005`, `eui.0025`, `t10.ATA ...`.
    pub wwid: Option<String>,
    /// Its place in the machine.
    pub location: Option<String>,
    /// It was the only one, so that whatever kernel name a disk had, it was its.
    pub only: bool,
    /// The disk as a whole.
    pub whole: Fate,
    /// Its partitions by their numbers.
    pub partitions: BTreeMap<u32, Fate>,
}

/// A serial number shorter than this is part of too many other names.
const SHORTEST: usize = 4;

impl OldDisk {
    /// A disk that is there and stays what it is.
    #[must_use]
    pub fn present(disk: &Disk) -> Self {
        let itself = || Fate::Now(format!("/dev/{}", disk.name));
        let partitions = disk.partitions.iter();
        Self {
            serial: disk.serial.clone(),
            wwid: disk.wwid.clone(),
            location: Some(disk.location.clone()),
            only: false,
            whole: itself(),
            partitions: partitions.map(|p| (p.number, itself())).collect(),
        }
    }

    /// What became of a link below `/dev/disk/by-id` or `/dev/disk/by-path`, or of a
    /// kernel name, if it is one of this disk or of its partitions.
    #[must_use]
    pub fn link(&self, link: &str) -> Option<&Fate> {
        if let Some(number) = kernel_name(link).filter(|_| self.only) {
            return match number {
                Some(number) => self.partitions.get(&number),
                None => Some(&self.whole),
            };
        }
        let (is_mine, name): (fn(&Self, &str) -> bool, &str) =
            if let Some(name) = link.strip_prefix("/dev/disk/by-id/") {
                (Self::has_id, name)
            } else {
                (Self::has_path, link.strip_prefix("/dev/disk/by-path/")?)
            };
        let (disk, number) = match name.rsplit_once("-part") {
            Some((disk, number)) => (disk, Some(number.parse().ok()?)),
            None => (name, None),
        };
        if !is_mine(self, disk) {
            return None;
        }
        match number {
            Some(number) => self.partitions.get(&number),
            None => Some(&self.whole),
        }
    }

    /// `wwn-0x6005`, `scsi-36005`, `nvme-eui.0025`, `virtio-SERIAL`, `ata-MODEL_SERIAL`.
    fn has_id(&self, name: &str) -> bool {
        let Some((_, id)) = name.split_once('-') else {
            return false;
        };
        let by_wwid = self
            .wwid
            .as_deref()
            .is_some_and(|wwid| ids_of(wwid).iter().any(|own| own == id));
        let by_serial = self.serial.as_deref().is_some_and(|serial| {
            let serial = underscored(serial);
            let before = id.strip_suffix(&serial);
            serial.len() >= SHORTEST
                && before.is_some_and(|model| model.is_empty() || model.ends_with('_'))
        });
        by_wwid || by_serial
    }

    /// `pci-0000:00:02.0`, `virtio-pci-0000:00:02.0`, `platform-71000003-scsi-0:0:2:0`,
    /// `pci-0000:01:00.0-nvme-1`.
    fn has_path(&self, name: &str) -> bool {
        let Some(location) = self.location.as_deref() else {
            return false;
        };
        let mut parts = location.rsplit('/');
        let last = parts.next().unwrap_or_default();
        let on_bus = |bus: &str| {
            let rest = name.strip_prefix("virtio-").unwrap_or(name);
            let rest = rest
                .strip_prefix("pci-")
                .or_else(|| rest.strip_prefix("platform-"))?;
            rest.strip_prefix(bus).map(str::to_owned)
        };
        // The disk alone on its adapter, or one of several behind it.
        if on_bus(last).is_some_and(|rest| rest.is_empty()) {
            return true;
        }
        let Some(rest) = parts.next().and_then(on_bus) else {
            return false;
        };
        match last.strip_prefix('n') {
            Some(namespace) => rest == format!("-nvme-{namespace}"),
            // The host number in front counts up; udev writes 0 there.
            None => rest == format!("-scsi-0:{last}"),
        }
    }
}

/// Of a path that is the kernel's name of a disk, the number of the partition:
/// `/dev/sda3`, `/dev/nvme0n1p3`, `/dev/vda`.
pub(super) fn kernel_name(path: &str) -> Option<Option<u32>> {
    let name = path.strip_prefix("/dev/")?;
    let disk = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let (disk, number) = (disk, &name[disk.len()..]);
    if name.starts_with("nvme") {
        // The namespace ends in a digit itself.
        return match disk.strip_suffix('p') {
            Some(_) => Some(Some(number.parse().ok()?)),
            None => disk.ends_with('n').then_some(None),
        };
    }
    let letters = ["sd", "vd", "hd"]
        .iter()
        .find_map(|kind| disk.strip_prefix(kind))?;
    let named = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase());
    let number = (!number.is_empty()).then(|| number.parse().ok());
    match number {
        _ if !named => None,
        None => Some(None),
        Some(number) => number.map(Some),
    }
}

/// The forms in which udev writes a world-wide identifier into a link.
fn ids_of(wwid: &str) -> Vec<String> {
    let mut ids = vec![underscored(wwid)];
    ids.extend(multipath_id(wwid));
    if let Some(hex) = wwid
        .strip_prefix("naa.")
        .or_else(|| wwid.strip_prefix("eui."))
    {
        ids.push(format!("0x{hex}"));
    }
    ids
}

/// A world-wide identifier of sysfs as `scsi_id` and multipath write it: the kind
/// as a digit in front.
#[must_use]
pub fn multipath_id(wwid: &str) -> Option<String> {
    let kinds = [("naa.", '3'), ("eui.", '2'), ("t10.", '1')];
    kinds.iter().find_map(|(prefix, digit)| {
        let id = wwid.strip_prefix(prefix)?;
        Some(format!("{digit}{}", underscored(id)))
    })
}

/// udev writes an underscore for blanks.
fn underscored(text: &str) -> String {
    text.trim().replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(serial: &str, wwid: &str, location: &str) -> OldDisk {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        OldDisk {
            serial: some(serial),
            wwid: some(wwid),
            location: some(location),
            only: false,
            whole: Fate::Now("/dev/vda".into()),
            partitions: [(2, Fate::Now("/dev/disk/by-uuid/1".into()))].into(),
        }
    }

    #[test]
    fn links_by_identity_are_told() {
        let san = disk("", "naa.600507680c80", "");
        for link in ["wwn-0x600507680c80", "scsi-3600507680c80"] {
            let path = format!("/dev/disk/by-id/{link}");
            assert_eq!(san.link(&path), Some(&san.whole), "{link}");
            let part = san.link(&format!("{path}-part2"));
            assert_eq!(part, san.partitions.get(&2));
        }
        assert_eq!(san.link("/dev/disk/by-id/scsi-3600507680c81"), None);
        assert_eq!(san.link("/dev/disk/by-id/scsi-3600507680c80-part9"), None);
        let local = disk("LBTARGET", "", "");
        assert!(local.link("/dev/disk/by-id/virtio-LBTARGET").is_some());
        let named = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_LBTARGET";
        assert!(local.link(named).is_some());
        assert!(local.link("/dev/disk/by-id/virtio-XLBTARGET").is_none());
        assert!(disk("1", "", "").link("/dev/disk/by-id/virtio-1").is_none());
    }

    #[test]
    fn links_by_place_are_told() {
        for (location, link) in [
            ("pci0000:00/0000:00:02.0", "virtio-pci-0000:00:02.0"),
            ("pci0000:00/0000:00:02.0", "pci-0000:00:02.0"),
            ("vio/71000003/0:2:0", "platform-71000003-scsi-0:0:2:0"),
            ("pci0000:00/0000:00:03.0/n1", "pci-0000:00:03.0-nvme-1"),
        ] {
            let disk = disk("", "", location);
            let path = format!("/dev/disk/by-path/{link}");
            assert!(disk.link(&path).is_some(), "{link}");
            assert!(disk.link(&format!("{path}-part2")).is_some(), "{link}");
        }
        let other = disk("", "", "pci0000:00/0000:00:03.0");
        assert!(other.link("/dev/disk/by-path/pci-0000:00:02.0").is_none());
    }

    #[test]
    fn kernel_names_are_told() {
        for (path, number) in [
            ("/dev/sda", Some(None)),
            ("/dev/sdab12", Some(Some(12))),
            ("/dev/vda3", Some(Some(3))),
            ("/dev/nvme0n1", Some(None)),
            ("/dev/nvme0n1p2", Some(Some(2))),
            ("/dev/nvme0", None),
            ("/dev/sd3", None),
            ("/dev/mapper/sda3", None),
            ("/dev/sda99999999999", None),
        ] {
            assert_eq!(kernel_name(path), number, "{path}");
        }
    }
}
