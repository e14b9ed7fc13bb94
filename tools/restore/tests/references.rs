//! The files of whole systems, as distributions write them, after a restore.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fs;

use lifeboat_layout::plan::{Plan, Settings, plan};
use lifeboat_restore::references::{Rewritten, rewrite};

use common::{BOOT, ROOT, SWAP, model, planned, read, target};

/// Files of RHEL 9 with the reference made as its installer makes it.
fn rhel() -> [(&'static str, String); 9] {
    [
        (
            "etc/fstab",
            format!(
                "\
#
# /etc/fstab
# Created by anaconda on Sat Nov 21 12:00:00 2026
#
/dev/mapper/rhel-root   /                       xfs     defaults        0 0
UUID={BOOT} /boot                   xfs     defaults        0 0
/dev/mapper/rhel-swap   none                    swap    defaults        0 0
/dev/mapper/datavg-db   /srv/db                 xfs     defaults        0 0
"
            ),
        ),
        (
            "etc/default/grub",
            "\
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=\"$(sed 's, release .*$,,g' /etc/system-release)\"
GRUB_CMDLINE_LINUX=\"crashkernel=2G-4G:384M,4G-16G:512M,16G-64G:1G resume=/dev/mapper/rhel-swap rd.lvm.lv=rhel/root rd.lvm.lv=rhel/swap\"
GRUB_ENABLE_BLSCFG=true
"
            .to_owned(),
        ),
        (
            "boot/loader/entries/0123456789abcdef0123456789abcdef-5.14.0-503.el9.ppc64le.conf",
            "\
title Red Hat Enterprise Linux (5.14.0-503.el9.ppc64le) 9.5 (Plow)
version 5.14.0-503.el9.ppc64le
linux /vmlinuz-5.14.0-503.el9.ppc64le
initrd /initramfs-5.14.0-503.el9.ppc64le.img $tuned_initrd
options root=/dev/mapper/rhel-root ro crashkernel=2G-4G:384M resume=/dev/mapper/rhel-swap rd.lvm.lv=rhel/root rd.lvm.lv=rhel/swap $tuned_params
grub_users $grub_users
"
            .to_owned(),
        ),
        (
            "etc/kernel/cmdline",
            "root=/dev/mapper/rhel-root ro rd.lvm.lv=rhel/root\n".to_owned(),
        ),
        (
            "etc/multipath/bindings",
            "# Multipath bindings, Version : 1.0\nmpatha 3600507680c8000000000000000000042\n".to_owned(),
        ),
        (
            "etc/multipath/wwids",
            "# Valid WWIDs:\n/3600507680c8000000000000000000042/\n".to_owned(),
        ),
        (
            "etc/kdump.conf",
            format!("# ext4 LABEL=/boot\nxfs UUID={ROOT}\npath /var/crash\ncore_collector makedumpfile -l\n"),
        ),
        (
            "etc/dracut.conf.d/disk.conf",
            "add_device+=\" /dev/disk/by-id/scsi-3600507680c8000000000000000000042-part2 \"\n".to_owned(),
        ),
        (
            "etc/systemd/system/mnt.mount",
            "[Mount]\nWhat=/dev/mapper/mpatha2\nWhere=/mnt\n".to_owned(),
        ),
    ]
}

fn restored(plan: &Plan, there: &[&str]) -> (tempfile::TempDir, Rewritten) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in rhel() {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let is_there = |device: &str| there.contains(&device);
    let rewritten = rewrite(root.path(), plan, &model(), &is_there).unwrap();
    (root, rewritten)
}

#[test]
fn a_restore_with_the_same_names_changes_what_named_the_old_disk() {
    let (root, rewritten) = restored(&planned(&Settings::default()), &["/dev/mapper/datavg-db"]);
    for (path, text) in rhel() {
        let new = read(root.path(), path);
        match path {
            "etc/dracut.conf.d/disk.conf" => {
                let expected = format!("add_device+=\" /dev/disk/by-uuid/{BOOT} \"\n");
                assert_eq!(new, expected);
            }
            "etc/systemd/system/mnt.mount" => assert_eq!(
                new,
                format!("[Mount]\nWhat=/dev/disk/by-uuid/{BOOT}\nWhere=/mnt\n")
            ),
            _ => assert_eq!(new, text, "{path}"),
        }
    }
    assert_eq!(rewritten.edits.len(), 2);
    assert_eq!(
        rewritten.summary(),
        "2 lines changed in 2 files, see the log"
    );
    assert!(rewritten.findings().is_empty());
}

#[test]
fn an_absent_group_does_not_stop_the_boot() {
    let (root, rewritten) = restored(&planned(&Settings::default()), &[]);
    let entry =
        "/dev/mapper/datavg-db   /srv/db                 xfs     defaults,nofail        0 0\n";
    assert!(read(root.path(), "etc/fstab").contains(entry));
    let notes = rewritten.findings();
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].starts_with("0590-480 /etc/fstab, line 8:"),
        "{}",
        notes[0]
    );
}

