//! A system of RHEL 9 and a disk to restore it to.

#![allow(dead_code, reason = "every test file uses a part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;
use std::path::Path;

use lifeboat_layout::disks::Disk;
use lifeboat_layout::model::Model;
use lifeboat_layout::plan::{Plan, Settings, plan};
use lifeboat_layout::signature::{Found, Signature};
use lifeboat_layout::size::MB;
use lifeboat_stanza::Document;

const RHEL: &str = include_str!("../data/rhel9.image.data");

/// UUID of `/`.
pub const ROOT: &str = "00000000-0000-4000-8000-000000000001";
/// UUID of `/boot`.
pub const BOOT: &str = "00000000-0000-4000-8000-000000000002";
/// UUID of the swap space.
pub const SWAP: &str = "00000000-0000-4000-8000-000000000003";

/// What `image.data` says of it.
pub fn model() -> Model {
    Model::from_document(&Document::parse(RHEL).unwrap()).unwrap()
}

/// A virtio disk: nothing about it is as it was.
pub fn target() -> Disk {
    Disk {
        name: "vda".into(),
        hdisk: "hdisk0".into(),
        size: 20480 * MB,
        sector: 512,
        read_only: false,
        serial: None,
        wwid: None,
        location: "pci0000:00/0000:00:01.0".into(),
        signature: Signature {
            found: Found::Empty,
            uuid: None,
        },
        partitions: Vec::new(),
        physical_volumes: Vec::new(),
        paths: Vec::new(),
        bootable: true,
        in_use: None,
    }
}

/// The plan onto that disk.
pub fn planned(settings: &Settings) -> Plan {
    plan(&model(), &[target()], settings).unwrap()
}

/// A file below a root.
pub fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap()
}
