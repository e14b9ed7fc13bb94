//! Plans for several machines, compared with what a person would read.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lifeboat-layout` writes the files anew.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{DEMO_BOSINST, blank, demo, demo_with, golden, with_data, with_group};
use lifeboat_layout::disks::{Disk, RESTORING};
use lifeboat_layout::model::Role;
use lifeboat_layout::plan::{Plan, Settings, plan};
use lifeboat_layout::size::MB;
use lifeboat_stanza::Document;
use lifeboat_stanza::bosinst::{Bosinst, Overwrite};

fn named(disk: &str) -> Settings {
    Settings {
        disks: vec![disk.to_owned()],
        ..Settings::default()
    }
}

fn shrinking() -> Settings {
    Settings {
        shrink: Some(true),
        ..Settings::default()
    }
}

fn overwriting(overwrite: Overwrite) -> Settings {
    Settings {
        overwrite,
        ..Settings::default()
    }
}

/// Settings of a `bosinst.data` whose `target_disk_data` has these fields.
fn bosinst(fields: &str) -> Settings {
    let text = format!("target_disk_data:\n{fields}");
    let bosinst = Bosinst::from_document(&Document::parse(&text).unwrap()).unwrap();
    Settings {
        targets: bosinst.targets,
        overwrite: bosinst.control.overwrite,
        ..Settings::default()
    }
}

fn lines(disks: &[Disk], settings: &Settings) -> String {
    let lines = plan(&demo(), disks, settings).unwrap().lines(80);
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
    lines.join("\n") + "\n"
}

fn refused(disks: &[Disk], settings: &Settings) -> String {
    plan(&demo(), disks, settings).unwrap_err().to_string()
}

/// What holds for every plan.
fn check(plan: &Plan) {
    let [target] = plan.targets.as_slice() else {
        panic!("one target");
    };
    let mut end = MB;
    for partition in &target.partitions {
        assert_eq!(partition.start % MB, 0);
        assert_eq!(partition.start, end, "partitions follow each other");
        end += partition.size;
    }
    assert!(
        end + 128 * 128 + u64::from(target.disk.sector) <= target.disk.size,
        "the backup table has its place"
    );
    assert_eq!(target.partitions[0].role, Role::Prep);
    for group in plan.groups() {
        let used: u64 = group.volumes.iter().map(|volume| volume.extents).sum();
        assert!(used <= group.extents);
        assert!(MB + group.extents * group.extent <= target.partitions.last().unwrap().size);
    }
}

#[test]
fn the_same_disk() {
    let disks = [blank(0, 4096)];
    check(&plan(&demo(), &disks, &Settings::default()).unwrap());
    golden("same.txt", &lines(&disks, &Settings::default()));
}

#[test]
fn the_same_disk_as_json() {
    let plan = plan(&demo(), &[blank(0, 4096)], &Settings::default()).unwrap();
    golden(
        "same.json",
        &(serde_json::to_string_pretty(&plan).unwrap() + "\n"),
    );
}

#[test]
fn a_larger_disk_beside_one_with_data() {
    let disks = [with_data(0, 4096), blank(1, 20480)];
    check(&plan(&demo(), &disks, &Settings::default()).unwrap());
    golden("larger.txt", &lines(&disks, &Settings::default()));
}

#[test]
fn a_smaller_disk_with_shrink() {
    let disks = [blank(0, 1900)];
    check(&plan(&demo(), &disks, &shrinking()).unwrap());
    golden("shrunk.txt", &lines(&disks, &shrinking()));
}

#[test]
fn over_an_old_system_that_was_named() {
    let disks = [with_group(0, 4096, "rootvg"), with_group(1, 8192, "datavg")];
    golden("overwrite.txt", &lines(&disks, &named("hdisk0")));
}

#[test]
fn too_small_says_what_would_do() {
    for (mb, settings, said) in [
        (
            2200,
            Settings::default(),
            "0590-226 hdisk0 (vda), 2200 MB is too small: 2443 MB are needed, it has 2200 MB; with Shrink File Systems 1783 MB would do",
        ),
        (
            1000,
            Settings::default(),
            "0590-226 hdisk0 (vda), 1000 MB is too small: 2443 MB are needed, it has 1000 MB; even with Shrink File Systems 1783 MB are needed",
        ),
        (
            1000,
            shrinking(),
            "0590-226 hdisk0 (vda), 1000 MB is too small: 1783 MB are needed, it has 1000 MB; file systems are shrunk already",
        ),
    ] {
        assert_eq!(refused(&[blank(0, mb)], &settings), said);
    }
}

#[test]
fn what_is_needed_is_enough_and_one_mb_less_is_not() {
    for (shrink, least) in [(false, 2443), (true, 1783)] {
        let settings = Settings {
            shrink: Some(shrink),
            ..Settings::default()
        };
        check(&plan(&demo(), &[blank(0, least)], &settings).unwrap());
        assert!(refused(&[blank(0, least - 1)], &settings).starts_with("0590-226"));
    }
}

