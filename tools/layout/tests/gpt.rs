//! Partition tables on plain files, judged by other people's programs.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use common::{blank, demo, have};
use lifeboat_layout::model::PartitionKind;
use lifeboat_layout::plan::{PlannedTable, Settings, Target, plan};
use lifeboat_layout::signature::{Found, HEAD, UNFINISHED, identify};
use lifeboat_layout::size::MB;
use lifeboat_layout::{blank as blanking, gpt};
use lifeboat_sys::run::Tool;

/// A plan for a disk with sectors of this size.
fn planned(sector: u32) -> Target {
    let mut disk = blank(0, 4096);
    disk.sector = sector;
    let plan = plan(&demo(), &[disk], &Settings::default()).unwrap();
    plan.targets[0].clone()
}

fn guid_of(target: &Target) -> String {
    match target.table {
        PlannedTable::Gpt(guid) => guid.to_string(),
        other => panic!("{other:?} was planned"),
    }
}

/// A file as large as the disk of the plan, with old data where it matters.
fn used_disk(target: &Target, path: &Path) -> File {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    file.set_len(target.disk.size).unwrap();
    for at in [0, 9 * MB, target.disk.size - MB] {
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[0x5a; 4096]).unwrap();
    }
    file
}

fn write(target: &Target, file: &mut File) {
    blanking::clear(target, file).unwrap();
    gpt::write(target, file).unwrap();
    gpt::verify(target, file).unwrap();
}

#[test]
fn both_sector_sizes_can_be_read_back() {
    for sector in [512, 4096] {
        let dir = tempfile::tempdir().unwrap();
        let target = planned(sector);
        let mut file = used_disk(&target, &dir.path().join("disk"));
        write(&target, &mut file);
        let mut head = vec![0; HEAD];
        file.rewind().unwrap();
        file.read_exact(&mut head).unwrap();
        assert_eq!(identify(&head, &[]).found, Found::Gpt);
    }
}

#[test]
fn damage_to_either_copy_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let target = planned(512);
    let mut file = used_disk(&target, &dir.path().join("disk"));
    for (at, copy) in [
        (512, "first"),
        (1024, "first"),
        (target.disk.size - 512, "backup"),
    ] {
        write(&target, &mut file);
        file.seek(SeekFrom::Start(at + 20)).unwrap();
        file.write_all(b"x").unwrap();
        let error = gpt::verify(&target, &mut file).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("0590-244 The {copy} partition table cannot be read back")
        );
    }
}

#[test]
fn another_table_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut target = planned(512);
    let mut file = used_disk(&target, &dir.path().join("disk"));
    write(&target, &mut file);
    target.partitions[1].name = "other".to_owned();
    let error = gpt::verify(&target, &mut file).unwrap_err().to_string();
    assert!(error.starts_with("0590-245 The first"), "{error}");
}

#[test]
fn prep_is_marked_and_the_rest_is_blank() {
    let dir = tempfile::tempdir().unwrap();
    let target = planned(512);
    let mut file = used_disk(&target, &dir.path().join("disk"));
    write(&target, &mut file);
    for partition in &target.partitions {
        let mut head = vec![0; HEAD];
        file.seek(SeekFrom::Start(partition.start)).unwrap();
        file.read_exact(&mut head).unwrap();
        let wanted = if partition.number == 1 {
            Found::Unfinished
        } else {
            Found::Empty
        };
        assert_eq!(identify(&head, &[]).found, wanted);
        assert_eq!(head.starts_with(UNFINISHED), partition.number == 1);
    }
}

#[test]
fn sgdisk_finds_no_fault() {
    if !have("sgdisk") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let target = planned(512);
    write(&target, &mut used_disk(&target, &path));
    let said = Tool::new("sgdisk")
        .arg("-v")
        .arg(&path)
        .run()
        .unwrap()
        .text();
    assert!(said.contains("No problems found"), "{said}");
}

#[test]
fn sfdisk_reads_what_was_planned() {
    if !have("sfdisk") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let target = planned(512);
    write(&target, &mut used_disk(&target, &path));
    let said = Tool::new("sfdisk")
        .arg("--json")
        .arg(&path)
        .run()
        .unwrap()
        .text();
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    let table = &json["partitiontable"];
    assert_eq!(table["label"], "gpt");
    assert_eq!(
        table["id"].as_str().unwrap().to_lowercase(),
        guid_of(&target)
    );
    for (partition, read) in target
        .partitions
        .iter()
        .zip(table["partitions"].as_array().unwrap())
    {
        let PartitionKind::Gpt(kind) = partition.kind else {
            panic!("a GPT was planned");
        };
        assert_eq!(read["start"], partition.start / 512);
        assert_eq!(read["size"], partition.size / 512);
        assert_eq!(read["name"], partition.name.as_str());
        assert_eq!(
            read["uuid"].as_str().unwrap().to_lowercase(),
            partition.uuid.unwrap().to_string()
        );
        assert_eq!(
            read["type"].as_str().unwrap().to_lowercase(),
            kind.to_string()
        );
    }
    assert_eq!(
        table["partitions"][0]["type"],
        "9E1A2D38-C612-4316-AA26-8B49521E5A8B"
    );
    assert_eq!(
        table["partitions"][2]["type"],
        "E6D6D379-F507-44C2-A23C-238F2A3DF928"
    );
}
