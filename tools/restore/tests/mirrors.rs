//! The files of a system with md arrays and encrypted devices, when it comes onto a
//! single disk.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fs;

use common::{BOOT, model, planned, read};
use lifeboat_layout::model::{Array, Model, Place, SourceDisk, Table};
use lifeboat_layout::plan::{Pair, Plan, PlannedCrypt, Settings, Stacked};
use lifeboat_restore::references::rewrite;

const LUKS: &str = "abcdef00-0000-4000-8000-00000000abcd";
const NEW_LUKS: &str = "abcdef00-0000-4000-8000-00000000ffff";

/// `/boot` on a mirror of two disks.
fn mirrored() -> Model {
    let mut model = model();
    let member = |disk: &str| Place::Partition {
        disk: disk.into(),
        number: 2,
    };
    let second = SourceDisk {
        name: "hdisk1".into(),
        serial: Some("SECOND99".into()),
        table: Table::None,
        ..model.disks[0].clone()
    };
    let mut half = model.partitions[1].clone();
    half.disk = "hdisk1".into();
    half.uuid = Some("00000000-0000-4000-8000-000000002002".parse().unwrap());
    model.partitions.push(half);
    model.disks.push(SourceDisk {
        wwid: None,
        ..second
    });
    model.arrays.push(Array {
        name: "boot".into(),
        level: "raid1".into(),
        metadata: "1.2".into(),
        uuid: Some("0badcafe:00000000:00000000:00000511".into()),
        label: Some("host:boot".into()),
        size: 1 << 30,
        width: 2,
        members: vec![member("hdisk0"), member("hdisk1")],
        spares: Vec::new(),
        chunk: 0,
        layout: None,
        bitmap: None,
    });
    let boot = model.file_systems.iter_mut().find(|fs| fs.uuid == BOOT);
    boot.unwrap().place = Place::Array("boot".into());
    model
}

/// The mirror is not made again, and an encrypted device has a new header.
fn single() -> Plan {
    let mut plan = planned(&Settings::default());
    let second = mirrored().disks.remove(1);
    plan.pairs.push(Pair {
        source: second,
        target: None,
        why: "no disk takes its place".into(),
    });
    plan.stack.push(Stacked::Crypt(PlannedCrypt {
        name: "secret".into(),
        device: "/dev/mapper/secret".into(),
        under: "/dev/vda4".into(),
        version: 2,
        uuid: NEW_LUKS.into(),
        old_uuid: LUKS.into(),
        label: None,
        subsystem: None,
        cipher: "aes-xts-plain64".into(),
        key_bits: 512,
        hash: None,
        sector: 512,
        offset: 16 << 20,
        pbkdf: None,
        cost: None,
        flags: Vec::new(),
        integrity: None,
        size: 1 << 30,
        old_size: 1 << 30,
        key_file: None,
        options: None,
    }));
    plan
}

#[test]
fn nothing_waits_for_the_other_half() {
    let root = tempfile::tempdir().unwrap();
    let files = [
        (
            "etc/mdadm/mdadm.conf",
            "HOMEHOST <system>\nARRAY /dev/md/boot metadata=1.2 UUID=0badcafe:00000000:00000000:00000511 name=host:boot\n".to_owned(),
            "HOMEHOST <system>\n# Lifeboat, the array boot is not made again: ARRAY /dev/md/boot metadata=1.2 UUID=0badcafe:00000000:00000000:00000511 name=host:boot\n".to_owned(),
        ),
        (
            "etc/default/grub",
            format!("GRUB_CMDLINE_LINUX=\"rd.md.uuid=0badcafe:00000000:00000000:00000511 rd.luks.uuid=luks-{LUKS} quiet\"\n"),
            format!("GRUB_CMDLINE_LINUX=\"rd.luks.uuid=luks-{NEW_LUKS} quiet\"\n"),
        ),
        (
            "etc/crypttab",
            format!("secret UUID={LUKS} none luks,discard\nother /dev/disk/by-id/virtio-SECOND99-part7 none luks\n"),
            format!("secret UUID={NEW_LUKS} none luks,discard\nother /dev/disk/by-id/virtio-SECOND99-part7 none luks,nofail\n"),
        ),
        (
            "etc/fstab",
            "/dev/mapper/rhel-root / xfs defaults 0 0\n/dev/md/boot /boot xfs defaults 0 0\n/dev/mapper/rhel-swap none swap sw 0 0\nPARTUUID=00000000-0000-4000-8000-000000002002 /half ext4 ro 0 0\n/dev/mapper/secret /secret ext4 defaults 0 2\n".to_owned(),
            format!("/dev/mapper/rhel-root / xfs defaults 0 0\nUUID={BOOT} /boot xfs defaults 0 0\n/dev/mapper/rhel-swap none swap sw 0 0\nPARTUUID=00000000-0000-4000-8000-000000002002 /half ext4 ro,nofail 0 0\n/dev/mapper/secret /secret ext4 defaults 0 2\n"),
        ),
        (
            "etc/kdump.conf",
            "xfs /dev/disk/by-id/md-uuid-0badcafe:00000000:00000000:00000511\n".to_owned(),
            format!("xfs /dev/disk/by-uuid/{BOOT}\n"),
        ),
    ];
    for (path, text, _) in &files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let rewritten = rewrite(root.path(), &single(), &mirrored(), &|_| false).unwrap();
    for (path, _, expected) in &files {
        assert_eq!(read(root.path(), path), *expected, "{path}");
    }
    assert_eq!(rewritten.findings().len(), 2);
}

#[test]
fn the_only_disk_is_meant_by_any_kernel_name() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc/systemd/system")).unwrap();
    let unit = root.path().join("etc/systemd/system/b.mount");
    fs::write(&unit, "[Mount]\nWhat=/dev/sda2\n").unwrap();
    let mut model = model();
    let plan = planned(&Settings::default());
    rewrite(root.path(), &plan, &model, &|_| true).unwrap();
    // There was a volume group on another disk.
    assert!(read(root.path(), "etc/systemd/system/b.mount").contains("/dev/sda2"));
    model.user_groups.clear();
    rewrite(root.path(), &plan, &model, &|_| true).unwrap();
    let expected = format!("[Mount]\nWhat=/dev/disk/by-uuid/{BOOT}\n");
    assert_eq!(read(root.path(), "etc/systemd/system/b.mount"), expected);
}