#[test]
fn other_names_of_volumes_are_put_everywhere() {
    let settings = Settings {
        group_name: Some("new".into()),
        ..Settings::default()
    };
    let (root, _) = restored(&planned(&settings), &["/dev/mapper/datavg-db"]);
    for (path, text) in rhel() {
        let expected = text.replace("rhel-", "new-").replace("=rhel/", "=new/");
        if ![
            "etc/dracut.conf.d/disk.conf",
            "etc/systemd/system/mnt.mount",
        ]
        .contains(&path)
        {
            assert_eq!(read(root.path(), path), expected, "{path}");
        }
    }
}

#[test]
fn a_clone_has_no_name_of_its_source() {
    let mut plan = planned(&Settings::default());
    for (number, fs) in plan.file_systems.iter_mut().enumerate() {
        fs.uuid = format!("ffffffff-0000-4000-8000-{number:012}");
    }
    let (root, _) = restored(&plan, &["/dev/mapper/datavg-db"]);
    for (path, _) in rhel() {
        let text = read(root.path(), path);
        for old in [ROOT, BOOT, SWAP] {
            assert!(!text.contains(old), "{path} still has {old}:\n{text}");
        }
    }
    assert!(read(root.path(), "etc/kdump.conf").contains("xfs UUID=ffffffff-0000-"));
}

#[test]
fn a_new_multipath_disk_gets_the_alias_of_the_old_one() {
    let mut disk = target();
    disk.wwid = Some("naa.600507680c80000000000000000000ff".into());
    let plan = plan(&model(), &[disk], &Settings::default()).unwrap();
    let (root, _) = restored(&plan, &[]);
    let bindings = read(root.path(), "etc/multipath/bindings");
    assert!(
        bindings.ends_with("\nmpatha 3600507680c80000000000000000000ff\n"),
        "{bindings}"
    );
    let unit = read(root.path(), "etc/systemd/system/mnt.mount");
    assert!(unit.contains("What=/dev/mapper/mpatha2\n"), "{unit}");
}

#[test]
fn what_multipath_cannot_take_loses_its_names() {
    let boot = format!("What=/dev/disk/by-uuid/{BOOT}\n");
    for (name, wwid) in [
        ("nvme0n1", "eui.0025385b71b00001"),
        ("sda", "nvme.1b36-4c42"),
        ("vda", ""),
    ] {
        let mut disk = target();
        disk.name = name.into();
        disk.wwid = Some(wwid.to_owned()).filter(|wwid| !wwid.is_empty());
        let plan = plan(&model(), &[disk], &Settings::default()).unwrap();
        let (root, _) = restored(&plan, &[]);
        let unit = read(root.path(), "etc/systemd/system/mnt.mount");
        assert!(unit.contains(&boot), "{name}: {unit}");
        let wwids = read(root.path(), "etc/multipath/wwids");
        assert!(wwids.contains("/3600507680c8000000000000000000042/"));
    }
}

#[test]
fn without_an_alias_the_identifier_is_the_name() {
    let mut disk = target();
    disk.wwid = Some("naa.600507680c80000000000000000000ff".into());
    let plan = plan(&model(), &[disk], &Settings::default()).unwrap();
    let (root, _) = restored(&plan, &[]);
    let old = "/dev/mapper/3600507680c8000000000000000000042-part2";
    let unit = root.path().join("etc/systemd/system/mnt.mount");
    fs::write(&unit, format!("[Mount]\nWhat={old}\nWhere=/mnt\n")).unwrap();
    rewrite(root.path(), &plan, &model(), &|_| true).unwrap();
    let unit = fs::read_to_string(&unit).unwrap();
    assert!(
        unit.contains(&format!("What=/dev/disk/by-uuid/{BOOT}\n")),
        "{unit}"
    );
}

#[test]
fn a_second_restore_finds_nothing_to_do() {
    let plan = planned(&Settings::default());
    let (root, first) = restored(&plan, &[]);
    assert_ne!(first.edits, []);
    let again = rewrite(root.path(), &plan, &model(), &|_| false).unwrap();
    assert_eq!(again.edits, []);
    assert_eq!(again.summary(), "as they were");
}

#[test]
fn a_system_without_fstab_gets_one() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    rewrite(
        root.path(),
        &planned(&Settings::default()),
        &model(),
        &|_| true,
    )
    .unwrap();
    assert!(read(root.path(), "etc/fstab").contains("/dev/mapper/rhel-root / xfs"));
}

#[test]
fn a_swap_unit_that_does_not_fit_its_name_is_told() {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("etc/systemd/system");
    fs::create_dir_all(&units).unwrap();
    let unit = units.join("dev-mapper-rhel\\x2dswap.swap");
    fs::write(&unit, "[Swap]\nWhat=/dev/mapper/rhel-swap\n").unwrap();
    let settings = Settings {
        group_name: Some("new".into()),
        ..Settings::default()
    };
    let rewritten = rewrite(root.path(), &planned(&settings), &model(), &|_| true).unwrap();
    let findings = rewritten.findings();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].starts_with("0590-483 /etc/systemd/system/dev-mapper-rhel"));
    assert!(findings[0].ends_with("What=/dev/mapper/new-swap"));
}

#[test]
fn an_fstab_that_is_a_link_is_told() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", root.path().join("etc/fstab")).unwrap();
    let plan = planned(&Settings::default());
    let rewritten = rewrite(root.path(), &plan, &model(), &|_| true).unwrap();
    assert!(rewritten.edits.is_empty());
    assert!(rewritten.findings()[0].starts_with("0590-484 /etc/fstab"));
}
