//! Any tree comes back as it was.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::{
    OPTIONS, Without, assert_same, is_root, open, pack, rich_tree, set_attribute, set_time,
    snapshot, source, summary, unpack, whole,
};
use lifeboat_archive::{
    Backup, CreateError, CreateOptions, EntryKind, ExtractOptions, Finding, Progress, ReadError,
    Source, Trouble, create, create_file,
};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use proptest::prelude::*;

#[test]
fn one_of_everything_comes_back() {
    let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    rich_tree(tree.path());
    let (bytes, created) = pack(tree.path(), &OPTIONS);
    assert!(
        created.changed.is_empty() && created.left_out.is_empty(),
        "{created:?}"
    );
    let backup = open(&bytes);
    assert_eq!(backup.totals(), created.totals);
    assert_eq!(backup.summary(), &summary());
    let verified = backup.verify(&mut |_| {});
    assert!(verified.damaged.is_empty(), "{:?}", verified.damaged);
    assert_eq!(verified.members, created.totals.members);

    let extracted = unpack(&bytes, dest.path());
    assert!(
        extracted.damaged.is_empty() && extracted.refused.is_empty(),
        "{extracted:?}"
    );
    assert_same(tree.path(), dest.path());
    let blocks = |root: &Path| fs::metadata(root.join("sparse")).unwrap().blocks();
    assert_eq!(
        blocks(tree.path()),
        blocks(dest.path()),
        "holes are holes again"
    );

    // Once more, over what is there now.
    let again = unpack(&bytes, dest.path());
    assert!(again.damaged.is_empty(), "{again:?}");
    assert_same(tree.path(), dest.path());
}

#[test]
fn devices_and_capabilities_come_back() {
    if !is_root() {
        eprintln!("skipped: only root makes devices");
        return;
    }
    let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = |name: &str, kind, major, minor| {
        mknod(
            &tree.path().join(name),
            kind,
            Mode::S_IRUSR,
            makedev(major, minor),
        )
        .unwrap();
    };
    node("console", SFlag::S_IFCHR, 5, 1);
    node("disk", SFlag::S_IFBLK, 259, 1_000_000);
    // Version 2, effective, CAP_NET_RAW: what ping has. A change of owner clears it.
    let capability = [
        1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let ping = tree.path().join("ping");
    fs::write(&ping, "").unwrap();
    std::os::unix::fs::chown(&ping, Some(1), Some(2)).unwrap();
    set_attribute(&ping, b"security.capability", &capability);
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    let report = unpack(&bytes, dest.path());
    assert!(
        report.damaged.is_empty() && report.refused.is_empty(),
        "{report:?}"
    );
    assert_same(tree.path(), dest.path());
}

#[test]
fn a_file_beyond_8_gib_comes_back() {
    let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let length = 9 << 30;
    let file = File::create(tree.path().join("big")).unwrap();
    file.set_len(length).unwrap();
    file.write_all_at(b"end", length - 3).unwrap();
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    assert!(unpack(&bytes, dest.path()).damaged.is_empty());
    let restored = File::open(dest.path().join("big")).unwrap();
    assert_eq!(restored.metadata().unwrap().len(), length);
    let mut end = [0; 4];
    restored.read_exact_at(&mut end, length - 4).unwrap();
    assert_eq!(&end, b"\0end");
    let entry = open(&bytes).manifest().unwrap().find(b"./big").unwrap();
    assert_eq!((entry.kind, entry.size), (EntryKind::Sparse, length));
}

#[test]
fn a_socket_is_listed_but_not_stored() {
    let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("socket")).unwrap();
    let (bytes, created) = pack(tree.path(), &OPTIONS);
    assert!(created.left_out.is_empty(), "{created:?}");
    let entry = open(&bytes).manifest().unwrap().find(b"./socket").unwrap();
    assert_eq!((entry.kind, entry.offset), (EntryKind::Socket, None));
    assert!(unpack(&bytes, dest.path()).damaged.is_empty());
    assert!(!dest.path().join("socket").exists());
}

