//! Disk images and the adapters they hang on.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::run::{RunError, Tool};

/// Where a disk is attached. The place decides its Open Firmware path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// virtio-blk in this PCI slot (1 to 31): `/pci@800000020000000/scsi@SLOT`.
    VirtioBlk {
        /// PCI slot.
        slot: u8,
    },
    /// The virtual SCSI adapter `/vdevice/v-scsi@71000003`, target 0 to 7.
    Vscsi {
        /// SCSI target.
        id: u8,
    },
    /// The virtio-scsi adapter in PCI slot 16, target 0 to 7.
    VirtioScsi {
        /// SCSI target.
        id: u8,
    },
    /// An NVMe controller in this PCI slot (1 to 15), which the firmware cannot
    /// boot from.
    Nvme {
        /// PCI slot.
        slot: u8,
    },
}

/// How the bytes of an image file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The disk's bytes as they are.
    Raw,
    /// QEMU's own format, which can lie over a base image.
    Qcow2,
}

impl Format {
    /// QEMU's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// A disk of a machine: an image file and its place.
#[derive(Debug, Clone)]
pub struct Disk {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    pub(crate) bus: Bus,
    /// Further ways to the same disk.
    pub(crate) ways: Vec<Bus>,
    pub(crate) wwn: Option<u64>,
    pub(crate) serial: Option<String>,
    pub(crate) read_only: bool,
    pub(crate) sector: Option<u32>,
    pub(crate) bad_sector: Option<u64>,
}

impl Disk {
    /// An existing image under a name of letters, digits and hyphens that QEMU
    /// and our messages call it by.
    pub fn new(name: &str, path: impl AsRef<Path>, format: Format, bus: Bus) -> Self {
        let path = path.as_ref().to_owned();
        Self {
            name: name.to_owned(),
            path,
            format,
            bus,
            ways: Vec::new(),
            wwn: None,
            serial: None,
            read_only: false,
            sector: None,
            bad_sector: None,
        }
    }

    /// The image file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A SCSI disk that other adapters reach as well, by the same serial number and
    /// world-wide name.
    #[must_use]
    pub fn several_ways(mut self, wwn: u64, ways: &[Bus]) -> Self {
        self.wwn = Some(wwn);
        self.ways = ways.to_vec();
        self
    }

    /// The serial number the guest sees.
    #[must_use]
    pub fn serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = Some(serial.into());
        self
    }

    /// Refuses the guest's writes.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Has sectors of so many bytes in place of 512.
    #[must_use]
    pub fn sector(mut self, bytes: u32) -> Self {
        self.sector = Some(bytes);
        self
    }

    /// Bytes of a sector.
    #[must_use]
    pub fn sector_bytes(&self) -> u64 {
        self.sector.map_or(512, u64::from)
    }

    /// Answers every write to this sector of 512 bytes with an I/O error.
    #[must_use]
    pub fn bad_sector(mut self, sector: u64) -> Self {
        self.bad_sector = Some(sector);
        self
    }
}

/// Makes a blank raw image of so many bytes that takes no space. An image that
/// exists is refused: it may be somebody's.
///
/// # Errors
/// [`FsError`] with the path.
pub fn create_blank(path: &Path, bytes: u64) -> Result<(), FsError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|file| file.set_len(bytes))
        .at("create disk image", path)
}

/// Makes a qcow2 image that starts as the base (whose format is given) and
/// takes the writes. A relative base is looked up beside the overlay.
///
/// # Errors
/// What qemu-img said.
pub fn create_overlay(path: &Path, base: &Path, base_format: Format) -> Result<(), RunError> {
    Tool::new("qemu-img")
        .args([
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            base_format.name(),
            "-b",
        ])
        .args([base, path])
        .run()
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_disk_is_sparse_and_never_replaces_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk.img");
        create_blank(&path, 1 << 32).unwrap();
        let meta = std::fs::metadata(&path).unwrap();
        assert_eq!(meta.len(), 1 << 32);
        assert_eq!(std::os::unix::fs::MetadataExt::blocks(&meta), 0);
        let error = create_blank(&path, 1).unwrap_err();
        assert_eq!(error.source.kind(), std::io::ErrorKind::AlreadyExists);
    }
}
