//! fstab of the restored system.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{blank, demo};
use lifeboat_layout::fstab::fstab;
use lifeboat_layout::plan::{Plan, Settings, plan};
use proptest::prelude::*;

fn planned() -> Plan {
    plan(&demo(), &[blank(0, 4096)], &Settings::default()).unwrap()
}

fn alternate() -> Plan {
    let settings = Settings {
        group_name: Some("altinst_rootvg".to_owned()),
        volume_prefix: "alt_".to_owned(),
        ..Settings::default()
    };
    plan(&demo(), &[blank(0, 4096)], &settings).unwrap()
}

#[test]
fn an_empty_fstab_gets_all_entries() {
    assert_eq!(
        fstab("", &planned()),
        "/dev/mapper/rootvg-hd4 / ext4 errors=remount-ro 0 1\n\
         UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a02 /boot ext4 defaults 0 2\n\
         /dev/mapper/rootvg-hd9var /var xfs defaults 0 0\n\
         /dev/mapper/rootvg-hd6 none swap sw 0 0\n"
    );
}

#[test]
fn only_devices_change() {
    let before = "\
# /etc/fstab
/dev/sda5  /          ext4  errors=remount-ro,acl  0  1
/dev/sda2\t/boot/\tauto\tnoatime\t0\t2   # keep me
LABEL=var  /var       xfs   defaults
/dev/disk/by-id/x-part6 none swap sw,pri=5 0 0

tmpfs      /tmp       tmpfs  size=1G 0 0
/srv/var   /var       none   bind    0 0
/swapfile  none       swap   sw      0 0
server:/x  /data      nfs    ro      0 0";
    let after = "\
# /etc/fstab
/dev/mapper/rootvg-hd4  /          ext4  errors=remount-ro,acl  0  1
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a02\t/boot/\tauto\tnoatime\t0\t2   # keep me
/dev/mapper/rootvg-hd9var  /var       xfs   defaults
/dev/mapper/rootvg-hd6 none swap sw,pri=5 0 0

tmpfs      /tmp       tmpfs  size=1G 0 0
/srv/var   /var       none   bind    0 0
/swapfile  none       swap   sw      0 0
server:/x  /data      nfs    ro      0 0";
    assert_eq!(fstab(before, &planned()), after);
}

#[test]
fn swap_of_other_disks_stays() {
    let before = "/dev/rootvg/hd6 none swap sw 0 0\n/dev/mapper/datavg-swap none swap sw 0 0\n";
    let after = fstab(before, &alternate());
    assert!(after.starts_with(
        "/dev/mapper/altinst_rootvg-alt_hd6 none swap sw 0 0\n/dev/mapper/datavg-swap none swap sw 0 0\n"
    ));
    let uuid = "UUID=0B7A8F63-91e4-4d5c-8a02-6c1f7e5d2a06 none swap sw 0 0\n";
    assert!(
        fstab(&format!("{uuid}/dev/sdb1 none swap sw 0 0\n"), &planned())
            .starts_with("/dev/mapper/rootvg-hd6 none swap sw 0 0\n/dev/sdb1 none swap")
    );
}

proptest! {
    #[test]
    fn a_second_time_changes_nothing(text in "(#.{0,8}\n|[a-z/]{1,8} /(|boot|var|tmp) [a-z]{1,5}( ro)?\n|\n|/dev/s[a-d] none swap sw\n){0,12}") {
        let plan = planned();
        let once = fstab(&text, &plan);
        prop_assert_eq!(fstab(&once, &plan), once.clone());
        for fs in &plan.file_systems {
            let mount = fs.mount.as_deref().unwrap_or("none");
            prop_assert!(once.lines().any(|line| {
                let mut fields = line.split_whitespace();
                fields.next() == Some(&device_of(fs)) && fields.next() == Some(mount)
            }), "{} is missing in {}", mount, once);
        }
        let kept = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        prop_assert_eq!(kept(&once), kept(&text));
    }
}

fn device_of(fs: &lifeboat_layout::plan::PlannedFileSystem) -> String {
    if fs.on_volume {
        fs.device.clone()
    } else {
        format!("UUID={}", fs.uuid)
    }
}
