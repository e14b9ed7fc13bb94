//! Files that are restored where files are already.

#![allow(clippy::unwrap_used, reason = "what fails here is the test")]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::{OPTIONS, file_of, open, pack, unpack};
use lifeboat_archive::{ExtractError, ExtractOptions, Incoming};

/// A tree with a small file and one of several frames.
fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..40_000_u32)
        .map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[0])
        .collect();
    fs::write(tree.path().join("long"), noise).unwrap();
    fs::write(tree.path().join("short"), "new").unwrap();
    tree
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_damaged_file_replaces_nothing() {
    let (tree, dest) = (tree(), tempfile::tempdir().unwrap());
    let (mut bytes, _) = pack(tree.path(), &OPTIONS);
    for name in ["long", "short"] {
        fs::write(dest.path().join(name), "old").unwrap();
    }
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let report = unpack(&bytes, dest.path());
    let damaged: Vec<_> = report.damaged.iter().map(|finding| &finding.path).collect();
    assert_eq!(damaged, [Path::new("./long")]);
    assert_eq!(fs::read(dest.path().join("long")).unwrap(), b"old");
    assert_eq!(fs::read(dest.path().join("short")).unwrap(), b"new");
    assert_eq!(names(dest.path()), ["long", "short"]);
}

#[test]
fn a_new_file_takes_the_name_and_leaves_the_old_file_alone() {
    let (tree, dest) = (tree(), tempfile::tempdir().unwrap());
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    let (old, other) = (dest.path().join("long"), dest.path().join("other"));
    fs::write(&old, "old").unwrap();
    fs::hard_link(&old, &other).unwrap();
    let before = fs::metadata(&old).unwrap().ino();
    assert!(unpack(&bytes, dest.path()).damaged.is_empty());
    assert_ne!(fs::metadata(&old).unwrap().ino(), before);
    assert_eq!(
        fs::read(&old).unwrap(),
        fs::read(tree.path().join("long")).unwrap()
    );
    assert_eq!(fs::read(&other).unwrap(), b"old");
    assert_eq!(names(dest.path()), ["long", "other", "short"]);
}

#[test]
fn an_interrupted_restore_says_so_and_leaves_whole_files() {
    let (tree, dest) = (tree(), tempfile::tempdir().unwrap());
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    fs::write(dest.path().join("long"), "old").unwrap();
    let stop = Arc::new(AtomicBool::new(true));
    let options = ExtractOptions {
        stop: Some(Arc::clone(&stop)),
        ..ExtractOptions::default()
    };
    let from_file = open(&bytes).extract(dest.path(), &options, &mut |_| {});
    let stream = fs::File::open(file_of(&bytes).path()).unwrap();
    let incoming = Incoming::open(Path::new("pipe"), stream).unwrap();
    let from_stream = incoming.extract(dest.path(), &options, &mut |_| {});
    for result in [from_file, from_stream] {
        assert!(matches!(result, Err(ExtractError::Interrupted { .. })));
    }
    assert_eq!(names(dest.path()), ["long"]);
    assert_eq!(fs::read(dest.path().join("long")).unwrap(), b"old");
}

#[test]
fn paths_are_told_and_times_may_stay_away() {
    static TOLD: AtomicU64 = AtomicU64::new(0);
    let (tree, dest) = (tree(), tempfile::tempdir().unwrap());
    let old = fs::File::options()
        .write(true)
        .open(tree.path().join("short"));
    old.unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
        .unwrap();
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    let options = ExtractOptions {
        only: vec![b"short".to_vec()],
        times: false,
        each: Some(|path| {
            assert_eq!(path, b"./short");
            TOLD.fetch_add(1, Ordering::Relaxed);
        }),
        ..ExtractOptions::default()
    };
    open(&bytes)
        .extract(dest.path(), &options, &mut |_| {})
        .unwrap();
    assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    let restored = fs::metadata(dest.path().join("short")).unwrap();
    assert!(restored.mtime() > 1_000_000_000);
}
