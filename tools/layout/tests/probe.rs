//! Disks as found in a sysfs that was made for the test.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use lifeboat_layout::disks::{Content, Disk, probe};
use lifeboat_layout::plan::{Settings, plan};
use lifeboat_layout::signature::{Found, HEAD};
use lifeboat_layout::size::MB;
use lifeboat_layout::{blank, gpt};

/// A machine: `sys`, `proc` and `dev` below a directory.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            root: tempfile::tempdir().unwrap(),
        };
        for dir in ["sys/block", "sys/devices", "proc/self", "dev"] {
            fs::create_dir_all(machine.path(dir)).unwrap();
        }
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn file(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A block device at this place below `sys/devices`, with these attributes.
    fn device(&self, place: &str, mb: u64, attributes: &[(&str, &str)]) {
        let name = place.rsplit('/').next().unwrap();
        let device = Path::new("sys/devices").join(place);
        self.file(device.join("size"), format!("{}\n", mb * 2048));
        for (attribute, value) in attributes {
            self.file(device.join(attribute), format!("{value}\n"));
        }
        symlink(
            self.root.path().join(&device),
            self.path("sys/block").join(name),
        )
        .unwrap();
        let node = fs::File::create(self.path("dev").join(name)).unwrap();
        node.set_len(mb * MB).unwrap();
    }

    fn disks(&self) -> Vec<Disk> {
        probe(self.root.path()).unwrap()
    }
}

const VDA: &str = "pci0000:00/0000:00:02.0/virtio1/block/vda";
const VDB: &str = "pci0000:00/0000:00:01.0/virtio0/block/vdb";
const SDA: &str = "vio/71000003/host0/target0:0:2/0:0:2:0/block/sda";

fn with_device<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("device/x", "")], more].concat()
}

#[test]
fn disks_are_numbered_by_place_and_the_rest_is_left_out() {
    let machine = Machine::new();
    machine.device(
        VDA,
        4096,
        &with_device(&[("serial", "A1"), ("queue/logical_block_size", "4096")]),
    );
    machine.device(VDB, 64, &with_device(&[("ro", "1")]));
    machine.device(
        SDA,
        64,
        &with_device(&[("device/wwid", "naa.5000"), ("device/type", "0")]),
    );
    machine.file(
        Path::new("sys/devices").join(SDA).join("device/vpd_pg80"),
        b"\0\x80\0\x06  S42 ",
    );
    machine.device(
        "vio/71000003/host0/target0:0:3/0:0:3:0/block/sr0",
        40,
        &with_device(&[("device/type", "5")]),
    );
    machine.device(
        "pci0/usb1/1-1/host1/target1:0:0/1:0:0:0/block/sdb",
        40,
        &with_device(&[("removable", "1")]),
    );
    machine.device("virtual/block/loop0", 40, &[]);
    machine.device(
        "pci0000:00/0000:00:05.0/virtio9/block/vdz",
        0,
        &with_device(&[]),
    );
    let disks = machine.disks();
    let names: Vec<_> = disks
        .iter()
        .map(|d| (d.hdisk.as_str(), d.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [("hdisk0", "vdb"), ("hdisk1", "vda"), ("hdisk2", "sda")]
    );
    assert!(disks[0].read_only && !disks[1].read_only);
    assert_eq!((disks[1].size, disks[1].sector), (4096 * MB, 4096));
    assert_eq!(disks[1].serial.as_deref(), Some("A1"));
    assert_eq!(disks[1].location, "pci0000:00/0000:00:02.0");
    assert_eq!(disks[2].serial.as_deref(), Some("S42"));
    assert_eq!(disks[2].wwid.as_deref(), Some("naa.5000"));
    assert!(
        disks
            .iter()
            .all(|d| d.content() == Content::Empty && d.in_use.is_none())
    );
}

#[test]
fn an_interrupted_restore_is_recognised_from_the_first_write_on() {
    let machine = Machine::new();
    machine.device(VDA, 4096, &with_device(&[]));
    let plan = plan(&common::demo(), &machine.disks(), &Settings::default()).unwrap();
    let target = &plan.targets[0];
    let mut disk = fs::File::options()
        .read(true)
        .write(true)
        .open(machine.path("dev/vda"))
        .unwrap();
    blank::mark(&mut disk, true).unwrap();
    assert_eq!(machine.disks()[0].content(), Content::Unfinished);
    blank::clear(target, &mut disk).unwrap();
    assert_eq!(machine.disks()[0].content(), Content::Unfinished);
    gpt::write(target, &mut disk).unwrap();
    for partition in &target.partitions {
        let name = partition.device.trim_start_matches("/dev/");
        let place = Path::new("sys/devices").join(VDA).join(name);
        machine.file(place.join("partition"), partition.number.to_string());
        machine.file(place.join("start"), (partition.start / 512).to_string());
        machine.file(place.join("size"), (partition.size / 512).to_string());
        let mut head = vec![0; HEAD];
        disk.read_exact_at(&mut head, partition.start).unwrap();
        machine.file(Path::new("dev").join(name), head);
    }
    let found = &machine.disks()[0];
    assert_eq!(found.signature.found, Found::Unfinished);
    assert_eq!(found.content(), Content::Unfinished);
    assert_eq!(found.partitions[2].start, target.partitions[2].start);
    // The boot record replaces the mark of PReP; that of the disk goes last.
    machine.file("dev/vda1", b"\x7fELF");
    assert_eq!(machine.disks()[0].content(), Content::Unfinished);
    blank::mark(&mut disk, false).unwrap();
    let found = &machine.disks()[0];
    assert_eq!(found.signature.found, Found::Gpt);
    assert_eq!(found.content(), Content::Data);
}

#[test]
fn use_is_seen_through_partitions_and_logical_volumes() {
    let mounted = "36 35 253:5 / /source rw,relatime shared:1 - ext4 /dev/mapper/vg-lv rw\n";
    let swap = "Filename\tType\tSize\tUsed\tPriority\n/dev/vda1 partition 1 0 -2\n";
    for (mountinfo, swaps, uuid, used) in [
        ("", "", "LVM-abc", None),
        (mounted, "", "LVM-abc", Some("mounted on /source")),
        ("", swap, "LVM-abc", Some("used as swap")),
        ("", "", "CRYPT-abc", Some("held by dm-5")),
    ] {
        let machine = Machine::new();
        machine.device(VDA, 64, &with_device(&[("dev", "252:0")]));
        machine.device(
            "virtual/block/dm-5",
            32,
            &[("dev", "253:5"), ("dm/uuid", uuid)],
        );
        let part = Path::new("sys/devices").join(VDA).join("vda1");
        for (file, value) in [
            ("partition", "1"),
            ("start", "2048"),
            ("size", "2048"),
            ("dev", "252:1"),
        ] {
            machine.file(part.join(file), value);
        }
        machine.file("dev/vda1", b"");
        machine.file(part.join("holders/dm-5"), b"");
        machine.file("proc/self/mountinfo", mountinfo);
        machine.file("proc/swaps", swaps);
        let disks = machine.disks();
        assert_eq!(disks.len(), 1);
        assert_eq!(disks[0].in_use.as_deref(), used);
    }
}

#[test]
fn a_disk_that_cannot_be_read_may_hold_anything() {
    let machine = Machine::new();
    machine.device(VDA, 64, &with_device(&[]));
    fs::remove_file(machine.path("dev/vda")).unwrap();
    assert_eq!(machine.disks()[0].content(), Content::Data);
}

#[test]
fn a_machine_without_sysfs_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = probe(dir.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "0590-210 Cannot list the disks of this machine"
    );
}
