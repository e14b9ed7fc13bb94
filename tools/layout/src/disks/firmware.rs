//! What the firmware of this machine can boot from.

use std::path::Path;

use lifeboat_sys::fs::attribute;

/// How QEMU calls its pseries machine; its firmware is SLOF.
const EMULATED: &str = "emulated by qemu";

/// Parts of a disk's path in sysfs by which SLOF has a driver for it: virtio, virtual
/// SCSI, USB. NVMe, SATA and RAID adapters it lists, but cannot open. `PowerVM` and
/// `OpenPOWER` machines boot from all of them.
const SLOF_DRIVERS: [&str; 3] = ["/virtio", "/vio/", "/usb"];

/// Whether a disk can be booted from, by its path in sysfs.
pub(super) fn boots(root: &Path, disk: &Path) -> bool {
    let model = attribute(root.join("proc/device-tree/model")).unwrap_or_default();
    let real = std::fs::canonicalize(disk).unwrap_or_default();
    boots_by(&model, &real.to_string_lossy())
}

fn boots_by(model: &str, path: &str) -> bool {
    !model.contains(EMULATED) || SLOF_DRIVERS.iter().any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slof_has_few_drivers() {
        let slof = "IBM pSeries (emulated by qemu)";
        let pci = "/sys/devices/pci0000:00/0000:00:01.0";
        for (path, wanted) in [
            (format!("{pci}/virtio0/block/vda"), true),
            (
                format!("{pci}/virtio1/host0/target0:0:0/0:0:0:1/block/sda"),
                true,
            ),
            (
                "/sys/devices/vio/71000003/host0/target0:0:0/0:0:0:0/block/sda".to_owned(),
                true,
            ),
            (format!("{pci}/nvme/nvme0/nvme0n1"), false),
            (format!("{pci}/host0/target0:2:0/0:2:0:0/block/sda"), false),
        ] {
            assert_eq!(boots_by(slof, &path), wanted, "{path}");
            assert!(boots_by("IBM,9009-42A", &path));
        }
    }
}