#[test]
fn the_chosen_disk() {
    let chosen = |disks: &[Disk], settings: &Settings| {
        let plan = plan(&demo(), disks, settings).unwrap();
        (plan.disks()[0].hdisk.clone(), plan.pairs[0].why.clone())
    };
    let mut twin = blank(1, 8192);
    twin.serial = Some("LIFEBOAT-DEMO".to_owned());
    let by_serial = chosen(&[blank(0, 4096), twin], &Settings::default());
    assert_eq!(
        by_serial,
        (
            "hdisk1".to_owned(),
            "it has the serial number of hdisk0 of the backup".to_owned()
        )
    );

    for (disks, settings, hdisk, reason) in [
        (
            vec![blank(0, 9000), blank(1, 4096)],
            Settings::default(),
            "hdisk1",
            "it has the size of the backed-up disk",
        ),
        (
            vec![blank(0, 9000), blank(1, 8000)],
            Settings::default(),
            "hdisk1",
            "it is large enough",
        ),
        (
            vec![blank(0, 100), with_data(1, 4096), blank(2, 8000)],
            overwriting(Overwrite::Any),
            "hdisk2",
            "it is large enough",
        ),
        (
            vec![with_data(0, 4096), with_group(1, 4096, "rootvg")],
            overwriting(Overwrite::Yes),
            "hdisk1",
            "it has the size of the backed-up disk",
        ),
        (
            vec![blank(0, 4096), with_data(1, 4096)],
            named("vdb"),
            "hdisk1",
            "it was asked for",
        ),
        (
            vec![blank(0, 4096), blank(1, 8192)],
            bosinst("    SIZE_MB = largest\n"),
            "hdisk1",
            "target_disk_data says SIZE_MB = largest",
        ),
        (
            vec![with_data(0, 4096), blank(1, 8192)],
            bosinst("    SERIAL = SERIAL0\n    SIZE_MB = 8192\n"),
            "hdisk0",
            "target_disk_data says SERIAL = SERIAL0",
        ),
        (
            vec![blank(0, 4096), blank(1, 8192)],
            bosinst("    SERIAL = gone\n    LOCATION = pci0000:00/0000:00:02.0\n"),
            "hdisk1",
            "target_disk_data says LOCATION = pci0000:00/0000:00:02.0",
        ),
        (
            vec![blank(0, 4096), with_group(1, 4096, "rootvg")],
            bosinst("    PVID = PV-OF-vdb\n"),
            "hdisk1",
            "target_disk_data says PVID = PV-OF-vdb",
        ),
    ] {
        assert_eq!(
            chosen(&disks, &settings),
            (hdisk.to_owned(), reason.to_owned())
        );
    }
}

#[test]
fn an_unfinished_restore_may_be_done_again() {
    let mut disk = with_group(0, 4096, "rootvg");
    assert!(refused(&[disk.clone()], &Settings::default()).starts_with("0590-225"));
    disk.physical_volumes[0].tags.push(RESTORING.to_owned());
    let plan = plan(&demo(), &[disk], &Settings::default()).unwrap();
    assert!(plan.destroys()[0].starts_with("everything on hdisk0: a restore that did not end"));
}

#[test]
fn what_may_not_be_taken_is_refused_with_its_reason() {
    let mut mounted = blank(0, 4096);
    mounted.in_use = Some("mounted on /source".to_owned());
    let mut locked = blank(0, 4096);
    locked.read_only = true;
    let mut spans = [with_group(0, 4096, "old"), with_group(1, 4096, "old")];
    spans[1].physical_volumes[0].group = spans[0].physical_volumes[0].group.clone();
    for (disks, settings, said) in [
        (
            vec![],
            Settings::default(),
            "0590-220 No disk was found on this machine",
        ),
        (
            vec![blank(0, 4096)],
            named("sdx"),
            "0590-221 There is no disk sdx; present: hdisk0 (vda), 4096 MB",
        ),
        (
            vec![mounted.clone()],
            named("hdisk0"),
            "0590-228 hdisk0 (vda), 4096 MB is in use: mounted on /source",
        ),
        (
            vec![locked],
            named("hdisk0"),
            "0590-227 hdisk0 (vda), 4096 MB is read-only",
        ),
        (
            vec![mounted],
            Settings::default(),
            "0590-225 No disk may be chosen automatically: hdisk0 (vda), 4096 MB, is mounted on /source. Choose one, or set EXISTING_SYSTEM_OVERWRITE",
        ),
        (
            vec![with_data(0, 4096)],
            Settings::default(),
            "0590-225 No disk may be chosen automatically: hdisk0 (vda), 4096 MB, holds GPT: vda1 ext file system. Choose one, or set EXISTING_SYSTEM_OVERWRITE",
        ),
        (
            vec![with_data(0, 4096)],
            overwriting(Overwrite::Yes),
            "0590-225",
        ),
        (
            vec![with_data(0, 4096)],
            bosinst("    HDISKNAME = hdisk0\n"),
            "0590-225",
        ),
        (
            vec![with_data(0, 4096)],
            bosinst("    SIZE_MB = 4096\n"),
            "0590-225",
        ),
        (
            vec![blank(0, 4096)],
            bosinst("    PVID = gone\n"),
            "0590-222 No disk matches target_disk_data (line 1): PVID = gone; present: hdisk0 (vda), 4096 MB",
        ),
        (
            vec![blank(0, 4096), blank(1, 4096)],
            bosinst("    SIZE_MB = 1\n\ntarget_disk_data:\n    SIZE_MB = 2\n"),
            "0590-222 No disk matches target_disk_data (line 1): SIZE_MB = 1",
        ),
        (
            vec![with_group(0, 4096, "rootvg"), blank(1, 4096)],
            Settings::default(),
            "0590-229 hdisk0 (vda), 4096 MB already carries a volume group rootvg",
        ),
        (
            spans.to_vec(),
            named("hdisk0"),
            "0590-230 The volume group old on hdisk0 (vda), 4096 MB also lies on hdisk1 (vdb), 4096 MB",
        ),
    ] {
        let text = refused(&disks, &settings);
        assert!(text.starts_with(said), "{text}");
    }
}

