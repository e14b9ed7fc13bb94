//! Trees beyond what the kernel lets one do at once, in the memory that is allowed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use common::{OPTIONS, noise, open, pack, source, whole};
use lifeboat_archive::{CreateOptions, create};
use lifeboat_sys::run::Tool;
use nix::fcntl::{OFlag, openat};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, mkdirat};

/// A number of KiB in /proc/self/status, in bytes.
fn status(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    let digits = line.trim_matches(|c: char| !c.is_ascii_digit());
    digits.parse::<u64>().unwrap() << 10
}

/// The bytes of memory that `work` takes beside what was taken before; `None` where
/// the kernel does not tell.
fn memory_of(work: impl FnOnce()) -> Option<u64> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = status("VmRSS:");
    work();
    Some(status("VmHWM:").saturating_sub(before))
}

/// One test at a time: they share the memory and the limit of descriptors.
static ONE: Mutex<()> = Mutex::new(());

#[test]
fn the_memory_that_is_allowed_is_not_exceeded() {
    let _one = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = tempfile::tempdir().unwrap();
    let noise = noise(32 << 20);
    fs::write(root.path().join("noise"), &noise).unwrap();
    for n in 0..200 {
        fs::write(root.path().join(format!("{n}")), &noise[n..n + 70_000]).unwrap();
    }
    drop(noise);
    for (memory, frame_size, threads) in [
        (16 << 20, 4 << 20, 2),
        (24 << 20, 1 << 20, 8),
        (8 << 20, 16 << 20, 2),
    ] {
        let options = CreateOptions {
            memory,
            frame_size,
            threads,
            ..CreateOptions::default()
        };
        let trees = whole(root.path());
        let taken = memory_of(|| {
            create(&mut io::sink(), &source(&trees), &options, &mut |_| {}).unwrap();
        });
        // Beside it only zstd's tables and what the threads themselves are.
        let more = 4 << 20;
        println!("{taken:?} bytes, {memory} allowed");
        assert!(
            taken.is_none_or(|taken| taken <= memory + more),
            "{options:?}"
        );
    }
}

#[test]
fn a_tree_deeper_than_there_are_descriptors_is_walked() {
    const DEPTH: usize = 2100;
    let _one = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 256, hard).unwrap();
    let root = tempfile::tempdir().unwrap();
    let mut directory = File::open(root.path()).unwrap();
    for level in 0..DEPTH {
        mkdirat(&directory, "dir", Mode::S_IRWXU).unwrap();
        let flags = OFlag::O_DIRECTORY;
        let below = openat(directory.as_fd(), "dir", flags, Mode::empty()).unwrap();
        directory = File::from(below);
        if level % 100 == 0 || level == DEPTH - 1 {
            let flags = OFlag::O_CREAT | OFlag::O_WRONLY;
            let file = openat(directory.as_fd(), "file", flags, Mode::S_IRUSR).unwrap();
            File::from(file).write_all_at(b"deep", 0).unwrap();
        }
    }
    let (bytes, report) = pack(root.path(), &OPTIONS);
    Tool::new("rm").arg("-rf").arg(root.path()).run().unwrap();
    assert!(
        report.left_out.is_empty() && report.changed.is_empty(),
        "{report:?}"
    );
    let backup = open(&bytes);
    assert!(backup.verify(&mut |_| {}).damaged.is_empty());
    let path = format!(".{}/file", "/dir".repeat(DEPTH));
    let mut content = Vec::new();
    backup.read_member(path.as_bytes(), &mut content).unwrap();
    assert_eq!(content, b"deep");
    assert_eq!(report.totals.members, 3 + 1 + DEPTH as u64 + 22);
}

#[test]
fn a_directory_of_100_000_files_is_stored() {
    const FILES: u64 = 100_000;
    let _one = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = tempfile::tempdir().unwrap();
    let many = root.path().join("many");
    fs::create_dir(&many).unwrap();
    for n in 0..FILES {
        File::create(many.join(n.to_string())).unwrap();
    }
    let taken = memory_of(|| {
        let trees = whole(root.path());
        let options = CreateOptions::default();
        let report = create(&mut io::sink(), &source(&trees), &options, &mut |_| {}).unwrap();
        assert_eq!(report.totals.members, 3 + 2 + FILES);
        assert!(report.left_out.is_empty() && report.changed.is_empty());
    });
    println!("{taken:?} bytes");
    assert!(taken.is_none_or(|taken| taken < 128 << 20), "{taken:?}");
}

#[test]
fn a_full_file_system_is_left_without_a_backup() {
    let _one = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let (root, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let flags = nix::mount::MsFlags::empty();
    let tiny = Some("size=1m");
    if nix::mount::mount(Some("none"), place.path(), Some("tmpfs"), flags, tiny).is_err() {
        eprintln!("skipped: mounting is not allowed here");
        return;
    }
    fs::write(root.path().join("noise"), noise(4 << 20)).unwrap();
    let out = place.path().join("b");
    let trees = whole(root.path());
    let result = lifeboat_archive::create_file(&out, &source(&trees), &OPTIONS, &mut |_| {});
    let left = fs::read_dir(place.path()).unwrap().count();
    nix::mount::umount(place.path()).unwrap();
    let error = result.unwrap_err();
    assert!(error.to_string().starts_with("0590-120"), "{error}");
    assert_eq!(left, 0);
    assert!(!Path::new(&out).exists());
}
