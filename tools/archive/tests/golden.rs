//! The format is written in stone: a backup of version 1 stays readable, the same
//! tree gives the same stream on every machine, and the same bytes with any number of
//! threads.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

use common::{OPTIONS, assert_same, is_root, open, pack, set_time, summary, unpack};
use lifeboat_archive::CreateOptions;
use lifeboat_sys::xattr::{self, Subject};

/// A backup of [`tree`], written by the first version of the format.
const GOLDEN: &[u8] = include_bytes!("data/version-1.mksysb");

fn tree(root: &Path) {
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
    fs::write(root.join("data"), "lifeboat\n".repeat(1500)).unwrap();
    fs::hard_link(root.join("data"), root.join("data.2")).unwrap();
    symlink("etc/passwd", root.join("symlink")).unwrap();
    let sparse = File::create(root.join("sparse")).unwrap();
    sparse.set_len(1 << 20).unwrap();
    sparse.write_all_at(&[b's'; 65_536], 1 << 19).unwrap();
    fs::write(root.join("n".repeat(120)), "").unwrap();
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let files = [
        "etc/passwd",
        "etc/group",
        "data",
        "symlink",
        "sparse",
        "fifo",
        "etc",
        "",
    ];
    for (path, nanoseconds) in files.into_iter().zip(0..) {
        let path = root.join(path);
        if !path.is_symlink() {
            let mode = if path.is_dir() { 0o755 } else { 0o640 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        set_time(&path, 1_700_000_000, nanoseconds);
    }
    let long = root.join("n".repeat(120));
    fs::set_permissions(&long, fs::Permissions::from_mode(0o4755)).unwrap();
    set_time(&long, -1, 5);
    set_time(root, 1_700_000_000, 0);
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let file = root.path().join("data");
    if !is_root() || !xattr::list(Subject::Path(&file)).unwrap().is_empty() {
        eprintln!("skipped: files made here are not root's, or carry a label");
        return;
    }
    let written = [1, 2, 3].map(|threads| {
        let options = CreateOptions { threads, ..OPTIONS };
        pack(root.path(), &options).0
    });
    assert!(written.iter().all(|bytes| *bytes == written[0]));
    // How the stream is cut and compressed may change, the stream may not.
    if stream(&written[0]) != stream(GOLDEN) {
        let place = std::env::temp_dir().join("version-1.mksysb");
        fs::write(&place, &written[0]).unwrap();
        panic!("the stream has other bytes: {}", place.display());
    }
}

/// Like zstd -dc: all frames, the skippable one passed over.
fn stream(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).unwrap()
}

#[test]
fn a_backup_of_version_1_is_read() {
    let backup = open(GOLDEN);
    assert_eq!(backup.summary(), &summary());
    assert!(backup.verify(&mut |_| {}).damaged.is_empty());
    let manifest = backup.manifest().unwrap();
    let lines: Vec<_> = manifest.entries().map(|entry| entry.to_string()).collect();
    assert_eq!(
        lines[5], "link 0640 0 - 18944 ./data.2 ./data",
        "{lines:#?}"
    );
    if is_root() {
        let (root, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        tree(root.path());
        assert!(unpack(GOLDEN, dest.path()).damaged.is_empty());
        assert_same(root.path(), dest.path());
    }
}
