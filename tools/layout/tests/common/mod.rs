//! The demo system and disks for it.

#![allow(dead_code, reason = "every test file uses a part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

pub mod recording;
pub mod scene;

use std::path::Path;

use lifeboat_layout::disks::{Disk, DiskPartition, Group, PhysicalVolume};
use lifeboat_layout::model::Model;
use lifeboat_layout::signature::{Found, Signature};
use lifeboat_layout::size::MB;
use lifeboat_stanza::Document;

/// `image.data` of the demo system.
pub const DEMO: &str = include_str!("../../../../image-build/demo/image.data");

/// `bosinst.data` of the demo system.
pub const DEMO_BOSINST: &str = include_str!("../../../../image-build/demo/bosinst.data");

/// The model of the demo system.
pub fn demo() -> Model {
    Model::from_document(&Document::parse(DEMO).unwrap()).unwrap()
}

/// The demo system after a change of its `image.data`.
pub fn demo_with(from: &str, to: &str) -> Result<Model, lifeboat_layout::model::ModelError> {
    assert!(DEMO.contains(from), "the demo does not say {from:?}");
    Model::from_document(&Document::parse(&DEMO.replace(from, to)).unwrap())
}

/// `VG.data` of a volume group on its own.
pub const DATAVG: &str = include_str!("datavg.data");

/// The model of that volume group.
pub fn datavg() -> Model {
    Model::from_group_document(&Document::parse(DATAVG).unwrap()).unwrap()
}

/// That volume group after a change of its `VG.data`.
pub fn datavg_with(from: &str, to: &str) -> Result<Model, lifeboat_layout::model::ModelError> {
    assert!(DATAVG.contains(from), "the group does not say {from:?}");
    let text = DATAVG.replacen(from, to, 1);
    Model::from_group_document(&Document::parse(&text).unwrap())
}

/// Compares with a file, or writes it when `UPDATE_GOLDEN` is set.
pub fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, wanted, "{name} differs from what it was");
}

fn signature(found: Found) -> Signature {
    Signature { found, uuid: None }
}

/// A blank disk: number 0 is vda in PCI slot 1, and so on.
pub fn blank(number: u8, mb: u64) -> Disk {
    Disk {
        name: format!("vd{}", char::from(b'a' + number)),
        hdisk: format!("hdisk{number}"),
        size: mb * MB,
        sector: 512,
        read_only: false,
        serial: Some(format!("SERIAL{number}")),
        wwid: None,
        location: format!("pci0000:00/0000:00:{:02x}.0", number + 1),
        signature: signature(Found::Empty),
        partitions: Vec::new(),
        physical_volumes: Vec::new(),
        paths: Vec::new(),
        bootable: true,
        in_use: None,
    }
}

/// A disk with one ext4 partition.
pub fn with_data(number: u8, mb: u64) -> Disk {
    let mut disk = blank(number, mb);
    disk.signature = signature(Found::Gpt);
    disk.partitions.push(DiskPartition {
        name: format!("{}1", disk.name),
        number: 1,
        start: MB,
        size: disk.size - 2 * MB,
        signature: signature(Found::Ext),
    });
    disk
}

/// A disk with PReP and a volume group.
pub fn with_group(number: u8, mb: u64, group: &str) -> Disk {
    let mut disk = blank(number, mb);
    disk.signature = signature(Found::Gpt);
    for (part, start, size, found) in [
        (1, MB, 8 * MB, Found::Unknown),
        (2, 9 * MB, disk.size - 10 * MB, Found::Lvm),
    ] {
        let name = format!("{}{part}", disk.name);
        disk.partitions.push(DiskPartition {
            name,
            number: part,
            start,
            size,
            signature: signature(found),
        });
    }
    disk.physical_volumes.push(PhysicalVolume {
        device: format!("/dev/{}2", disk.name),
        uuid: format!("PV-OF-{}", disk.name),
        group: Some(Group {
            name: group.to_owned(),
            uuid: format!("VG-OF-{}", disk.name),
        }),
        tags: Vec::new(),
    });
    disk
}

/// Whether the host has a program to judge by; says so if not.
pub fn have(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|dir| dir.join(tool).is_file());
    if !there {
        println!("not judged: {tool} is not installed");
    }
    there
}