#[test]
fn what_is_excluded_reserved_or_the_output_itself_is_not_stored() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    fs::create_dir_all(root.join("tmp/below")).unwrap();
    fs::create_dir_all(root.join(".lifeboat")).unwrap();
    for file in ["keep", "drop", "image.data", ".lifeboat/info", "etc"] {
        fs::write(root.join(file), file).unwrap();
    }
    let trees = whole(root);
    let source = Source {
        selection: &Without(&["./tmp/below", "./drop"]),
        ..source(&trees)
    };
    let out = root.join("backup.mksysb");
    let report = create_file(&out, &source, &OPTIONS, &mut |_| {}).unwrap();
    let left_out: Vec<_> = report.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(
        left_out[0].starts_with("0590-144 ./.lifeboat:"),
        "{left_out:?}"
    );
    assert!(
        left_out[1].starts_with("0590-144 ./image.data:"),
        "{left_out:?}"
    );
    let backup = Backup::open(&out).unwrap();
    let manifest = backup.manifest().unwrap();
    let paths: Vec<_> = manifest.entries().map(|entry| entry.path).collect();
    let expected = [
        "./bosinst.data",
        "./image.data",
        "./.lifeboat/info",
        ".",
        "./etc",
        "./keep",
        "./tmp",
    ];
    assert_eq!(paths, expected.map(|path| path.as_bytes().to_vec()));
}

#[test]
fn the_kernels_own_file_systems_are_stored_empty() {
    let other = |name: &PathBuf| name != Path::new("proc") && name != Path::new("sys");
    let names = fs::read_dir("/")
        .unwrap()
        .map(|entry| PathBuf::from(entry.unwrap().file_name()));
    let without: Vec<_> = names
        .filter(other)
        .map(|name| format!("./{}", name.display()))
        .collect();
    let without: Vec<_> = without.iter().map(String::as_str).collect();
    let trees = whole(Path::new("/"));
    let source = Source {
        selection: &Without(&without),
        ..source(&trees)
    };
    let mut bytes = Vec::new();
    create(&mut bytes, &source, &OPTIONS, &mut |_| {}).unwrap();
    let manifest = open(&bytes).manifest().unwrap();
    assert!(manifest.find(b"./proc").is_some() && manifest.find(b"./sys").is_some());
    let deep = manifest.entries().find(|entry| {
        entry.path != b"./.lifeboat/info"
            && entry.path.iter().filter(|&&byte| byte == b'/').count() > 1
    });
    assert_eq!(deep, None);
}

#[test]
fn what_is_skipped_is_not_written() {
    let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    rich_tree(tree.path());
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    let skip = vec![PathBuf::from("/long"), PathBuf::from("zero")];
    let options = ExtractOptions {
        skip,
        ..ExtractOptions::default()
    };
    let report = open(&bytes)
        .extract(dest.path(), &options, &mut |_| {})
        .unwrap();
    assert!(
        report.damaged.is_empty() && report.skipped > 40,
        "{report:?}"
    );
    let missing = |path: &PathBuf| path.starts_with("long") || path == Path::new("zero");
    let mut expected = snapshot(tree.path());
    expected.retain(|path, _| !missing(path));
    assert!(snapshot(dest.path()).into_keys().eq(expected.into_keys()));
}

#[test]
fn single_files_are_read() {
    let tree = tempfile::tempdir().unwrap();
    rich_tree(tree.path());
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    let backup = open(&bytes);
    let read = |path: &str| {
        let mut content = Vec::new();
        let length = backup.read_member(path.as_bytes(), &mut content)?;
        assert_eq!(length, content.len() as u64);
        Ok::<_, ReadError>(content)
    };
    for path in [
        "noise",
        "sparse",
        "hole",
        "zero",
        "etc/noise too",
        "etc/passwd",
    ] {
        let content = fs::read(tree.path().join(path)).unwrap();
        assert!(read(&format!("./{path}")).unwrap() == content, "{path}");
    }
    assert_eq!(read("./image.data").unwrap(), summary().image);
    assert!(matches!(read("./nowhere"), Err(ReadError::NotThere { .. })));
    assert!(matches!(read("./etc"), Err(ReadError::NotAFile { .. })));
}

#[test]
fn a_region_of_a_larger_file_is_a_backup() {
    let tree = tempfile::tempdir().unwrap();
    rich_tree(tree.path());
    let (bytes, created) = pack(tree.path(), &OPTIONS);
    let around = [&b"before"[..], &bytes, b"after"].concat();
    let file = common::file_of(&around);
    let backup = Backup::open_region(file.path(), 6, bytes.len() as u64).unwrap();
    assert_eq!(backup.totals(), created.totals);
    assert!(backup.verify(&mut |_| {}).damaged.is_empty());
}

