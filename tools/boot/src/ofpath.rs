//! Open Firmware paths of disks: the names under which the firmware boots them.
//!
//! The adapter's path is its device-tree node, which sysfs links as `of_node`.
//! What follows depends on the bus:
//!
//! | bus | suffix | source of fact |
//! | --- | --- | --- |
//! | virtio-blk | none | seen with SLOF 20220719 |
//! | vscsi | `disk@` and the 64-bit SRP LUN `8000 \| id<<8 \| bus<<5 \| lun` | PAPR, seen with SLOF |
//! | virtio-scsi | `disk@` and `01` id(8) lun(16) in the upper 32 bits | VIRTIO 1.1, section 5.6.6.1 |
//! | NVMe | `namespace@` and the namespace number | PowerVM boot lists |

use std::path::{Path, PathBuf};

/// Where device-tree nodes are in sysfs.
const TREE: &str = "firmware/devicetree/base";

/// Why a disk has no path that we can name.
#[derive(Debug, thiserror::Error)]
pub enum OfPathError {
    /// No such disk.
    #[error("0590-411 There is no disk {name}")]
    NoDisk {
        /// Kernel name, as `vda`.
        name: String,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The disk hangs on nothing that the firmware knows.
    #[error("0590-412 The adapter of disk {name} is not in the firmware's device tree")]
    NoNode {
        /// Kernel name.
        name: String,
    },
    /// A bus whose naming rule we do not know.
    #[error(
        "0590-413 Disk {name} is on a bus ({driver}) whose boot path Lifeboat cannot compute; \
         choose it in the firmware's boot menu"
    )]
    UnknownBus {
        /// Kernel name.
        name: String,
        /// Driver of the adapter.
        driver: String,
    },
}

/// Open Firmware path of a disk, computed from a sysfs tree.
///
/// `sysfs` is `/sys` (or a recorded tree), `name` the kernel name of a whole
/// disk such as `vda`.
///
/// # Errors
/// [`OfPathError`] when there is no such disk or its bus is not known.
pub fn of_path(sysfs: &Path, name: &str) -> Result<String, OfPathError> {
    let device = sysfs
        .join("class/block")
        .join(name)
        .canonicalize()
        .map_err(|source| OfPathError::NoDisk {
            name: name.to_owned(),
            source,
        })?;
    let no_node = || OfPathError::NoNode {
        name: name.to_owned(),
    };
    let (adapter, node) = adapter(sysfs, &device).ok_or_else(no_node)?;
    let below = device.strip_prefix(&adapter).map_err(|_| no_node())?;
    let suffix = suffix(&adapter, below).ok_or_else(|| OfPathError::UnknownBus {
        name: name.to_owned(),
        driver: driver(&adapter),
    })?;
    Ok(format!("{node}{suffix}"))
}

/// The nearest ancestor with a device-tree node, and that node's path.
fn adapter(sysfs: &Path, device: &Path) -> Option<(PathBuf, String)> {
    let tree = sysfs.join(TREE).canonicalize().ok()?;
    device.ancestors().find_map(|place| {
        let node = place.join("of_node").canonicalize().ok()?;
        let path = node.strip_prefix(&tree).ok()?;
        Some((place.to_owned(), format!("/{}", path.display())))
    })
}