#[test]
fn an_ambiguous_wish_is_not_guessed_at() {
    let twin = |number| {
        let mut disk = with_data(number, 4096);
        disk.serial = Some("SAME".to_owned());
        disk
    };
    let said = refused(&[twin(0), twin(1)], &bosinst("    SERIAL = SAME\n"));
    assert_eq!(
        said,
        "0590-224 SERIAL = SAME fits more than one disk: hdisk0 (vda), 4096 MB; hdisk1 (vdb), 4096 MB"
    );
}

#[test]
fn exact_fit_wants_the_same_size() {
    let model = demo_with("EXACT_FIT= no", "EXACT_FIT= yes").unwrap();
    assert!(plan(&model, &[blank(0, 4096)], &Settings::default()).is_ok());
    let error = plan(&model, &[blank(0, 5000)], &Settings::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "0590-231 EXACT_FIT is set, but hdisk0 (vda), 5000 MB has 5000 MB where the backed-up disk had 4096 MB"
    );
}

#[test]
fn large_sectors_are_reckoned_with() {
    let mut disk = blank(0, 4096);
    disk.sector = 4096;
    let plan = plan(&demo(), &[disk.clone()], &Settings::default()).unwrap();
    check(&plan);
    let var = plan
        .file_systems
        .iter()
        .find(|fs| fs.kind == "xfs")
        .unwrap();
    assert!(var.mkfs.contains(&"size=4096".to_owned()), "{:?}", var.mkfs);
    let model = demo_with(
        "LX_FS_BLOCK_SIZE= 4096\n\tLX_FS_INODE_SIZE= 256",
        "LX_FS_BLOCK_SIZE= 1024\n\tLX_FS_INODE_SIZE= 256",
    )
    .unwrap();
    let error = lifeboat_layout::plan::plan(&model, &[disk], &Settings::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("0590-232 / has blocks of 1024 bytes"),
        "{error}"
    );
}

#[test]
fn names_may_be_changed() {
    let settings = Settings {
        group_name: Some("alt-rootvg".to_owned()),
        volume_prefix: "alt_".to_owned(),
        ..Settings::default()
    };
    let plan = plan(&demo(), &[blank(0, 4096)], &settings).unwrap();
    let group = plan.groups().next().unwrap();
    assert_eq!(
        (group.name.as_str(), group.volumes[0].name.as_str()),
        ("alt-rootvg", "alt_hd4")
    );
    assert_eq!(
        plan.file_systems[0].device,
        "/dev/mapper/alt--rootvg-alt_hd4"
    );
    let settings = Settings {
        volume_prefix: "a/".to_owned(),
        ..Settings::default()
    };
    assert!(refused(&[blank(0, 4096)], &settings).starts_with("0590-233"));
}

#[test]
fn the_demo_asks_and_takes_any_empty_disk() {
    let bosinst = Bosinst::from_document(&Document::parse(DEMO_BOSINST).unwrap()).unwrap();
    assert!(bosinst.control.prompt);
    assert_eq!(
        (bosinst.targets.len(), bosinst.control.overwrite),
        (0, Overwrite::No)
    );
}

#[test]
fn the_tools_of_a_plan() {
    let plan = plan(&demo(), &[blank(0, 4096)], &Settings::default()).unwrap();
    assert_eq!(plan.needed_tools(), ["lvm", "mke2fs", "mkfs.xfs", "mkswap"]);
    let dir = tempfile::tempdir().unwrap();
    for tool in ["lvm", "mkswap"] {
        std::fs::write(dir.path().join(tool), "").unwrap();
    }
    let error = plan.check_tools(dir.path().as_os_str()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "0590-234 Programs are missing here: mke2fs, mkfs.xfs"
    );
}
