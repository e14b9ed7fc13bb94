//! Plans for two dozen machines, as a person reads them: what one system becomes on
//! other disks, or why there is no plan. The systems are those of `tests/golden`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lifeboat-layout` writes the files anew.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::path::Path;

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

/// The system of the scenario `restore-maps`, with one of its maps changed.
fn mapped(changed: &str, change: impl Fn(String) -> Option<String>) -> Model {
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/systems/maps");
    let text = std::fs::read_to_string(systems.join("image.data")).unwrap();
    let mut model = Model::from_document(&Document::parse(&text).unwrap()).unwrap();
    model.bring_maps(|path| {
        let name = path.rsplit('/').next()?;
        let text = std::fs::read_to_string(systems.join(name)).unwrap();
        let text = if name == format!("rootvg.{changed}.map") {
            change(text)?
        } else {
            text
        };
        Some(text.into_bytes())
    });
    model
}

#[test]
fn volumes_in_pieces() {
    let model = mapped("root", Some);
    let same = [blank(0, 2560), blank(1, 2560)];
    golden("maps-same", &model, &same, &Settings::default());
    let plan = plan(&model, &same, &Settings::default()).unwrap();
    let volumes = &plan.groups().next().unwrap().volumes;
    let lies = |name: &str| {
        let volume = volumes.iter().find(|volume| volume.name == name).unwrap();
        let runs: Vec<String> = volume.placed.iter().map(|r| r.ranges().join(" ")).collect();
        runs.join(", ")
    };
    assert_eq!(
        lies("root"),
        "/dev/vda3:200-349, /dev/vdb1:300-449, /dev/vda3:20-119"
    );
    assert_eq!(
        lies("srv"),
        "/dev/vdb1:10-39 /dev/vda3:400-429, /dev/vdb1:100-119 /dev/vda3:360-379"
    );
    let names: Vec<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!(names, ["srv", "root", "swap", "twice", "pool", "home"]);
    let without = Settings {
        use_maps: Some(false),
        ..Settings::default()
    };
    golden("maps-unused", &model, &same, &without);
}

#[test]
fn maps_that_cannot_be_followed() {
    let same = [blank(0, 2560), blank(1, 2560)];
    let refused = |changed: &str, change: fn(String) -> Option<String>| {
        let error = plan(&mapped(changed, change), &same, &Settings::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("0590-239 Logical volume "), "{text}");
        let why = text.split(" by its physical map, because ").nth(1);
        why.unwrap().split(". Choose").next().unwrap().to_owned()
    };
    for (changed, change, wanted) in [
        (
            "root",
            (|_| None) as fn(String) -> Option<String>,
            "/var/lib/lifeboat/maps/rootvg.root.map cannot be read before the restore",
        ),
        (
            "root",
            |text| Some(text + "hdisk0"),
            "line 401, \"hdisk0\", is no name of a disk, a colon and a number from 1 on",
        ),
        (
            "root",
            |text| Some(text + "hdisk0:9\n"),
            "it has 401 lines where the volume has 400 physical partitions",
        ),
        (
            "swap",
            |text| Some(text.replace("hdisk0", "hdisk7")),
            "the volume group will have no physical volume in the place of hdisk7",
        ),
        (
            "swap",
            |text| Some(text.replace("hdisk0:534\n", "hdisk0:542\n")),
            "it needs physical partition 542 of hdisk0, and /dev/vda3 in its place has 541",
        ),
        (
            "swap",
            |text| Some(text.replace("hdisk0:534\n", "hdisk0:533\n")),
            "physical partition 533 of /dev/vda3 is taken by swap already",
        ),
        (
            "swap",
            |text| Some(text.replace("hdisk0:534\n", "hdisk1:11\n")),
            "physical partition 11 of /dev/vdb1 is taken by srv already",
        ),
        (
            "srv",
            |text| Some(text.replacen("hdisk1", "hdisk0", 1)),
            "its stripes do not lie each on one disk of its own",
        ),
    ] {
        assert_eq!(refused(changed, change), wanted);
    }
}

#[test]
fn maps_against_other_wishes() {
    let model = mapped("root", Some);
    let disks = [blank(0, 2560), blank(1, 2560)];
    let larger = [blank(0, 4096), blank(1, 4096)];
    for (settings, said) in [
        (shrinking(), "Shrink File Systems"),
        (growing(Grow::Last), "Grow File Systems"),
        (broken(), "Break Mirrors"),
    ] {
        let error = plan(&model, &disks, &settings).unwrap_err().to_string();
        assert!(
            error.starts_with("0590-238") && error.contains(said),
            "{error}"
        );
        let settings = Settings {
            use_maps: Some(false),
            exact_fit: Some(false),
            ..settings
        };
        assert!(plan(&model, &larger, &settings).is_ok(), "{said}");
    }
    let wished = Settings {
        use_maps: Some(true),
        ..Settings::default()
    };
    let error = plan(&demo(), &[blank(0, 4096)], &wished).unwrap_err();
    assert_eq!(error, PlanError::NoMaps);
    // On larger disks everything finds the place where it lay.
    let wished = Settings {
        exact_fit: Some(false),
        ..wished
    };
    golden("maps-larger", &model, &larger, &wished);
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
