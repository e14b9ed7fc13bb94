//! What can go wrong while writing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::RunError;

use crate::disks::DiskError;
use crate::gpt::GptError;
use crate::mbr::MbrError;
use crate::plan::PlanError;

/// A plan could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The disks cannot be looked at.
    #[error(transparent)]
    Probe(DiskError),
    /// The plan no longer holds.
    #[error(transparent)]
    Plan(PlanError),
    /// The partition table.
    #[error(transparent)]
    Table(#[from] GptError),
    /// The partition table of a disk with an MBR.
    #[error(transparent)]
    Mbr(#[from] MbrError),
    /// The target is not the disk that the plan was made for.
    #[error("0590-240 {0} changed since the plan was made; nothing was written")]
    Changed(String),
    /// Reading or writing a device failed.
    #[error("0590-241 Cannot {operation} {}", path.display())]
    Device {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The device.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel does not take the new partition table.
    #[error("0590-246 The kernel did not read the new partition table of {path} within {} seconds", limit.as_secs())]
    Reread {
        /// The disk.
        path: String,
        /// How long it was tried.
        limit: Duration,
        /// What it said last.
        #[source]
        source: io::Error,
    },
    /// Device nodes did not appear.
    #[error("0590-247 {0} did not appear with the planned place and size")]
    NoNode(String),
    /// LVM failed.
    #[error("0590-248 Cannot {what}")]
    Lvm {
        /// What was to be done.
        what: String,
        /// What it said.
        #[source]
        source: RunError,
    },
    /// mdadm failed.
    #[error("0590-300 Cannot {what}")]
    Array {
        /// What was to be done.
        what: String,
        /// What it said.
        #[source]
        source: RunError,
    },
    /// cryptsetup failed.
    #[error("0590-304 Cannot {what}")]
    Crypt {
        /// What was to be done.
        what: String,
        /// What it said.
        #[source]
        source: RunError,
    },
    /// Nobody said what opens an encrypted device.
    #[error("0590-305 There is no passphrase for the encrypted device {0}; nothing was written")]
    NoKey(String),
    /// A saved header that is not that of the device.
    #[error(
        "0590-308 {} is not the header of the encrypted device {name}: {why}; nothing was written",
        file.display()
    )]
    ForeignHeader {
        /// The file.
        file: PathBuf,
        /// The device.
        name: String,
        /// In what it differs.
        why: String,
    },
    /// What was given does not open a saved header.
    #[error(
        "0590-309 The passphrase of the encrypted device {name} does not open {}; nothing was written",
        file.display()
    )]
    WrongKey {
        /// The file.
        file: PathBuf,
        /// The device.
        name: String,
    },
    /// A saved header that cannot be tried.
    #[error("0590-317 The header {} cannot be used; nothing was written", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// What cryptsetup said.
        #[source]
        source: RunError,
    },
    /// A saved header that cannot be read.
    #[error(transparent)]
    Read(FsError),
    /// A logical volume of a kind that is not made.
    #[error("0590-306 Logical volume {volume} of type {segment} cannot be made")]
    Kind {
        /// Its name.
        volume: String,
        /// LVM's segment types.
        segment: String,
    },
    /// What was made is not what was asked for.
    #[error("0590-299 {what} should have {wanted}, but has {read}")]
    NotAsPlanned {
        /// What was made.
        what: String,
        /// What was asked for.
        wanted: String,
        /// What is there.
        read: String,
    },
    /// Subvolumes could not be made.
    #[error("0590-307 Cannot {what}")]
    Subvolume {
        /// What was to be done.
        what: String,
        /// What btrfs said.
        #[source]
        source: RunError,
    },
    /// A file system could not be made.
    #[error("0590-249 Cannot make {what}")]
    Mkfs {
        /// What was to be made.
        what: String,
        /// What the program said.
        #[source]
        source: RunError,
    },
    /// What was made is not what is there.
    #[error("0590-250 {what} was made with UUID {wanted}, but the disk says: {read}")]
    ReadBack {
        /// What was made.
        what: String,
        /// The UUID it should have.
        wanted: String,
        /// What was recognised.
        read: String,
    },
    /// A mount point could not be made.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Mounting failed.
    #[error("0590-251 Cannot mount {device} on {}", path.display())]
    Mount {
        /// The device.
        device: String,
        /// The mount point.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Unmounting failed.
    #[error("0590-252 Cannot unmount {}", path.display())]
    Unmount {
        /// The mount point.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl ApplyError {
    /// Whether the target disk may have been written to before this error.
    #[must_use]
    pub fn wrote(&self) -> bool {
        // The targets are opened before the first of them is written.
        !matches!(
            self,
            Self::Probe(_)
                | Self::Plan(_)
                | Self::Changed(_)
                | Self::NoKey(_)
                | Self::ForeignHeader { .. }
                | Self::WrongKey { .. }
                | Self::Header { .. }
                | Self::Read(_)
                | Self::Device {
                    operation: "open",
                    ..
                }
        )
    }
}
