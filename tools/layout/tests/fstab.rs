//! fstab of the restored system.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{blank, datavg, demo};
use lifeboat_layout::disks::Inventory;
use lifeboat_layout::fstab::{add, conflict, fstab};
use lifeboat_layout::plan::{GroupSettings, Plan, PlannedFileSystem, Settings, plan, plan_group};
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
fn a_uuid_that_is_right_stays() {
    let before = "\
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a04 / ext4 defaults 0 1
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a02 /boot ext4 defaults 0 2
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a09 /var xfs defaults 0 0
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a06 none swap sw 0 0
";
    assert_eq!(fstab(before, &planned()), before);
    assert_eq!(fstab(before, &alternate()), before);
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

fn of_group() -> Vec<PlannedFileSystem> {
    let inventory = Inventory {
        disks: vec![blank(1, 4096)],
        elsewhere: Vec::new(),
    };
    let plan = plan_group(&datavg(), &inventory, &GroupSettings::default()).unwrap();
    plan.file_systems
}

#[test]
fn a_running_system_gets_what_its_fstab_lacks() {
    let before = "/dev/mapper/rootvg-hd4 / ext4 defaults 0 1\n\
                  /dev/mapper/rootvg-hd6 none swap sw 0 0\n\
                  /dev/datavg/data\t/data/  ext4  noatime 0 2";
    let (after, added) = add(before, &of_group(), "# Added by restvg");
    assert_eq!(added, 2);
    assert_eq!(
        after,
        format!(
            "{before}\n# Added by restvg\n\
             /dev/mapper/datavg-logs /data/logs xfs noatime 0 0\n\
             /dev/mapper/datavg-paging00 none swap sw 0 0\n"
        )
    );
    assert_eq!(add(&after, &of_group(), "# again"), (after, 0));
}

#[test]
fn another_device_on_a_mount_point_is_a_conflict() {
    let found = |line: &str| conflict(line, &of_group());
    for line in [
        "",
        "/dev/sdb1 /database ext4 defaults 0 0",
        "/dev/datavg/data /data/ ext4 defaults 0 0",
        "UUID=1b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a01 /data ext4 defaults 0 0",
        "LABEL=data /data ext4 defaults 0 0",
        "/dev/sdb1 none swap sw 0 0",
    ] {
        assert_eq!(found(line), None, "{line}");
    }
    for device in ["/dev/sdb1", "server:/x", "UUID=0000"] {
        let taken = found(&format!("{device} /data auto defaults 0 0"));
        assert_eq!(taken, Some(("/data".to_owned(), device.to_owned())));
    }
}
