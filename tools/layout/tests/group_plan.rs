//! Plans of a volume group on its own, for several machines.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lifeboat-layout` writes the files anew.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{DATAVG, blank, datavg, datavg_with, golden, with_data, with_group};
use lifeboat_layout::disks::{Disk, Group, Inventory, PhysicalVolume, RESTORING};
use lifeboat_layout::model::Model;
use lifeboat_layout::plan::{GroupPlan, GroupSettings, PlanError, plan_group};
use lifeboat_layout::signature::{Found, Signature};
use lifeboat_stanza::Document;

fn on(disks: &[Disk], settings: &GroupSettings) -> Result<GroupPlan, PlanError> {
    let inventory = Inventory {
        disks: disks.to_vec(),
        elsewhere: Vec::new(),
    };
    plan_group(&datavg(), &inventory, settings)
}

fn named(disks: &[&str]) -> GroupSettings {
    GroupSettings {
        disks: disks.iter().map(|disk| (*disk).to_owned()).collect(),
        ..GroupSettings::default()
    }
}

fn shrinking() -> GroupSettings {
    GroupSettings {
        shrink: Some(true),
        ..GroupSettings::default()
    }
}

fn lines(disks: &[Disk], settings: &GroupSettings) -> String {
    let lines = on(disks, settings).unwrap().lines(80);
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
    lines.join("\n") + "\n"
}

fn refused(disks: &[Disk], settings: &GroupSettings) -> String {
    on(disks, settings).unwrap_err().to_string()
}

/// The system disk, which no restore of a data group may take.
fn system() -> Disk {
    let mut disk = with_group(0, 4096, "rootvg");
    disk.in_use = Some("mounted on /".to_owned());
    disk
}

/// A disk that is a physical volume as a whole.
fn whole(number: u8, mb: u64, group: &str) -> Disk {
    let mut disk = blank(number, mb);
    disk.signature = Signature {
        found: Found::Lvm,
        uuid: None,
    };
    disk.physical_volumes.push(PhysicalVolume {
        device: format!("/dev/{}", disk.name),
        uuid: format!("PV-OF-{}", disk.name),
        group: Some(Group {
            name: group.to_owned(),
            uuid: format!("VG-{group}"),
        }),
        tags: Vec::new(),
    });
    disk
}

fn chosen(plan: &GroupPlan) -> Vec<(&str, &str)> {
    assert_eq!(plan.targets.len(), plan.group.devices.len());
    plan.targets
        .iter()
        .map(|target| (target.disk.hdisk.as_str(), target.reason.as_str()))
        .collect()
}

#[test]
fn what_is_written_is_read() {
    let model = datavg();
    let again = model.to_document().to_string();
    let again = Model::from_group_document(&Document::parse(&again).unwrap()).unwrap();
    assert_eq!(again, model);
}

#[test]
fn the_same_disks_blank() {
    let disks = [system(), blank(1, 2048), blank(2, 1024)];
    golden("group-same.txt", &lines(&disks, &GroupSettings::default()));
    let json = on(&disks, &GroupSettings::default()).unwrap();
    golden(
        "group-same.json",
        &(serde_json::to_string_pretty(&json).unwrap() + "\n"),
    );
}

#[test]
fn one_large_disk_with_other_extents() {
    let disks = [system(), with_data(1, 2048), blank(2, 9000)];
    let settings = GroupSettings {
        extent_mb: Some(64),
        ..GroupSettings::default()
    };
    golden("group-larger.txt", &lines(&disks, &settings));
}

#[test]
fn over_the_old_group_that_was_named() {
    let disks = [system(), whole(1, 2048, "datavg"), whole(2, 1024, "datavg")];
    golden(
        "group-overwrite.txt",
        &lines(&disks, &named(&["hdisk1", "/dev/vdc"])),
    );
}

#[test]
fn smaller_disks_with_shrink() {
    let disks = [system(), blank(1, 600), blank(2, 300)];
    golden("group-shrunk.txt", &lines(&disks, &shrinking()));
}

