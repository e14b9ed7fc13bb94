//! `image.data`: read, written, and refused.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{DEMO, demo, demo_with};
use lifeboat_layout::model::{
    Ext, FileSystem, Format, LogicalVolume, Model, Partition, Place, Role, Swap, Table, Xfs,
};
use lifeboat_layout::size::MB;
use lifeboat_stanza::Document;
use proptest::prelude::*;

#[test]
fn the_demo_is_read() {
    let model = demo();
    assert_eq!(model.group.as_ref().unwrap().extent, 4 * MB);
    assert_eq!(
        model
            .partitions
            .iter()
            .map(|p| p.size / MB)
            .collect::<Vec<_>>(),
        [8, 384, 3702]
    );
    assert_eq!(
        model.volumes.iter().map(|v| v.extents).collect::<Vec<_>>(),
        [320, 128, 64]
    );
    let kinds: Vec<_> = model
        .file_systems
        .iter()
        .map(|fs| (fs.mount.as_deref(), fs.format.name()))
        .collect();
    assert_eq!(
        kinds,
        [
            (Some("/"), "ext4"),
            (Some("/boot"), "ext4"),
            (Some("/var"), "xfs"),
            (None, "swap")
        ]
    );
}

#[test]
fn what_is_written_is_read_again() {
    let text = demo().to_document().to_string();
    assert_eq!(
        Model::from_document(&Document::parse(&text).unwrap()).unwrap(),
        demo()
    );
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (from, to, said) in [
        (
            "COPIES= 1",
            "COPIES= 1\n\tLX_LV_TYPE= thin",
            "0590-200 The backup holds LX_LV_TYPE= thin (lv_data, line ",
        ),
        (
            "LX_TABLE= gpt",
            "LX_TABLE= sun",
            "0590-200 The backup holds a partition table of type sun on hdisk0",
        ),
        (
            "LX_PART_TYPE= fs",
            "LX_PART_TYPE= zfs",
            "0590-200 The backup holds partition 2 of hdisk0 of type zfs",
        ),
        (
            "vg_data:",
            "lx_zfs_data:\n\tLX_POOL= 1\n\nvg_data:",
            "0590-200 The backup holds what line 22 of image.data calls lx_zfs_data",
        ),
    ] {
        let error = demo_with(from, to).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn what_cannot_be_restored_is_refused_by_name() {
    for (from, to, said) in [
        (
            "COPIES= 1\n\tLPs= 320",
            "COPIES= 1\n\tLX_LV_SEGTYPE= raid6\n\tLPs= 320",
            "0590-200 The backup holds the logical volume hd4 of type raid6, which Lifeboat cannot restore",
        ),
        (
            "LX_PART_TYPE= prep",
            "LX_PART_TYPE= raid",
            "0590-200 The backup holds partition 1 of hdisk0 of type raid",
        ),
        (
            "LX_PART_TYPE= prep",
            "LX_PART_TYPE= fs",
            "0590-200 The backup holds partition 1 of hdisk0 without a file system or swap",
        ),
        (
            "LX_FS_TYPE= xfs",
            "LX_FS_TYPE= jfs",
            "0590-200 The backup holds a file system of type jfs on /var",
        ),
        (
            "orphan_file",
            "bigalloc",
            "0590-200 The backup holds the ext feature bigalloc on /,",
        ),
        (
            "reflink=1",
            "zoned=1",
            "0590-200 The backup holds the XFS feature zoned=1 on /var",
        ),
        (
            "LX_FS_LABEL= var",
            "LX_FS_LABEL= much-too-long",
            "0590-200 The backup holds the label \"much-too-long\" on /var",
        ),
        (
            "vg_data:",
            "lx_unknown_data:\n\tLX_WHAT= a zpool tank\n\nvg_data:",
            "0590-200 The backup holds a zpool tank, which",
        ),
        ("FS_NAME= /\n", "FS_NAME= /srv\n", "0590-202"),
        (
            "LV_SOURCE_DISK_LIST= hdisk0",
            "LV_SOURCE_DISK_LIST= hdisk9",
            "0590-203 image.data: logical volume hd4 refers to disk hdisk9",
        ),
    ] {
        let model = demo_with(from, to).unwrap();
        let error = model.check_system().unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
        let text = model.to_document().to_string();
        let again = Model::from_document(&Document::parse(&text).unwrap()).unwrap();
        assert_eq!(again, model);
    }
}

#[test]
fn contradictions_are_named() {
    for (from, to, said) in [
        (
            "VOLUME_GROUP= rootvg",
            "VOLUME_GROUP= other",
            "0590-203 image.data: logical volume hd4 refers to volume group other, which is not described",
        ),
        (
            "FS_LV= /dev/hd9var",
            "FS_LV= /dev/hd1",
            "0590-203 image.data: /var refers to logical volume hd1, which is not described",
        ),
        (
            "LX_FS_PARTITION= hdisk0:2",
            "LX_FS_PARTITION= hdisk0:7",
            "0590-203 image.data: /boot refers to partition 7 of hdisk0",
        ),
        (
            "LX_FS_PARTITION= hdisk0:2",
            "FS_LV= /dev/hd4",
            "0590-204 image.data describes what is on logical volume hd4 twice",
        ),
        (
            "FS_NAME= /var",
            "FS_NAME= /boot",
            "0590-204 image.data describes mount point /boot twice",
        ),
        (
            "6c1f7e5d2a09",
            "6C1F7E5D2A04",
            "0590-204 image.data describes the UUID 0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a04 twice",
        ),
        (
            "LOGICAL_VOLUME= hd9var",
            "LOGICAL_VOLUME= hd4",
            "0590-204 image.data describes logical volume hd4 twice",
        ),
        (
            "LX_PART_NUMBER= 2",
            "LX_PART_NUMBER= 1",
            "0590-204 image.data describes partition 1 of hdisk0 twice",
        ),
        (
            "SIZE_MB= 4096",
            "SIZE_MB= 4000",
            "0590-205 image.data: too little room for the partitions of hdisk0: 4094 MB in disk hdisk0, which has 4000 MB",
        ),
        (
            "FS_SIZE= 1048576",
            "FS_SIZE= 1048577",
            "0590-205 image.data: too little room for /var: 513 MB in logical volume hd9var, which has 512 MB",
        ),
        (
            "FS_MIN_SIZE= 614400",
            "FS_MIN_SIZE= 2097152",
            "0590-205 image.data: too little room for the content of /var: 1024 MB in /var, which has 512 MB",
        ),
        (
            "LX_PART_SIZE= 7581696",
            "LX_PART_SIZE= 2097152",
            "0590-205 image.data: too little room for volume group rootvg: 2048 MB in partition 3 of hdisk0, which has 1024 MB",
        ),
        (
            "vg_data:",
            "vg_data:\n\tVGNAME= a\n\tPPSIZE= 4\n\nvg_data:",
            "0590-206 image.data has 2 stanzas vg_data",
        ),
        (
            "lx_disk_data:",
            "post_install_data:",
            "0590-200 The backup holds LX_DISK= hdisk0 (post_install_data",
        ),
        ("VGNAME= rootvg", "VGNAME= -rf", "0590-203"),
        (
            "FS_NAME= /var",
            "FS_NAME= /../etc",
            "0590-207 image.data: \"/../etc\" cannot be a name of a mount point",
        ),
        (
            "PPSIZE= 4",
            "PPSIZE= 5",
            "0590-104 vg_data (line 24): PPSIZE = \"5\" is not allowed; allowed: a power of two, in MB",
        ),
        ("LPs= 320", "LPs=", "0590-103 lv_data"),
        ("PP= 320", "PP= 640", "0590-104 lv_data"),
        ("LV_MIN_LPS= 240", "LV_MIN_LPS= 400", "0590-104 lv_data"),
        (
            "LX_PARTUUID= 5b1d",
            "LX_PARTUUID= zzzz",
            "0590-104 lx_partition_data",
        ),
        ("LPs= 320", "LPs= 99999999999999999999", "0590-104 lv_data"),
        (
            "LPs= 320\n\tPP= 320",
            "LPs= 18446744073709551615\n\tPP=",
            "0590-205",
        ),
        (
            "SIZE_MB= 4096",
            "SIZE_MB= 17592186044415",
            "0590-205 image.data: too little room for disk hdisk0",
        ),
    ] {
        let error = demo_with(from, to).unwrap_err().to_string();
        assert!(error.starts_with(said), "{from} -> {to}: {error}");
    }
}

#[test]
fn a_system_without_a_boot_record_is_refused() {
    let prep = DEMO
        .split("\n\n")
        .find(|stanza| stanza.contains("LX_PART_TYPE= prep"))
        .unwrap();
    let model = demo_with(prep, "").unwrap();
    let error = model.check_system().unwrap_err().to_string();
    assert!(error.starts_with("0590-201"), "{error}");
}

#[test]
fn plain_partitions_need_no_volume_group() {
    let mut model = demo();
    model.group = None;
    model.physical_volumes.clear();
    model.volumes.clear();
    model.partitions.truncate(2);
    model
        .file_systems
        .retain(|fs| fs.mount.as_deref() == Some("/boot"));
    model.file_systems[0].mount = Some("/".to_owned());
    let text = model.to_document().to_string();
    assert_eq!(
        Model::from_document(&Document::parse(&text).unwrap()).unwrap(),
        model
    );
}

/// Models with volumes and partitions of many shapes around the demo.
fn models() -> impl Strategy<Value = Model> {
    let volumes = prop::collection::vec((1..200u64, 0..3u8, any::<bool>()), 1..8);
    (volumes, 0..5u32, 1..64u64).prop_map(|(volumes, plain, boot_mb)| {
        let mut model = demo();
        model.volumes.clear();
        let root = model.file_systems[0].clone();
        model.file_systems.clear();
        for (index, (extents, kind, full)) in volumes.into_iter().enumerate() {
            let name = format!("lv-{index}");
            let size = extents * 4 * MB;
            let mount = if index == 0 {
                "/".to_owned()
            } else {
                format!("/data/{index}")
            };
            let (format, mount) = match (index, kind) {
                (0, _) | (_, 0) => (root.format.clone(), Some(mount)),
                (_, 1) => (xfs(), Some(mount)),
                _ => (Format::Swap(Swap { page: 65536 }), None),
            };
            let min_extents = if full { extents } else { extents / 2 };
            model.volumes.push(LogicalVolume {
                min_extents,
                ..LogicalVolume::linear("rootvg", &name, extents)
            });
            model.file_systems.push(FileSystem {
                mount,
                place: Place::volume("rootvg", &name),
                size,
                min_size: size / 2,
                format,
                uuid: format!("00000000-0000-0000-0000-{index:012}"),
                ..root.clone()
            });
        }
        model.partitions.retain(|p| p.role != Role::Fs);
        for number in 10..10 + plain {
            let uuid = format!("00000000-0000-0000-0001-{number:012}");
            let size = boot_mb * MB + 512;
            model.partitions.push(Partition {
                disk: "hdisk0".to_owned(),
                number,
                role: Role::Fs,
                start: None,
                size,
                name: format!("data {number}"),
                uuid: uuid.parse().ok(),
                kind: None,
                flags: 0,
            });
            model.file_systems.push(FileSystem {
                mount: Some(format!("/plain{number}")),
                place: Place::Partition {
                    disk: "hdisk0".to_owned(),
                    number,
                },
                size,
                min_size: 0,
                uuid,
                ..root.clone()
            });
        }
        let group = model
            .volumes
            .iter()
            .map(|v| v.extents * 4 * MB)
            .sum::<u64>()
            + MB;
        if let Some(lvm) = model.partitions.iter_mut().find(|p| p.role == Role::Lvm) {
            lvm.size = group;
        }
        let used: u64 = model.partitions.iter().map(|p| p.size).sum();
        model.disks[0].size = used / MB * MB + 4 * MB;
        model
    })
}

fn xfs() -> Format {
    let features = vec![("crc".to_owned(), 1), ("ftype".to_owned(), 1)];
    Format::Xfs(Xfs {
        features,
        block: 4096,
        inode: 512,
    })
}

proptest! {
    #[test]
    fn every_model_survives_image_data(model in models()) {
        let text = model.to_document().to_string();
        let again = Model::from_document(&Document::parse(&text).unwrap()).unwrap();
        prop_assert_eq!(again, model);
    }

    /// A plan never overlaps, never exceeds the disk, and what does not fit is refused.
    #[test]
    fn every_plan_fits_its_disk(model in models(), mb in 8..8000u64, shrink: bool, large: bool) {
        use lifeboat_layout::plan::{PlanError, Settings, plan};
        let mut disk = common::blank(0, mb);
        disk.sector = if large { 4096 } else { 512 };
        let settings = Settings { shrink: Some(shrink), ..Settings::default() };
        match plan(&model, &[disk], &settings) {
            Err(PlanError::TooSmall { needed, present, .. }) => prop_assert!(needed > present),
            Err(other) => prop_assert!(false, "{}", other),
            Ok(plan) => {
                let mut end = MB;
                let target = &plan.targets[0];
                for partition in &target.partitions {
                    prop_assert_eq!(partition.start % MB, 0);
                    prop_assert!(partition.start >= end);
                    end = partition.start + partition.size;
                }
                prop_assert!(end + 16384 + u64::from(target.disk.sector) <= target.disk.size);
                let group = plan.groups().next().unwrap();
                let used: u64 = group.volumes.iter().map(|v| v.extents).sum();
                prop_assert!(used <= group.extents);
                for fs in &plan.file_systems {
                    prop_assert!(shrink || fs.size >= fs.old_size);
                }
                prop_assert!(plan.lines(80).iter().all(|line| line.chars().count() <= 80));
            }
        }
    }

    /// Whatever one line of image.data says, it is read or refused, without a panic.
    #[test]
    fn odd_values_are_answered(index in 0..200usize, value in "[0-9a-z/:= -]{0,24}") {
        let mut lines: Vec<String> = DEMO.lines().map(str::to_owned).collect();
        let index = index % lines.len();
        if let Some((field, _)) = lines[index].clone().split_once('=') {
            lines[index] = format!("{field}= {value}");
        }
        let document = Document::parse(&lines.join("\n")).unwrap();
        if let Ok(model) = Model::from_document(&document) {
            let disks = [common::blank(0, 4096)];
            let settings = lifeboat_layout::plan::Settings::default();
            if let Ok(plan) = lifeboat_layout::plan::plan(&model, &disks, &settings) {
                prop_assert!(!plan.lines(80).is_empty());
            }
        }
    }
}

#[test]
fn what_is_asked_of_a_model_is_what_it_has() {
    let model = demo();
    assert_eq!(
        model.on_volume(&model.volumes[2]).unwrap().format.name(),
        "swap"
    );
    assert_eq!(
        model
            .on_partition(&model.partitions[1])
            .unwrap()
            .mount
            .as_deref(),
        Some("/boot")
    );
    let Table::Gpt(guid) = model.disks[0].table else {
        panic!("the demo has a GPT");
    };
    assert_eq!(guid.to_string(), "5b1d6f0a-8f5e-4a39-9c58-3f0d3a3b1c00");
    let Format::Ext(Ext { reserved, .. }) = &model.file_systems[1].format else {
        panic!("no ext")
    };
    assert_eq!(*reserved, 0);
}
