//! Open Firmware paths of disks and network adapters: the names under which the
//! firmware boots from them.
//!
//! The adapter's path is its device-tree node, which sysfs links as `of_node`.
//! What follows depends on the bus:
//!
//! | bus | suffix | source of fact |
//! | --- | --- | --- |
//! | virtio-blk | none | seen with SLOF 20220719 |
//! | vscsi | `disk@` and the 64-bit SRP LUN `8000 \| id<<8 \| bus<<5 \| lun` | PAPR, seen with SLOF |
//! | virtio-scsi | `disk@` and `01` id(8) lun(16) in the upper 32 bits | VIRTIO 1.1, section 5.6.6.1 |
//! | virtual Fibre Channel | `disk@`, the port's name, a comma, the 64-bit SAM LUN | `PowerVM` boot lists |
//! | NVMe | `namespace@` and the namespace's number | `PowerVM` boot lists |
//! | SAS (ipr) | `sas/disk@` and the device's number in the adapter | `PowerVM` boot lists |
//! | AHCI | `disk@` and the port, the first is 0 | IEEE 1275 binding for ATA |
//! | network | none, or `:` and arguments | IEEE 1275 TFTP booting extension |
//!
//! Other buses (`mpt3sas`, `megaraid_sas`, USB) are refused by the name of their
//! driver: nobody has written down how the firmware calls their disks.

mod disk;
mod network;
mod unit;

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::attribute;

pub use disk::{Route, kernel_name, of_path, routes};
pub use network::{Call, network};
pub use unit::{same, without_arguments};

/// Where device-tree nodes are in sysfs.
pub(crate) const TREE: &str = "firmware/devicetree/base";

/// Why a device has no path that we can name.
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
    /// The device hangs on nothing that the firmware knows.
    #[error("0590-412 The adapter of {name} is not in the firmware's device tree")]
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
    /// No such network interface.
    #[error("0590-414 There is no network interface {name}")]
    NoInterface {
        /// Kernel name, as `eth0`.
        name: String,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
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

/// The name of what drives an adapter.
fn driver(adapter: &Path) -> String {
    adapter
        .join("driver")
        .canonicalize()
        .ok()
        .and_then(|path| path.file_name().map(|n| n.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "no driver".to_owned())
}

/// A number in hexadecimal, as sysfs writes it with `0x` in front.
fn hexadecimal(path: impl AsRef<Path>) -> Option<u64> {
    let text = attribute(path)?;
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests;
