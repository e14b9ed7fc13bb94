//! Which devices are meant by a name: `cfgmgr -l NAME`.

use std::path::{Path, PathBuf};

use crate::coldplug::{Device, children, file_name};

/// Classes whose members people know by name, in the order of looking.
const CLASSES: [&str; 5] = ["block", "net", "scsi_host", "fc_host", "nvme"];

/// A device and what is behind it; or all devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Its real place in sysfs.
    place: Option<PathBuf>,
}

impl Scope {
    /// The device of this name: a disk, a network interface, an adapter (`host0`), or
    /// its name on its bus. `None` if there is none.
    #[must_use]
    pub fn named(sys: &Path, name: &str) -> Option<Self> {
        // A name is one part of a path.
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let of_class = CLASSES.iter().find_map(|class| {
            let member = sys.join("class").join(class).join(name);
            // A partition, or a device that no hardware is behind, has no link.
            let device = member.join("device");
            device
                .canonicalize()
                .or_else(|_| member.canonicalize())
                .ok()
        });
        let on_bus = || {
            let buses = children(&sys.join("bus")).unwrap_or_default();
            let mut places = buses.iter().map(|bus| bus.join("devices").join(name));
            places.find_map(|place| place.canonicalize().ok())
        };
        let place = of_class.or_else(on_bus)?;
        Some(Self { place: Some(place) })
    }

    /// Whether a place in sysfs, by whatever link, is meant.
    #[must_use]
    pub fn holds(&self, path: &Path) -> bool {
        let Some(place) = &self.place else {
            return true;
        };
        path.canonicalize()
            .is_ok_and(|path| path.starts_with(place))
    }

    /// Whether a device is meant.
    #[must_use]
    pub fn has(&self, device: &Device) -> bool {
        self.holds(&device.path)
    }

    /// The members of a class that are meant, by name.
    #[must_use]
    pub fn members(&self, sys: &Path, class: &str) -> Vec<String> {
        let members = children(&sys.join("class").join(class)).unwrap_or_default();
        let meant = members.iter().filter(|member| self.holds(member));
        meant.map(|member| file_name(member)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::create_dir_all;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_device_is_found_by_any_of_its_names_with_what_is_behind_it() {
        let root = tempfile::tempdir().unwrap();
        let sys = root.path();
        let pci = sys.join("devices/pci0/0000:00:01.0");
        let disk = pci.join("host0/target0:0:0/0:0:0:0/block/sda");
        for directory in [
            disk.join("sda1"),
            pci.join("host0/scsi_host/host0"),
            sys.join("devices/pci0/0000:00:02.0/net/eth0"),
            sys.join("class/block"),
            sys.join("class/net"),
            sys.join("class/scsi_host"),
            sys.join("bus/pci/devices"),
        ] {
            create_dir_all(directory).unwrap();
        }
        let link = |to: PathBuf, from: &str| symlink(to, sys.join(from)).unwrap();
        link(disk.clone(), "class/block/sda");
        link(disk.join("../.."), "class/block/sda/device");
        link(disk.join("sda1"), "class/block/sda1");
        link(pci.join("host0/scsi_host/host0"), "class/scsi_host/host0");
        link(pci.join("host0"), "class/scsi_host/host0/device");
        let eth = sys.join("devices/pci0/0000:00:02.0/net/eth0");
        link(
            eth.join("../.."),
            "devices/pci0/0000:00:02.0/net/eth0/device",
        );
        link(eth, "class/net/eth0");
        link(pci, "bus/pci/devices/0000:00:01.0");

        let members =
            |name: &str, class: &str| Scope::named(sys, name).unwrap().members(sys, class);
        assert_eq!(members("sda", "block"), ["sda", "sda1"]);
        assert_eq!(members("0000:00:01.0", "block"), ["sda", "sda1"]);
        assert_eq!(members("host0", "scsi_host"), ["host0"]);
        assert_eq!(members("eth0", "net"), ["eth0"]);
        assert!(members("eth0", "block").is_empty());
        assert_eq!(Scope::default().members(sys, "block").len(), 2);
        for none in ["sdb", "", "../sda"] {
            assert_eq!(Scope::named(sys, none), None);
        }
    }
}
