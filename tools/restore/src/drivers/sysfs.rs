//! The devices between a disk and the processor, as sysfs shows them.

use std::path::{Path, PathBuf};

use lifeboat_devices::modules::ModuleIndex;
use lifeboat_devices::normalised;
use lifeboat_layout::disks::Disk;
use lifeboat_sys::fs::attribute;

/// A device between a disk and the processor, with a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    /// What it says of itself.
    modalias: String,
    /// The driver that it has here.
    driver: String,
    /// That driver is a module here, not a part of the kernel.
    is_module: bool,
}

/// The choices of modules, one of each is needed: of every path to the disk, for the
/// boot may have to go by any.
pub(super) fn of_disk(sys: &Path, disk: &Disk, index: &ModuleIndex) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let paths = std::iter::once(&disk.name).chain(&disk.paths);
    for link in paths.flat_map(|path| links(sys, path)) {
        let fitting = index.matching(&link.modalias);
        let fitting = fitting.iter().map(|name| normalised(name));
        let fitting: Vec<String> = fitting
            .filter(|name| index.module(name).is_some())
            .collect();
        // A bridge works without those that only offer more, as the kernel's own driver
        // for it does here.
        let needed = link.is_module || fitting.contains(&normalised(&link.driver));
        if needed && !fitting.is_empty() && !all.contains(&fitting) {
            all.push(fitting);
        }
    }
    // Its subsystem of several paths hides what is below.
    if disk.name.starts_with("nvme") && index.module("nvme").is_some() {
        let nvme = vec!["nvme".to_owned()];
        if !all.contains(&nvme) {
            all.push(nvme);
        }
    }
    all
}

/// The devices from a disk upwards that have a driver.
fn links(sys: &Path, disk: &str) -> Vec<Link> {
    let start = sys.join("block").join(disk).join("device");
    let Ok(mut at) = start.canonicalize() else {
        return Vec::new();
    };
    let top = sys.join("devices").canonicalize().unwrap_or_default();
    let mut links = Vec::new();
    while at.starts_with(&top) && at != top {
        let driver = std::fs::read_link(at.join("driver")).ok();
        let driver = driver
            .as_deref()
            .and_then(Path::file_name)
            .map(PathBuf::from);
        if let (Some(driver), Some(modalias)) = (driver, attribute(at.join("modalias"))) {
            links.push(Link {
                modalias,
                driver: driver.display().to_string(),
                // Only of a module that was loaded sysfs says how far it has come.
                is_module: at.join("driver/module/initstate").exists(),
            });
        }
        if !at.pop() {
            break;
        }
    }
    for link in &links {
        log::info!("{disk}: {} has the driver {}", link.modalias, link.driver);
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    use lifeboat_devices::modules::Texts;
    use lifeboat_layout::signature::identify;

    /// A disk behind an adapter and a bridge; the drivers of disk and adapter are modules.
    fn machine() -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let bridge = sys.path().join("devices/pci0000:00/0000:00:01.0");
        let adapter = bridge.join("0000:01:00.0");
        let disk = adapter.join("host0/target0:0:2/0:0:2:0");
        create_dir_all(&disk).unwrap();
        create_dir_all(sys.path().join("block/sda")).unwrap();
        for (device, driver, modalias) in [
            (&bridge, "pcieport", "pci:bc06sc04i00"),
            (&adapter, "mpt3sas", "pci:v00001000"),
            (&disk, "sd", "scsi:t-0x00"),
        ] {
            let place = sys.path().join("bus/drivers").join(driver);
            create_dir_all(place.join("module")).unwrap();
            if driver != "pcieport" {
                write(place.join("module/initstate"), "live\n").unwrap();
            }
            symlink(place, device.join("driver")).unwrap();
            write(device.join("modalias"), format!("{modalias}\n")).unwrap();
        }
        symlink(&disk, sys.path().join("block/sda/device")).unwrap();
        sys
    }

    #[test]
    fn the_devices_above_a_disk_are_found() {
        let sys = machine();
        let links = links(sys.path(), "sda");
        let drivers: Vec<&str> = links.iter().map(|link| link.driver.as_str()).collect();
        assert_eq!(drivers, ["sd", "mpt3sas", "pcieport"]);
        assert_eq!(links[2].modalias, "pci:bc06sc04i00");
        assert!(super::links(sys.path(), "sdb").is_empty());
    }

    #[test]
    fn only_what_drives_the_disk_is_needed() {
        let index = ModuleIndex::parse(Texts {
            dep: "drivers/mpt2sas.ko:\ndrivers/mpt3sas.ko:\ndrivers/sd_mod.ko:\ndrivers/shpchp.ko:\n",
            alias: "alias pci:v00001000* mpt2sas\nalias pci:v00001000* mpt3sas\n\
                    alias scsi:t-0x00* sd_mod\nalias pci:bc06* shpchp\n",
            ..Texts::default()
        });
        let sys = machine();
        let disk = Disk {
            name: "sda".into(),
            hdisk: "hdisk0".into(),
            size: 1 << 30,
            sector: 512,
            read_only: false,
            serial: None,
            wwid: None,
            location: String::new(),
            signature: identify(&[0; 4096], &[]),
            partitions: Vec::new(),
            physical_volumes: Vec::new(),
            paths: Vec::new(),
            bootable: true,
            in_use: None,
        };
        let needed = of_disk(sys.path(), &disk, &index);
        assert_eq!(needed.len(), 2);
        assert_eq!(needed[0], ["sd_mod"]);
        assert!(needed[1].contains(&"mpt2sas".into()) && needed[1].contains(&"mpt3sas".into()));
    }
}