fn driver(adapter: &Path) -> String {
    adapter
        .join("driver")
        .canonicalize()
        .ok()
        .and_then(|path| path.file_name().map(|n| n.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "no driver".to_owned())
}

/// What follows the adapter's node, by the kind of bus.
fn suffix(adapter: &Path, below: &Path) -> Option<String> {
    let parts: Vec<String> = below
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    let first = parts.first()?;
    let scsi = parts.iter().find_map(|part| scsi_address(part));
    match scsi {
        Some(address) if first.starts_with("virtio") => Some(virtio_scsi(address)),
        Some(address) if driver(adapter) == "ibmvscsi" => Some(vscsi(address)),
        Some(_) => None,
        None if first.starts_with("virtio") => Some(String::new()),
        None if first == "nvme" => namespace(parts.last()?),
        None => None,
    }
}

/// Channel, target and LUN of a SCSI device directory `host:channel:target:lun`.
fn scsi_address(name: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = name.split(':');
    let _host: u32 = numbers.next()?.parse().ok()?;
    let mut next = || numbers.next()?.parse().ok();
    let address = (next()?, next()?, next()?);
    numbers.next().is_none().then_some(address)
}

fn vscsi((channel, target, lun): (u64, u64, u64)) -> String {
    format!(
        "/disk@{:x}",
        (0x8000 | target << 8 | channel << 5 | lun) << 48
    )
}

fn virtio_scsi((_, target, lun): (u64, u64, u64)) -> String {
    // LUNs from 256 on use the flat addressing method.
    let flat = if lun > 255 { 0x4000 } else { 0 };
    format!(
        "/disk@{:x}",
        (0x0100_0000 | target << 16 | flat | lun) << 32
    )
}

/// `nvme0n1` is namespace 1.
fn namespace(disk: &str) -> Option<String> {
    let number: u32 = disk.rsplit('n').next()?.parse().ok()?;
    Some(format!("/namespace@{number:x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A recorded machine: device directory, adapter directory, node, driver.
    fn machine(device: &str, adapter: &str, node: &str, driver: &str) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let at = |path: &str| sys.path().join(path);
        fs::create_dir_all(at(device)).unwrap();
        fs::create_dir_all(at("class/block")).unwrap();
        fs::create_dir_all(at(TREE).join(node)).unwrap();
        fs::create_dir_all(at("bus/drivers").join(driver)).unwrap();
        let name = Path::new(device).file_name().unwrap();
        symlink(at(device), at("class/block").join(name)).unwrap();
        symlink(at(TREE).join(node), at(adapter).join("of_node")).unwrap();
        symlink(at("bus/drivers").join(driver), at(adapter).join("driver")).unwrap();
        sys
    }

    #[test]
    fn paths_by_bus() {
        let pci = "devices/pci0000:00/0000:00:01.0";
        let cases = [
            (
                format!("{pci}/virtio0/block/vda"),
                pci,
                "pci@800000020000000/scsi@1",
                "virtio-pci",
                "/pci@800000020000000/scsi@1",
            ),
            (
                "devices/vio/71000003/host0/target0:0:2/0:0:2:0/block/sda".into(),
                "devices/vio/71000003",
                "vdevice/v-scsi@71000003",
                "ibmvscsi",
                "/vdevice/v-scsi@71000003/disk@8200000000000000",
            ),
            (
                format!("{pci}/virtio0/host0/target0:0:3/0:0:3:1/block/sdb"),
                pci,
                "pci@800000020000000/scsi@1",
                "virtio-pci",
                "/pci@800000020000000/scsi@1/disk@103000100000000",
            ),
            (
                format!("{pci}/nvme/nvme0/nvme0n1"),
                pci,
                "pci@800000020000018/nvme@0",
                "nvme",
                "/pci@800000020000018/nvme@0/namespace@1",
            ),
        ];
        for (device, adapter, node, driver, expected) in cases {
            let sys = machine(&device, adapter, node, driver);
            let name = device.rsplit('/').next().unwrap();
            assert_eq!(of_path(sys.path(), name).unwrap(), expected, "{device}");
        }
    }

    #[test]
    fn an_unknown_bus_is_said() {
        let pci = "devices/pci0000:00/0000:00:01.0";
        let disk = format!("{pci}/host0/target0:0:0/0:0:0:0/block/sda");
        let sys = machine(&disk, pci, "pci@1/raid@0", "megaraid_sas");
        let error = of_path(sys.path(), "sda").unwrap_err().to_string();
        assert!(
            error.contains("0590-413") && error.contains("megaraid_sas"),
            "{error}"
        );
        assert!(matches!(
            of_path(sys.path(), "sdz"),
            Err(OfPathError::NoDisk { .. })
        ));
    }
}
