//! The phases in which devices are configured, as on AIX.

use std::fmt::{self, Display, Formatter};

use crate::coldplug::Device;
use crate::modules::ModuleIndex;

/// Where the drivers are that a root file system may lie behind, below
/// `kernel/drivers/`.
const STORAGE: [&str; 12] = [
    "ata/",
    "block/",
    "cdrom/",
    "md/",
    "message/",
    "mmc/",
    "nvme/",
    "scsi/",
    "usb/host/",
    "usb/storage/",
    "virtio/",
    "ufs/",
];

/// How far devices are configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// 1: drivers of storage, which is what the root file system needs.
    Boot,
    /// 2: all drivers, then network, multipath, arrays and volume groups.
    #[default]
    Run,
    /// 3, for maintenance: all drivers; nothing is switched on that writes to a disk.
    Service,
}

impl Phase {
    /// AIX's number of it.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Boot),
            2 => Some(Self::Run),
            3 => Some(Self::Service),
            _ => None,
        }
    }

    /// Whether the drivers of a device belong to this phase.
    pub(crate) fn wants(self, device: &Device, index: &ModuleIndex) -> bool {
        self != Self::Boot
            || index
                .matching(&device.modalias)
                .into_iter()
                .filter_map(|name| index.module(name))
                .any(|module| is_storage(&module.path))
    }
}

impl Display for Phase {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boot => "1 (storage)",
            Self::Run => "2 (run time)",
            Self::Service => "3 (service)",
        })
    }
}

/// Whether a module's path is that of a storage driver.
fn is_storage(path: &str) -> bool {
    path.split_once("drivers/")
        .is_some_and(|(_, below)| STORAGE.iter().any(|directory| below.starts_with(directory)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_phase_is_for_drivers_of_disks() {
        for (path, storage) in [
            ("kernel/drivers/scsi/ibmvscsi/ibmvscsi.ko.xz", true),
            ("kernel/drivers/nvme/host/nvme.ko", true),
            ("kernel/drivers/block/virtio_blk.ko", true),
            ("extra/drivers/md/dm-mod.ko", true),
            ("kernel/drivers/net/virtio_net.ko", false),
            ("updates/foo.ko", false),
        ] {
            assert_eq!(is_storage(path), storage, "{path}");
        }
        assert_eq!(Phase::of_number(3), Some(Phase::Service));
        assert_eq!(Phase::of_number(0), None);
    }
}