#[test]
fn the_length_of_a_backup_is_a_multiple_of_a_tapes_block() {
    let tree = tempfile::tempdir().unwrap();
    rich_tree(tree.path());
    for multiple_of in [512, 10_240, 1 << 20] {
        let options = CreateOptions {
            multiple_of,
            ..OPTIONS
        };
        let (bytes, created) = pack(tree.path(), &options);
        assert!(bytes.len().is_multiple_of(multiple_of as usize));
        let backup = open(&bytes);
        assert_eq!(backup.totals(), created.totals);
        assert!(backup.verify(&mut |_| {}).damaged.is_empty());
        // A bit among the zeros.
        let at = usize::try_from(created.totals.bytes_compressed).unwrap() + 8;
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(Backup::open(common::file_of(&bad).path()).is_err());
    }
    let odd = CreateOptions {
        multiple_of: 0,
        ..OPTIONS
    };
    let result = create(
        &mut Vec::new(),
        &source(&whole(tree.path())),
        &odd,
        &mut |_| {},
    );
    assert!(
        matches!(result, Err(CreateError::Multiple(0))),
        "{result:?}"
    );
}

#[test]
fn a_backup_that_fails_leaves_nothing() {
    let tree = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("b.mksysb");
    let missing = whole(Path::new("/no/such/tree"));
    let result = create_file(&out, &source(&missing), &OPTIONS, &mut |_| {});
    assert!(matches!(result, Err(CreateError::File(_))), "{result:?}");
    let odd = CreateOptions {
        frame_size: 100,
        ..OPTIONS
    };
    let result = create_file(&out, &source(&whole(tree.path())), &odd, &mut |_| {});
    assert!(
        matches!(result, Err(CreateError::FrameSize(100))),
        "{result:?}"
    );
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn only_a_regular_file_is_replaced() {
    let (tree, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pipe = place.path().join("rmt0");
    nix::unistd::mkfifo(&pipe, Mode::S_IRUSR).unwrap();
    let result = create_file(&pipe, &source(&whole(tree.path())), &OPTIONS, &mut |_| {});
    assert!(
        matches!(result, Err(CreateError::NotAFile(_))),
        "{result:?}"
    );
    assert!(!pipe.metadata().unwrap().is_file());
    let file = place.path().join("old.mksysb");
    fs::write(&file, "old").unwrap();
    create_file(&file, &source(&whole(tree.path())), &OPTIONS, &mut |_| {}).unwrap();
    assert!(Backup::open(&file).is_ok());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
}

/// Takes so many bytes, and then no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::Error::from_raw_os_error(28));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_output_ends_the_backup() {
    let tree = tempfile::tempdir().unwrap();
    rich_tree(tree.path());
    let length = pack(tree.path(), &OPTIONS).0.len();
    for room in [0, 3000, length / 2, length - 1] {
        let out = &mut Full(room);
        let result = create(out, &source(&whole(tree.path())), &OPTIONS, &mut |_| {});
        let space = matches!(&result, Err(CreateError::Write(e)) if e.raw_os_error() == Some(28));
        assert!(space, "{result:?}");
    }
}

/// Backs up a file of 4 MiB, and does something to it when a part of it is written
/// and, the pipeline being short, most of it is not yet read.
fn meddle(with: impl Fn(&File)) -> Vec<Finding> {
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join("log");
    fs::write(&path, common::noise(4 << 20)).unwrap();
    // The kernel's clock ticks in milliseconds: an old time cannot be the new one.
    set_time(&path, 1_000_000_000, 0);
    let mut done = false;
    let mut progress = |progress: Progress| {
        if !done && progress.done > 64 << 10 {
            with(&File::options().write(true).open(&path).unwrap());
            done = true;
        }
    };
    let mut bytes = Vec::new();
    let report = create(
        &mut bytes,
        &source(&whole(tree.path())),
        &OPTIONS,
        &mut progress,
    )
    .unwrap();
    let damaged = open(&bytes).verify(&mut |_| {}).damaged;
    assert!(
        damaged.is_empty(),
        "what is stored is consistent: {damaged:?}"
    );
    report.changed
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let shorter = meddle(|file| file.set_len(1 << 20).unwrap());
    let longer = meddle(|file| file.set_len(5 << 20).unwrap());
    for found in [shorter, longer] {
        let told = matches!(
            found[..],
            [Finding {
                trouble: Trouble::SizeChanged {
                    recorded: 0x40_0000
                },
                ..
            }]
        );
        assert!(told, "{found:?}");
    }
    let written = meddle(|file| file.write_all_at(b"new", 4 << 19).unwrap());
    assert!(
        matches!(
            written[..],
            [Finding {
                trouble: Trouble::Changed,
                ..
            }]
        ),
        "{written:?}"
    );
    assert!(meddle(|_| {}).is_empty());
}

/// What a generated tree is made of.
#[derive(Debug, Clone)]
enum Piece {
    File(Vec<u8>),
    Holes(Vec<bool>),
    Directory,
    Symlink(Vec<u8>),
    Fifo,
    LinkTo(usize),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = (1_u8..=255).prop_filter("a slash is no part of a name", |&byte| byte != b'/');
    let name = proptest::collection::vec(byte, 1..150);
    name.prop_filter("dots are directories", |name| name != b"." && name != b"..")
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..9000).prop_map(Piece::File),
        1 => proptest::collection::vec(any::<bool>(), 1..8).prop_map(Piece::Holes),
        3 => Just(Piece::Directory),
        1 => proptest::collection::vec(1_u8..=255, 1..200).prop_map(Piece::Symlink),
        1 => Just(Piece::Fifo),
        1 => any::<usize>().prop_map(Piece::LinkTo),
    ]
}

