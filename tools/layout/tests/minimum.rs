//! Whether a file system of `FS_MIN_SIZE` holds what the old one held, judged
//! by the tools that make it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fs::File;
use std::path::Path;

use common::have;
use common::scene::{LINUX, PREP, Scene};
use lifeboat_layout::mkfs;
use lifeboat_layout::model::FileSystem;
use lifeboat_layout::size::MB;
use lifeboat_layout::system::host::Usage;
use lifeboat_layout::system::{Wanted, probe_host};
use lifeboat_sys::run::Tool;

/// `/` of a system on which it has so many MB, of which so many are used by so
/// many files.
fn root(kind: &str, mb: u64, used: u64, files: u64) -> FileSystem {
    let mut scene = Scene::new();
    scene.disk("vda", mb + 100);
    scene.gpt("vda", &[(PREP, 8, ""), (LINUX, mb, "")]);
    if kind == "xfs" {
        scene.xfs("vda2", "/dev/vda2", "/", mb, 1, false);
    } else {
        scene.ext4("vda2", "/dev/vda2", "/", mb, 1);
    }
    let mut recording = scene.done();
    let usage = Usage {
        size: mb * MB,
        used: used * MB,
        files,
    };
    recording.usages.insert("/".to_owned(), usage);
    let system = probe_host(&recording, &Wanted::Root).unwrap();
    system.model.file_systems[0].clone()
}

fn said(program: &str, arguments: &[&str]) -> String {
    Tool::new(program).args(arguments).run().unwrap().text()
}

fn file(path: &Path, size: u64) {
    File::create(path).unwrap().set_len(size).unwrap();
}

#[test]
fn an_ext4_of_the_minimum_holds_its_content() {
    if !have("mke2fs") || !have("dumpe2fs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (mb, used, files) in [
        (512, 60, 300),
        (2048, 700, 14_000),
        (20_000, 2000, 600_000),
        (20_000, 9000, 90_000),
        (200_000, 60_000, 1_000_000),
        (2_000_000, 300_000, 20_000_000),
    ] {
        let fs = root("ext4", mb, used, files);
        assert!(fs.min_size < fs.size, "{mb} MB could shrink");
        let path = dir.path().join("fs");
        file(&path, fs.min_size);
        let path = path.to_str().unwrap();
        let argv = mkfs::command(&fs, path, 512);
        Tool::new(&argv[0]).args(&argv[1..]).run().unwrap();
        let dump = said("dumpe2fs", &["-h", path]);
        let number = |key: &str| -> u64 {
            let value = dump.lines().find_map(|line| line.strip_prefix(key));
            value.unwrap().trim().parse().unwrap()
        };
        let free = (number("Free blocks:") - number("Reserved block count:")) * 4096 / MB;
        assert!(free >= used + 64, "{free} MB free for {used}");
        assert!(number("Free inodes:") >= files);
    }
}

#[test]
fn an_xfs_of_the_minimum_holds_its_content() {
    if !have("mkfs.xfs") || !have("xfs_db") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (mb, used) in [
        (1000, 20),
        (4000, 1500),
        (100_000, 40_000),
        (2_000_000, 800_000),
    ] {
        let fs = root("xfs", mb, used, 1000);
        assert!(fs.min_size < fs.size, "{mb} MB could shrink");
        let path = dir.path().join("fs");
        file(&path, fs.min_size);
        let path = path.to_str().unwrap();
        // The features that take room, as far as tools of any age know them.
        let features = "crc=1,finobt=1,rmapbt=1,reflink=1";
        said("mkfs.xfs", &["-q", "-f", "-m", features, path]);
        let free = said("xfs_db", &["-r", "-c", "sb 0", "-c", "p fdblocks", path]);
        let free: u64 = free
            .trim()
            .strip_prefix("fdblocks = ")
            .unwrap()
            .parse()
            .unwrap();
        // A mounted one sets aside blocks for its trees: about 2 in 100.
        let free = free * 4096 / MB / 100 * 98;
        assert!(free >= used + 32, "{free} MB free for {used}");
    }
}
