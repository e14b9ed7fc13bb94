//! The disks of this machine and what is on them. Nothing here writes.

mod firmware;
pub(crate) mod location;
mod lvm;
mod paths;
mod probe;
mod usage;
mod volumes;

pub use lvm::{Group, PhysicalVolume, parse_report};
pub(crate) use probe::read_signature;
pub use probe::{inventory, present, probe};
pub use volumes::{OtherVolume, volumes};

use std::fmt;

use serde::Serialize;

use crate::signature::{Found, Signature};
use crate::size::mb;

/// The tag that a volume group carries while a restore into it runs.
pub const RESTORING: &str = "lifeboat_restoring";

/// Disks could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The kernel's list of disks cannot be read.
    #[error("0590-210 Cannot list the disks of this machine")]
    List(#[source] lifeboat_sys::fs::FsError),
    /// LVM cannot say what is on the disks.
    #[error("0590-211 Cannot list the physical volumes")]
    Pvs(#[source] lifeboat_sys::run::RunError),
    /// LVM's report is not understood.
    #[error("0590-212 The report of lvm pvs cannot be read")]
    Report(#[source] serde_json::Error),
}

/// A disk that could be a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// The kernel's name: `vda`.
    pub name: String,
    /// `hdisk0`, numbered by location.
    pub hdisk: String,
    /// Bytes.
    pub size: u64,
    /// Bytes of a logical sector.
    pub sector: u32,
    /// The kernel will not write to it.
    pub read_only: bool,
    /// Serial number.
    pub serial: Option<String>,
    /// World-wide identifier.
    pub wwid: Option<String>,
    /// Place in the machine: the part of its device path in sysfs that does not
    /// depend on the order in which drivers found things.
    pub location: String,
    /// What lies on the whole disk.
    pub signature: Signature,
    /// Its partitions.
    pub partitions: Vec<DiskPartition>,
    /// LVM physical volumes on it or on its partitions.
    pub physical_volumes: Vec<PhysicalVolume>,
    /// The kernel's names of further paths to the same disk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Whether the firmware can boot from it.
    pub bootable: bool,
    /// Why nothing may be written to it now: "mounted on /mnt".
    pub in_use: Option<String>,
}

/// A partition as the kernel sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiskPartition {
    /// The kernel's name: `vda1`.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// What lies on it.
    pub signature: Signature,
}

/// The disks, and what LVM has on anything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The disks.
    pub disks: Vec<Disk>,
    /// Physical volumes on arrays, mapped and removable devices: never targets, but
    /// the names of their groups are taken.
    pub elsewhere: Vec<PhysicalVolume>,
}

/// What a disk holds, as far as choosing a target goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A restore that did not end.
    Unfinished,
    /// Data, perhaps.
    Data,
}

impl Disk {
    /// What it holds.
    #[must_use]
    pub fn content(&self) -> Content {
        let tagged = self
            .physical_volumes
            .iter()
            .any(|pv| pv.tags.iter().any(|tag| tag == RESTORING));
        let parts = self.partitions.iter().map(|p| &p.signature);
        let marked = std::iter::once(&self.signature)
            .chain(parts)
            .any(|signature| signature.found == Found::Unfinished);
        if tagged || marked {
            return Content::Unfinished;
        }
        if self.signature.found == Found::Empty {
            Content::Empty
        } else {
            Content::Data
        }
    }

    /// Whether a kernel's name is that of the disk, of one of its partitions, or of
    /// the same through another path.
    fn is_or_has(&self, name: &str) -> bool {
        let partition = |disk: &str| {
            let rest = name.strip_prefix(disk)?;
            let number = rest.strip_prefix('p').unwrap_or(rest);
            (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(())
        };
        let path = |path: &String| path == name || partition(path).is_some();
        self.name == name
            || self.partitions.iter().any(|p| p.name == name)
            || self.paths.iter().any(path)
    }

    /// Whether it carries a volume group of this name.
    #[must_use]
    pub fn carries(&self, group: &str) -> bool {
        self.groups().any(|name| name == group)
    }

    /// The volume groups with a physical volume here, each once.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let name = |pv: &'_ PhysicalVolume| pv.group.as_ref().map(|group| group.name.clone());
        let all: Vec<_> = self.physical_volumes.iter().map(name).collect();
        self.physical_volumes
            .iter()
            .enumerate()
            .filter_map(move |(index, pv)| {
                let group = pv.group.as_ref()?;
                let seen = all[..index].contains(&Some(group.name.clone()));
                (!seen).then_some(group.name.as_str())
            })
    }

    /// What is on it, for a person: "GPT: vda1 empty, vda2 ext file system".
    #[must_use]
    pub fn describe_content(&self) -> String {
        let mut text = self.signature.found.to_string();
        let parts: Vec<String> = self
            .partitions
            .iter()
            .map(|p| format!("{} {}", p.name, p.signature.found))
            .collect();
        if !parts.is_empty() {
            text = format!("{text}: {}", parts.join(", "));
        }
        let groups: Vec<&str> = self.groups().collect();
        if !groups.is_empty() {
            text = format!("{text}; volume group {}", groups.join(", "));
        }
        if self.content() == Content::Unfinished {
            text = format!("a restore that did not end ({text})");
        }
        text
    }
}

/// "hdisk0 (vda), 4096 MB".
impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.hdisk, self.name)?;
        self.paths
            .iter()
            .try_for_each(|path| write!(f, " {path}"))?;
        write!(f, "), {} MB", mb(self.size))
    }
}
