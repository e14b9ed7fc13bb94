//! Plans for two dozen machines, as a person reads them: what one system becomes on
//! other disks, or why there is no plan. The systems are those of `tests/golden`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lifeboat-layout` writes the files anew.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{blank, demo, with_data};
use lifeboat_layout::disks::Disk;
use lifeboat_layout::model::Model;
use lifeboat_layout::plan::{Grow, Mirrors, Plan, PlanError, Seed, Settings, plan};
use lifeboat_layout::size::MB;
use lifeboat_stanza::Document;

/// A system that `tests/golden` describes; what stands below the stanzas is no part of it.
fn system(name: &str) -> Model {
    let path = format!(
        "{}/tests/golden/system-{name}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let stanzas = text.split("\nsaved: ").next().unwrap();
    Model::from_document(&Document::parse(stanzas).unwrap()).unwrap()
}

/// A disk on NVMe, from which SLOF cannot boot.
fn nvme(number: u8, mb: u64) -> Disk {
    let mut disk = blank(number, mb);
    disk.name = format!("nvme{number}n1");
    disk.bootable = false;
    disk
}

fn growing(grow: Grow) -> Settings {
    Settings {
        grow,
        ..Settings::default()
    }
}

fn broken() -> Settings {
    Settings {
        mirrors: Mirrors::Break,
        ..Settings::default()
    }
}

fn shrinking() -> Settings {
    Settings {
        shrink: Some(true),
        ..Settings::default()
    }
}

/// What holds for every plan.
fn check(plan: &Plan) {
    for target in &plan.targets {
        let mut end = MB;
        let extended = |kind| matches!(kind, lifeboat_layout::model::Role::Extended);
        for partition in target.partitions.iter().filter(|p| !extended(p.role)) {
            assert_eq!(partition.size % u64::from(target.disk.sector), 0);
            assert!(partition.start >= end, "{partition:?} begins before {end}");
            end = partition.start + partition.size;
        }
        assert!(end <= target.disk.size, "the partitions fit on the disk");
    }
    for group in plan.groups() {
        assert!(!group.devices.is_empty());
    }
}

fn golden(name: &str, model: &Model, disks: &[Disk], settings: &Settings) {
    let text = match plan(model, disks, settings) {
        Ok(plan) => {
            check(&plan);
            let lines = plan.lines(80);
            assert!(lines.iter().all(|line| line.chars().count() <= 80));
            assert_eq!(
                plan,
                self::plan(model, disks, settings).unwrap(),
                "a plan is a value"
            );
            lines.join("\n")
        }
        Err(error) => refusal(&error),
    };
    common::golden(&format!("../plans/{name}.txt"), &(text + "\n"));
}

fn refusal(error: &PlanError) -> String {
    format!("no plan: {error}")
}

#[test]
fn a_larger_disk() {
    let disks = [blank(0, 20480)];
    golden("larger-last", &demo(), &disks, &growing(Grow::Last));
    golden("larger-all", &demo(), &disks, &growing(Grow::Proportional));
}

#[test]
fn a_group_on_more_disks_than_before() {
    let settings = Settings {
        disks: vec!["hdisk0".to_owned(), "hdisk2".to_owned()],
        ..Settings::default()
    };
    let disks = [blank(0, 1500), blank(1, 9000), blank(2, 2000)];
    golden("spread", &demo(), &disks, &settings);
}

#[test]
fn nvme_behind_firmware_that_cannot_boot_from_it() {
    let disks = [nvme(0, 8192), blank(1, 512)];
    golden("nvme", &demo(), &disks, &Settings::default());
    let settings = Settings {
        boot_disk: Some("hdisk2".to_owned()),
        ..Settings::default()
    };
    let disks = [nvme(0, 8192), blank(1, 512), blank(2, 1024)];
    golden("nvme-chosen", &demo(), &disks, &settings);
    golden(
        "nvme-alone",
        &demo(),
        &[nvme(0, 8192)],
        &Settings::default(),
    );
    let disks = [nvme(0, 8192), with_data(1, 512)];
    golden("nvme-data", &demo(), &disks, &Settings::default());
}

#[test]
fn a_disk_with_two_paths() {
    let mut disk = blank(0, 4096);
    disk.name = "sda".to_owned();
    disk.paths = vec!["sdb".to_owned()];
    let settings = Settings {
        disks: vec!["sdb".to_owned()],
        ..Settings::default()
    };
    golden("two-paths", &demo(), &[disk], &settings);
}

#[test]
fn a_clone_beside_its_source() {
    let settings = Settings {
        group_name: Some("altvg".to_owned()),
        new_identity: Some(Seed([9; 16])),
        ..Settings::default()
    };
    let mut source = with_data(0, 4096);
    source.partitions[0].signature.uuid = demo().file_systems[0].uuid.clone().into();
    let disks = [source, blank(1, 4096)];
    golden("clone", &demo(), &disks, &settings);
    golden("clone-refused", &demo(), &disks, &Settings::default());
}

#[test]
fn large_sectors() {
    let mut disk = blank(0, 4096);
    disk.sector = 4096;
    golden("sectors", &demo(), &[disk], &Settings::default());
}

#[test]
fn arrays() {
    let two = [blank(0, 4096), blank(1, 4096)];
    golden("md-same", &system("md"), &two, &Settings::default());
    golden("md-broken", &system("md"), &two[..1], &broken());
    golden("md-alone", &system("md"), &two[..1], &Settings::default());
    let other = [blank(4, 8192), blank(5, 6000)];
    golden("md-larger", &system("md"), &other, &growing(Grow::Last));
}

#[test]
fn mirrored_volumes() {
    let model = system("mirrored");
    let disks: Vec<Disk> = (0..4).map(|number| blank(number, 9000)).collect();
    golden("mirror-same", &model, &disks, &Settings::default());
    golden("mirror-broken", &model, &disks[..1], &broken());
    golden("mirror-alone", &model, &disks[..1], &Settings::default());
    let small = [blank(0, 3000)];
    golden("mirror-small", &model, &small, &Settings::default());
}

#[test]
fn encryption() {
    golden(
        "luks-same",
        &system("luks"),
        &[blank(0, 8192)],
        &Settings::default(),
    );
    golden(
        "luks-small",
        &system("luks"),
        &[blank(0, 6000)],
        &shrinking(),
    );
}

#[test]
fn tables_of_dos() {
    golden(
        "mbr-same",
        &system("mbr"),
        &[blank(0, 8192)],
        &Settings::default(),
    );
    golden(
        "mbr-grown",
        &system("mbr"),
        &[blank(0, 20000)],
        &growing(Grow::Proportional),
    );
    golden(
        "mbr-small",
        &system("mbr"),
        &[blank(0, 3000)],
        &Settings::default(),
    );
}

#[test]
fn btrfs() {
    let disks = [blank(0, 32768), blank(1, 32768), blank(2, 32768)];
    golden("btrfs-same", &system("btrfs"), &disks, &Settings::default());
    golden("btrfs-broken", &system("btrfs"), &disks[..1], &broken());
}

#[test]
fn thin_volumes_and_stacks() {
    let disks: Vec<Disk> = (0..6).map(|number| blank(number, 20480)).collect();
    golden("thin", &system("thin"), &disks[..1], &Settings::default());
    golden("stack", &system("stack"), &disks, &Settings::default());
    golden("rhel", &system("rhel"), &disks[..1], &Settings::default());
}

#[test]
fn disks_of_other_sizes_are_no_exact_fit() {
    let settings = Settings {
        exact_fit: Some(true),
        ..Settings::default()
    };
    golden("not-exact", &demo(), &[blank(0, 5000)], &settings);
}
