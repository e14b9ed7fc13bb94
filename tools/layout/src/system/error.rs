//! Why a system cannot be described.

use std::io;

use lifeboat_sys::run::RunError;

use super::table::TableError;
use crate::disks::DiskError;

/// The running system cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The disks cannot be looked at.
    #[error(transparent)]
    Disks(DiskError),
    /// `/` lies on no disk: a live system, a container, a network root.
    #[error("0590-270 The root file system lies on no disk of this machine")]
    NoRoot,
    /// There is no such volume group.
    #[error("0590-271 There is no volume group {name} here; present: {present}")]
    NoGroup {
        /// What was asked for.
        name: String,
        /// The groups there are.
        present: String,
    },
    /// LVM does not answer.
    #[error("0590-272 LVM does not say what it has")]
    Lvm(#[source] RunError),
    /// LVM's answer is not understood.
    #[error("0590-273 The reports of LVM cannot be read")]
    LvmReport(#[source] serde_json::Error),
    /// A partition table is damaged.
    #[error("0590-274 The partition table of {disk} cannot be read")]
    Table {
        /// The disk.
        disk: String,
        /// Why.
        #[source]
        source: TableError,
    },
    /// A device cannot be read.
    #[error("0590-275 Cannot read {node}")]
    Read {
        /// Its node.
        node: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The tool that knows the format does not answer.
    #[error("0590-276 Cannot learn how {what} was made")]
    Tool {
        /// What was looked at.
        what: String,
        /// What the tool said.
        #[source]
        source: RunError,
    },
    /// What says how something was made is not understood.
    #[error("0590-277 What {teller} says of {what} is not understood")]
    Strange {
        /// Who says it.
        teller: &'static str,
        /// What was looked at.
        what: String,
    },
}