prop_compose! {
    fn any_file()(
        parent: usize, name in name(), piece in piece(), mode in 0..0o10000_u32,
        owner in (0..70_000_u32, 0..70_000_u32), value in proptest::collection::vec(any::<u8>(), 0..50),
        seconds in -1_000_000_000_i64..20_000_000_000, nanoseconds in 0..1_000_000_000_i64,
    ) -> AnyFile {
        AnyFile { parent, name, piece, mode, owner, value, time: (seconds, nanoseconds) }
    }
}

#[derive(Debug, Clone)]
struct AnyFile {
    parent: usize,
    name: Vec<u8>,
    piece: Piece,
    mode: u32,
    owner: (u32, u32),
    value: Vec<u8>,
    time: (i64, i64),
}

/// Makes the files; one whose name is taken is left out.
fn build(root: &Path, files: &[AnyFile]) {
    let mut directories = vec![root.to_owned()];
    let mut linkable: Vec<PathBuf> = Vec::new();
    let mut times = Vec::new();
    for file in files {
        let parent = &directories[file.parent % directories.len()];
        let path = parent.join(OsStr::from_bytes(&file.name));
        if fs::symlink_metadata(&path).is_ok() {
            continue;
        }
        match &file.piece {
            Piece::File(content) => fs::write(&path, content).unwrap(),
            Piece::Holes(pieces) => {
                let sparse = File::create(&path).unwrap();
                sparse.set_len(pieces.len() as u64 * 65_536).unwrap();
                for (i, _) in pieces.iter().enumerate().filter(|(_, data)| **data) {
                    sparse
                        .write_all_at(&[b'x'; 1000], i as u64 * 65_536)
                        .unwrap();
                }
            }
            Piece::Directory => {
                fs::create_dir(&path).unwrap();
                directories.push(path.clone());
            }
            Piece::Symlink(target) => symlink(OsStr::from_bytes(target), &path).unwrap(),
            Piece::Fifo => nix::unistd::mkfifo(&path, Mode::S_IRUSR).unwrap(),
            Piece::LinkTo(index) if !linkable.is_empty() => {
                fs::hard_link(&linkable[index % linkable.len()], &path).unwrap();
                continue;
            }
            Piece::LinkTo(_) => continue,
        }
        if is_root() {
            let (uid, gid) = file.owner;
            std::os::unix::fs::lchown(&path, Some(uid), Some(gid)).unwrap();
        }
        if !matches!(file.piece, Piece::Symlink(_)) {
            // Who is not root must still be able to read it.
            let mode = if is_root() {
                file.mode
            } else {
                file.mode | 0o700
            };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        if matches!(file.piece, Piece::File(_) | Piece::Directory) {
            set_attribute(&path, b"user.any", &file.value);
        }
        if !matches!(file.piece, Piece::Directory) {
            linkable.push(path.clone());
        }
        times.push((path, file.time));
    }
    for (path, (seconds, nanoseconds)) in times {
        set_time(&path, seconds, nanoseconds);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn any_tree_comes_back(files in proptest::collection::vec(any_file(), 0..25)) {
        let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        build(tree.path(), &files);
        let (bytes, created) = pack(tree.path(), &OPTIONS);
        prop_assert!(created.changed.is_empty() && created.left_out.is_empty(), "{:?}", created);
        let report = unpack(&bytes, dest.path());
        prop_assert!(report.damaged.is_empty() && report.refused.is_empty(), "{:?}", report);
        assert_same(tree.path(), dest.path());
        let mut all = Vec::new();
        zstd::Decoder::new(&bytes[..]).unwrap().read_to_end(&mut all).unwrap();
        prop_assert_eq!(all.len() as u64, created.totals.bytes_raw);
    }
}
