//! Paths of disks.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::attribute;

use super::{OfPathError, adapter, driver, hexadecimal};

/// How the device mapper calls the maps of multipath-tools.
const MULTIPATH: &str = "mpath-";

/// One way from the firmware to a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The Open Firmware path of the disk.
    pub path: String,
    /// The part of it that names the adapter.
    pub adapter: String,
    /// The kernel's name of the disk by this way, as `sda`.
    pub name: String,
}

/// Open Firmware path of a disk, by the first of its ways.
///
/// `sysfs` is `/sys` (or a recorded tree), `name` the kernel name of a disk such
/// as `vda`.
///
/// # Errors
/// As [`routes`].
pub fn of_path(sysfs: &Path, name: &str) -> Result<String, OfPathError> {
    let mut routes = routes(sysfs, name)?.into_iter();
    let first = routes.next().ok_or_else(|| no_node(name))?;
    Ok(first.path)
}

/// The kernel's name of a disk that was named as `sda`, `/dev/sda`, or by its
/// multipath name.
#[must_use]
pub fn kernel_name(sysfs: &Path, given: &str) -> String {
    let name = ["/dev/mapper/", "/dev/"]
        .iter()
        .find_map(|prefix| given.strip_prefix(prefix))
        .unwrap_or(given);
    let blocks = sysfs.join("class/block");
    if blocks.join(name).exists() {
        return name.to_owned();
    }
    let entries = std::fs::read_dir(blocks).into_iter().flatten().flatten();
    entries
        .filter(|entry| attribute(entry.path().join("dm/name")).as_deref() == Some(name))
        .find_map(|entry| entry.file_name().into_string().ok())
        .unwrap_or_else(|| name.to_owned())
}

/// All ways to a disk: one each for the paths of a multipath device and for the
/// controllers of an NVMe subsystem. A partition stands for its disk.
///
/// # Errors
/// [`OfPathError`] when there is no such disk or its bus is not known.
pub fn routes(sysfs: &Path, name: &str) -> Result<Vec<Route>, OfPathError> {
    let mut device = sysfs
        .join("class/block")
        .join(name)
        .canonicalize()
        .map_err(|source| OfPathError::NoDisk {
            name: name.to_owned(),
            source,
        })?;
    if device.join("partition").exists() {
        device.pop();
    }
    let is_multipath =
        attribute(device.join("dm/uuid")).is_some_and(|uuid| uuid.starts_with(MULTIPATH));
    if is_multipath {
        let mut all = Vec::new();
        for path in std::fs::read_dir(device.join("slaves"))
            .into_iter()
            .flatten()
        {
            let path = path.map_err(|source| OfPathError::NoDisk {
                name: name.to_owned(),
                source,
            })?;
            all.extend(routes(sysfs, &path.file_name().to_string_lossy())?);
        }
        // The kernel lists them in the order of discovery.
        all.sort_by(|a, b| a.path.cmp(&b.path));
        return Ok(all);
    }
    let places = beside_controllers(&device).unwrap_or_else(|| vec![device]);
    places
        .iter()
        .map(|place| route(sysfs, place, name))
        .collect()
}

fn no_node(name: &str) -> OfPathError {
    OfPathError::NoNode {
        name: name.to_owned(),
    }
}

fn route(sysfs: &Path, device: &Path, name: &str) -> Result<Route, OfPathError> {
    let (adapter, node) = adapter(sysfs, device).ok_or_else(|| no_node(name))?;
    let below = device.strip_prefix(&adapter).map_err(|_| no_node(name))?;
    let suffix = suffix(sysfs, &adapter, below, device).ok_or_else(|| OfPathError::UnknownBus {
        name: name.to_owned(),
        driver: driver(&adapter),
    })?;
    Ok(Route {
        path: format!("{node}{suffix}"),
        adapter: node,
        name: name.to_owned(),
    })
}

/// A namespace that several NVMe controllers may reach hangs on none of them; the
/// subsystem, its parent, links all. It gets a place beside each.
fn beside_controllers(namespace: &Path) -> Option<Vec<PathBuf>> {
    let subsystem = namespace.parent()?;
    let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    if !name(subsystem)?.starts_with("nvme-subsys") {
        return None;
    }
    let number = |path: &PathBuf| name(path)?.strip_prefix("nvme")?.parse::<u32>().ok();
    let entries = std::fs::read_dir(subsystem).ok()?;
    let mut controllers: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| number(path).is_some())
        .collect();
    controllers.sort_by_key(number);
    controllers
        .iter()
        .map(|path| Some(path.canonicalize().ok()?.join(namespace.file_name()?)))
        .collect()
}

/// What follows the adapter's node, by the kind of bus.
fn suffix(sysfs: &Path, adapter: &Path, below: &Path, device: &Path) -> Option<String> {
    let parts: Vec<String> = below
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    let first = parts.first()?;
    let scsi = parts.iter().find_map(|part| scsi_address(part));
    let Some(address) = scsi else {
        return match first.as_str() {
            "nvme" => namespace(sysfs, parts.last()?),
            _ if first.starts_with("virtio") => Some(String::new()),
            _ => None,
        };
    };
    if first.starts_with("virtio") {
        return Some(virtio_scsi(address));
    }
    match driver(adapter).as_str() {
        "ibmvscsi" => Some(vscsi(address)),
        "ibmvfc" => {
            let target = parts.iter().find(|part| part.starts_with("target"))?;
            fibre_channel(sysfs, target, address)
        }
        "ipr" => sas(device),
        "ahci" => ata(sysfs, first, address),
        _ => None,
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
pub(super) fn fibre_channel(
    sysfs: &Path,
    target: &str,
    (.., lun): (u64, u64, u64),
) -> Option<String> {
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

/// An ipr adapter numbers its disks and arrays itself; the driver shows the number.
/// (Little-endian kernels before 4.5 show its bytes turned round.)
fn sas(block: &Path) -> Option<String> {
    let device = block.parent()?.parent()?;
    Some(format!(
        "/sas/disk@{:x}",
        hexadecimal(device.join("device_id"))?
    ))
}

/// `ata3` counts over all adapters; `port_no` is the port's number, from 1.
fn ata(sysfs: &Path, port: &str, (channel, target, lun): (u64, u64, u64)) -> Option<String> {
    let number = attribute(sysfs.join("class/ata_port").join(port).join("port_no"))?;
    let port: u32 = number.parse().ok()?;
    // Behind a port multiplier there are several.
    let alone = (channel, target, lun) == (0, 0, 0);
    alone.then(|| port.checked_sub(1).map(|port| format!("/disk@{port:x}")))?
}

/// The number is that of the namespace in its subsystem; older kernels do not tell
/// it, and called `nvme0n1` what was namespace 1.
fn namespace(sysfs: &Path, disk: &str) -> Option<String> {
    let told = attribute(sysfs.join("class/block").join(disk).join("nsid"));
    let number = told.as_deref().or_else(|| disk.rsplit('n').next())?;
    let number: u32 = number.parse().ok()?;
    Some(format!("/namespace@{number:x}"))
}
