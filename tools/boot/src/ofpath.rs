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
//! | virtual Fibre Channel | `disk@`, the port's name, a comma, the 64-bit SAM LUN | PowerVM boot lists |
//! | NVMe | `namespace@` and the namespace number | PowerVM boot lists |

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::attribute;

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
    let device = beside_controller(&device).unwrap_or(device);
    let (adapter, node) = adapter(sysfs, &device).ok_or_else(no_node)?;
    let below = device.strip_prefix(&adapter).map_err(|_| no_node())?;
    let suffix = suffix(sysfs, &adapter, below).ok_or_else(|| OfPathError::UnknownBus {
        name: name.to_owned(),
        driver: driver(&adapter),
    })?;
    Ok(format!("{node}{suffix}"))
}

/// A namespace that several NVMe controllers may reach hangs on none of them; the
/// subsystem, its parent, links all. It gets a place beside the first.
fn beside_controller(namespace: &Path) -> Option<PathBuf> {
    let subsystem = namespace.parent()?;
    let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    if !name(subsystem)?.starts_with("nvme-subsys") {
        return None;
    }
    let number = |path: &PathBuf| name(path)?.strip_prefix("nvme")?.parse::<u32>().ok();
    let entries = std::fs::read_dir(subsystem).ok()?;
    let controllers = entries.flatten().map(|entry| entry.path());
    let first = controllers
        .filter(|path| number(path).is_some())
        .min_by_key(number)?;
    Some(first.canonicalize().ok()?.join(namespace.file_name()?))
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
fn suffix(sysfs: &Path, adapter: &Path, below: &Path) -> Option<String> {
    let parts: Vec<String> = below
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    let first = parts.first()?;
    let scsi = parts.iter().find_map(|part| scsi_address(part));
    match scsi {
        Some(address) if first.starts_with("virtio") => Some(virtio_scsi(address)),
        Some(address) if driver(adapter) == "ibmvscsi" => Some(vscsi(address)),
        Some(address) if driver(adapter) == "ibmvfc" => {
            let target = parts.iter().find(|part| part.starts_with("target"))?;
            fibre_channel(sysfs, target, address)
        }
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

/// The kernel's LUN has the first two bytes of the bus' LUN at its low end.
fn fibre_channel(sysfs: &Path, target: &str, (.., lun): (u64, u64, u64)) -> Option<String> {
    let name = attribute(
        sysfs
            .join("class/fc_transport")
            .join(target)
            .join("port_name"),
    )?;
    let port = name.trim_start_matches("0x").to_owned();
    let lun = (0..4).fold(0, |all, at| {
        all | (lun >> (16 * at) & 0xffff) << (48 - 16 * at)
    });
    Some(format!("/disk@{port},{lun:x}"))
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
    fn a_virtual_fibre_channel_disk_is_named_by_port_and_lun() {
        let adapter = "devices/vio/30000004";
        let disk = format!("{adapter}/host1/rport-1:0-0/target1:0:0/1:0:0:6/block/sdc");
        let sys = machine(&disk, adapter, "vdevice/vfc-client@30000004", "ibmvfc");
        let port = sys.path().join("class/fc_transport/target1:0:0");
        fs::create_dir_all(&port).unwrap();
        fs::write(port.join("port_name"), "0x50060e8015341309\n").unwrap();
        assert_eq!(
            of_path(sys.path(), "sdc").unwrap(),
            "/vdevice/vfc-client@30000004/disk@50060e8015341309,6000000000000"
        );
        let wide = fibre_channel(sys.path(), "target1:0:0", (0, 0, 0x0005_4001));
        assert_eq!(wide.unwrap(), "/disk@50060e8015341309,4001000500000000");
    }

    #[test]
    fn a_namespace_of_a_subsystem_is_named_by_its_first_controller() {
        let pci = "devices/pci0001:01/0001:01:00.0";
        let subsystem = "devices/virtual/nvme-subsystem/nvme-subsys0";
        let controller = format!("{pci}/nvme/nvme0");
        let sys = machine(
            &format!("{controller}/nvme0c0n1"),
            pci,
            "pci@800000020000015/nvme@0",
            "nvme",
        );
        let at = |path: &str| sys.path().join(path);
        fs::create_dir_all(at(subsystem).join("nvme0n1")).unwrap();
        symlink(at(&controller), at(subsystem).join("nvme0")).unwrap();
        symlink(at(subsystem).join("nvme0n1"), at("class/block/nvme0n1")).unwrap();
        assert_eq!(
            of_path(sys.path(), "nvme0n1").unwrap(),
            "/pci@800000020000015/nvme@0/namespace@1"
        );
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