#[test]
fn the_chosen_disks() {
    let by = |disks: &[Disk]| {
        let plan = on(disks, &GroupSettings::default()).unwrap();
        chosen(&plan)
            .iter()
            .map(|(disk, why)| format!("{disk} {why}"))
            .collect::<Vec<_>>()
    };
    // A serial number counts more than a size, whatever the order.
    let mut moved = blank(3, 2048);
    moved.serial = Some("SERIAL2".to_owned());
    let mut stranger = blank(2, 2048);
    stranger.serial = None;
    let mut other = blank(1, 1024);
    (other.serial, other.location) = (None, "elsewhere".to_owned());
    assert_eq!(
        by(&[system(), other, stranger.clone(), moved]),
        [
            "hdisk3 it has the serial number of hdisk2 of the backup",
            "hdisk2 it has the size of hdisk1 of the backup",
        ]
    );
    // No kin, no size: as few as will do, the smallest that does.
    let strange = |number, mb| {
        let mut disk = blank(number, mb);
        disk.serial = None;
        disk
    };
    assert_eq!(
        by(&[
            system(),
            strange(1, 9000),
            strange(2, 5000),
            strange(3, 500)
        ]),
        ["hdisk2 it is empty, and its room is needed"]
    );
    assert_eq!(
        by(&[
            system(),
            strange(1, 1500),
            strange(2, 1600),
            strange(3, 500)
        ]),
        [
            "hdisk2 it is empty, and its room is needed",
            "hdisk1 it is empty, and its room is needed",
        ]
    );
}

#[test]
fn an_interrupted_restore_may_be_done_again() {
    let tagged = |group: &str| {
        let mut disks = [system(), whole(1, 2048, group), whole(2, 1024, group)];
        for disk in &mut disks[1..] {
            disk.physical_volumes[0].tags.push(RESTORING.to_owned());
        }
        disks
    };
    let plan = on(&tagged("datavg"), &GroupSettings::default()).unwrap();
    assert!(plan.destroys()[0].contains("a restore that did not end"));
    // That of another group is somebody else's.
    assert!(refused(&tagged("othervg"), &GroupSettings::default()).starts_with("0590-254"));
}

#[test]
fn what_may_not_be_taken_is_refused_with_its_reason() {
    let mut locked = blank(1, 4096);
    locked.read_only = true;
    for (disks, settings, said) in [
        (
            vec![],
            GroupSettings::default(),
            "0590-220 No disk was found on this machine",
        ),
        (
            vec![system(), blank(1, 4096)],
            named(&["hdisk7"]),
            "0590-221 There is no disk hdisk7; present:",
        ),
        (
            vec![system(), with_data(1, 4096)],
            GroupSettings::default(),
            "0590-254 No disk may be chosen for volume group datavg: hdisk0 (vda), 4096 MB, is mounted on /; hdisk1 (vdb), 4096 MB, holds GPT: vdb1 ext file system. Name the disks",
        ),
        (
            vec![system(), blank(1, 4096)],
            named(&["hdisk1", "hdisk0"]),
            "0590-228 hdisk0 (vda), 4096 MB is in use: mounted on /",
        ),
        (
            vec![system(), locked],
            named(&["vdb"]),
            "0590-227 hdisk1 (vdb), 4096 MB is read-only",
        ),
        (
            vec![system(), whole(1, 2048, "datavg"), blank(2, 4096)],
            GroupSettings::default(),
            "0590-229 hdisk1 (vdb), 2048 MB already carries a volume group datavg",
        ),
        (
            vec![system(), whole(1, 4096, "datavg"), whole(2, 1024, "datavg")],
            named(&["hdisk1"]),
            "0590-230 The volume group datavg on hdisk1 (vdb), 4096 MB also lies on hdisk2 (vdc), 1024 MB",
        ),
        (
            vec![system(), blank(1, 2000)],
            GroupSettings::default(),
            "0590-255 Volume group datavg needs 626 physical partitions of 4 MB; hdisk1 (vdb), 2000 MB have 499; with file systems shrunk (-s), 201 would do",
        ),
        (
            vec![system(), blank(1, 500)],
            shrinking(),
            "0590-255 Volume group datavg needs 201 physical partitions of 4 MB; hdisk1 (vdb), 500 MB have 124",
        ),
        (
            vec![system(), blank(1, 4096)],
            GroupSettings {
                extent_mb: Some(48),
                ..GroupSettings::default()
            },
            "0590-253 48 MB cannot be the size of a physical partition",
        ),
    ] {
        let text = refused(&disks, &settings);
        assert!(text.starts_with(said), "{text}");
    }
}

#[test]
fn a_group_of_that_name_on_an_array_counts_too() {
    let mut inventory = Inventory {
        disks: vec![system(), blank(1, 4096)],
        elsewhere: whole(2, 100, "datavg").physical_volumes,
    };
    inventory.elsewhere[0].device = "/dev/md0".to_owned();
    let error = plan_group(&datavg(), &inventory, &GroupSettings::default()).unwrap_err();
    assert!(
        error.to_string().starts_with("0590-229 /dev/md0 already"),
        "{error}"
    );
}

#[test]
fn exact_fit_goes_by_the_sum() {
    let model = datavg_with("EXACT_FIT= no", "EXACT_FIT= yes").unwrap();
    let inventory = |mb| Inventory {
        disks: vec![blank(1, 2048), blank(2, mb)],
        elsewhere: Vec::new(),
    };
    let settings = named(&["hdisk1", "hdisk2"]);
    assert!(plan_group(&model, &inventory(1024), &settings).is_ok());
    let error = plan_group(&model, &inventory(2048), &settings).unwrap_err();
    assert!(error.to_string().starts_with("0590-231"), "{error}");
}

#[test]
fn what_is_no_group_on_its_own_is_refused() {
    for (from, to, said) in [
        (
            "FS_NAME= /data/logs",
            "FS_NAME= /",
            "0590-200 The backup holds /, which belongs to the root volume group",
        ),
        ("PPSIZE= 4", "PPSIZE= 512", "0590-104"),
        (
            "LX_TABLE= none",
            "LX_TABLE= sun",
            "0590-200 The backup holds a partition table of type sun on hdisk1",
        ),
        (
            "LPs= 500\n\tPP= 500",
            "LPs= 5000\n\tPP= 5000",
            "0590-205 image.data: too little room for volume group datavg",
        ),
        (
            "COPIES= 1\n\tLPs= 100\n\tPP= 100",
            "COPIES= 2\n\tLPs= 100\n\tPP= 200",
            "0590-200 The backup holds the mirrored logical volume logs",
        ),
    ] {
        let text = datavg_with(from, to).unwrap_err().to_string();
        assert!(text.starts_with(said), "{text}");
    }
    let root = Document::parse(common::DEMO).unwrap();
    assert!(Model::from_group_document(&root).is_err());
    let data = Document::parse(DATAVG).unwrap();
    let group = Model::from_document(&data).unwrap();
    assert!(group.check_system().is_err());
}

#[test]
fn the_tools_of_a_plan() {
    let plan = on(&[blank(1, 4096)], &GroupSettings::default()).unwrap();
    assert_eq!(plan.needed_tools(), ["lvm", "mke2fs", "mkfs.xfs", "mkswap"]);
    assert_eq!(plan.raw(), ["rawdb"]);
    let order: Vec<_> = plan.mounts().iter().map(|(mount, _)| *mount).collect();
    assert_eq!(order, ["/data", "/data/logs"]);
}

#[test]
fn volumes_placed_by_their_maps() {
    let mut model = datavg();
    let (first, count) = (10, model.volumes[0].extents);
    let lines = |of: u64| -> String {
        let all = (0..count).map(|at| format!("hdisk{of}:{}\n", first + at + 1));
        all.collect()
    };
    let inventory = Inventory {
        disks: vec![system(), blank(1, 2048), blank(2, 1024)],
        elsewhere: Vec::new(),
    };
    let settings = GroupSettings {
        maps: true,
        ..GroupSettings::default()
    };
    let unmapped = plan_group(&model, &inventory, &settings).unwrap();
    assert!(!unmapped.group.maps, "a backup without maps needs no -n");
    model.volumes[0].map_file = Some("/x.map".to_owned());
    model.bring_maps(|_| Some(lines(1).into_bytes()));
    let plan = plan_group(&model, &inventory, &settings).unwrap();
    let placed = &plan.group.volumes[0];
    assert_eq!(placed.name, model.volumes[0].name);
    let wanted = format!("/dev/vdb:{first}-{}", first + count - 1);
    assert_eq!(placed.placed[0].ranges(), [wanted]);
    let text = plan.lines(80).join(" ");
    assert!(
        text.contains("Maps          placed as on the source: "),
        "{text}"
    );

    let with = |change: fn(&mut GroupSettings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        plan_group(&model, &inventory, &settings).map(|plan| plan.group.maps)
    };
    for change in [
        |s: &mut GroupSettings| s.shrink = Some(true),
        |s: &mut GroupSettings| s.extent_mb = Some(64),
    ] {
        let error = with(change).unwrap_err().to_string();
        assert!(error.starts_with("0590-238"), "{error}");
    }
    assert_eq!(with(|s| s.maps = false), Ok(false));
}
