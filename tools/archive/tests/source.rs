//! What is stored: several file systems, a selection, all that an inode has.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use common::{
    OPTIONS, Without, assert_same, is_root, noise, open, pack, rich_tree, set_attribute, source,
    unpack, whole,
};
use lifeboat_archive::{
    Backup, CreateError, CreateOptions, FileStat, Selection, Source, Survey, Tree, Trouble, create,
    create_file, survey,
};
use lifeboat_sys::inode;
use nix::mount::{MsFlags, mount, umount};

/// The paths of a backup's own files, and of all others.
fn paths(backup: &Backup) -> BTreeSet<String> {
    let manifest = backup.manifest().unwrap();
    let paths = manifest.entries().skip(3).map(|entry| entry.path);
    paths
        .map(|path| String::from_utf8_lossy(&path).into_owned())
        .collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(ToString::to_string).collect()
}

fn write(source: &Source<'_>) -> Backup {
    let mut bytes = Vec::new();
    create(&mut bytes, source, &OPTIONS, &mut |_| {}).unwrap();
    let backup = open(&bytes);
    let damaged = backup.verify(&mut |_| {}).damaged;
    assert!(damaged.is_empty(), "{damaged:?}");
    backup
}

fn tree(at: &str, from: &Path) -> Tree {
    Tree {
        at: at.into(),
        from: from.to_owned(),
    }
}

#[test]
fn several_trees_become_one() {
    let root = tempfile::tempdir().unwrap();
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(root.path().join("home/hidden")).unwrap();
    fs::write(root.path().join("zeta"), "last").unwrap();
    fs::create_dir_all(home.path().join("user/data")).unwrap();
    fs::write(home.path().join("user/file"), "of home").unwrap();
    fs::write(home.path().join("image.data"), "no summary here").unwrap();
    fs::write(data.path().join("file"), "of data").unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o711)).unwrap();
    let trees = [
        tree("/", root.path()),
        tree("/home/user/data", data.path()),
        tree("/home/", home.path()),
        tree("/nowhere/here", data.path()),
    ];
    let source = Source {
        one_file_system: true,
        ..source(&trees)
    };
    let mut bytes = Vec::new();
    let report = create(&mut bytes, &source, &OPTIONS, &mut |_| {}).unwrap();
    let told: Vec<_> = report.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("0590-147 ./nowhere/here:"), "{told:?}");
    assert!(!report.left_out[0].is_harmless());
    let backup = open(&bytes);
    let expected = [
        ".",
        "./home",
        "./home/image.data",
        "./home/user",
        "./home/user/data",
        "./home/user/data/file",
        "./home/user/file",
        "./zeta",
    ];
    assert_eq!(paths(&backup), set(&expected));
    let home = backup.manifest().unwrap().find(b"./home").unwrap();
    assert_eq!(home.mode, 0o711, "the root of the tree that is read counts");
    let mut content = Vec::new();
    backup
        .read_member(b"./home/user/data/file", &mut content)
        .unwrap();
    assert_eq!(content, b"of data");
    let none = Source {
        trees: &trees[1..],
        ..source
    };
    let result = create(&mut Vec::new(), &none, &OPTIONS, &mut |_| {});
    assert!(matches!(result, Err(CreateError::NoRoot)), "{result:?}");
}

#[test]
fn a_directory_is_stored_for_what_is_below_it() {
    /// Leaves out by the last part of the name.
    struct Endings;
    impl Selection for Endings {
        fn leaves_out(&self, path: &[u8], _: &FileStat) -> bool {
            path.ends_with(b".d") || path.ends_with(b".o")
        }
    }
    let root = tempfile::tempdir().unwrap();
    let directory = |path: &str| fs::create_dir_all(root.path().join(path)).unwrap();
    let file = |path: &str| fs::write(root.path().join(path), path).unwrap();
    directory("a.d/b.d/c.d");
    file("a.d/b.d/c.d/x.o");
    file("a.d/b.d/keep");
    file("a.d/y.o");
    directory("empty.d/also.d");
    directory("z.d/kept");
    let trees = whole(root.path());
    let source = Source {
        selection: &Endings,
        ..source(&trees)
    };
    let expected = set(&[
        ".",
        "./a.d",
        "./a.d/b.d",
        "./a.d/b.d/keep",
        "./z.d",
        "./z.d/kept",
    ]);
    let backup = write(&source);
    assert_eq!(paths(&backup), expected);
    let dest = tempfile::tempdir().unwrap();
    let report = backup
        .extract(
            dest.path(),
            &lifeboat_archive::ExtractOptions::default(),
            &mut |_| {},
        )
        .unwrap();
    assert!(report.damaged.is_empty(), "{report:?}");
    let survey = survey(&source, None).unwrap();
    assert_eq!(survey.files, expected.len() as u64);
}

#[test]
fn what_is_mounted_is_stored_only_if_it_is_a_tree() {
    if !is_root() {
        eprintln!("skipped: only root mounts");
        return;
    }
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["mem", "bound", "tree"] {
        fs::create_dir(root.path().join(name)).unwrap();
        fs::write(root.path().join(name).join("under"), "").unwrap();
    }
    fs::write(other.path().join("file"), "").unwrap();
    let none: Option<&str> = None;
    let mem = root.path().join("mem");
    let flags = MsFlags::empty();
    if mount(Some("none"), &mem, Some("tmpfs"), flags, Some("size=1m")).is_err() {
        eprintln!("skipped: mounting is not allowed here");
        return;
    }
    fs::write(mem.join("file"), "").unwrap();
    // Of the same device: only its place tells that it is mounted.
    let bound = root.path().join("bound");
    mount(Some(other.path()), &bound, none, MsFlags::MS_BIND, none).unwrap();
    let trees = [tree("/", root.path()), tree("/tree", other.path())];
    let inside = Source {
        one_file_system: true,
        ..source(&trees)
    };
    let found = [&inside, &source(&trees)].map(|source| paths(&write(source)));
    umount(&bound).unwrap();
    umount(&mem).unwrap();
    let mut expected = set(&[".", "./bound", "./mem", "./tree", "./tree/file"]);
    assert_eq!(found[0], expected);
    expected.insert("./bound/file".to_owned());
    assert_eq!(found[1], expected, "tmpfs is the kernel's own");
}

#[test]
fn a_survey_tells_what_a_backup_will_hold() {
    let root = tempfile::tempdir().unwrap();
    rich_tree(root.path());
    fs::write(root.path().join("image.data"), "reserved").unwrap();
    let trees = whole(root.path());
    let source = Source {
        selection: &Without(&["./long"]),
        ..source(&trees)
    };
    let Survey {
        files,
        bytes,
        left_out,
    } = survey(&source, None).unwrap();
    let backup = write(&source);
    assert_eq!(files, paths(&backup).len() as u64);
    assert_eq!(left_out.len(), 1);
    assert!(left_out[0].is_harmless());
    // Noise is there twice and stored once; holes are not counted.
    assert!((20_000..60_000).contains(&bytes), "{bytes}");
    let stop = AtomicBool::new(true);
    let result = survey(&source, Some(&stop));
    assert!(
        matches!(result, Err(CreateError::Interrupted)),
        "{result:?}"
    );
}

#[test]
fn what_is_stored_is_told_in_order() {
    #[derive(Default)]
    struct Told(Mutex<Vec<Vec<u8>>>);
    impl Selection for Told {
        fn stores(&self, path: &[u8]) {
            self.0.lock().unwrap().push(path.to_vec());
        }
    }
    let root = tempfile::tempdir().unwrap();
    rich_tree(root.path());
    let told = Told::default();
    let trees = whole(root.path());
    let source = Source {
        selection: &told,
        ..source(&trees)
    };
    let manifest = write(&source).manifest().unwrap();
    let listed = manifest.entries().skip(3).map(|entry| entry.path);
    assert!(listed.eq(told.0.into_inner().unwrap()));
}

#[test]
fn flags_and_projects_are_stored() {
    const NODUMP_NOATIME: u32 = 0xc0;
    let (root, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, directory) = (root.path().join("file"), root.path().join("directory"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&directory).unwrap();
    let flags = |path: &Path| inode::flags(File::open(path).unwrap().as_fd()).unwrap_or(0);
    for path in [&file, &directory] {
        let before = flags(path);
        let opened = File::open(path).unwrap();
        if inode::set_flags(opened.as_fd(), before | NODUMP_NOATIME).is_err() {
            eprintln!("skipped: no flags on {}", path.display());
            return;
        }
    }
    let (bytes, _) = pack(root.path(), &OPTIONS);
    let stream = zstd::decode_all(&bytes[..]).unwrap();
    let word = b"SCHILY.fflags=nodump,noatime\n";
    let count = stream.windows(word.len()).filter(|w| w == word).count();
    assert_eq!(count, 2);
    unpack(&bytes, dest.path());
    assert_eq!(flags(&dest.path().join("file")), flags(&file));
    let without = CreateOptions {
        attributes: false,
        ..OPTIONS
    };
    set_attribute(&file, b"user.x", b"y");
    let stream = zstd::decode_all(&pack(root.path(), &without).0[..]).unwrap();
    for word in [&b"SCHILY"[..], b"LIFEBOAT.projid"] {
        assert!(!stream.windows(word.len()).any(|w| w == word));
    }
}

#[test]
fn what_is_not_to_be_packed_is_stored_as_it_is() {
    struct Logs;
    impl Selection for Logs {
        fn unpacked(&self, path: &[u8]) -> bool {
            path.ends_with(b".log")
        }
    }
    let (root, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = "the same again and again\n".repeat(2000);
    for name in ["a", "b.log", "c", "d.log", "e"] {
        fs::write(root.path().join(name), &text).unwrap();
    }
    let trees = whole(root.path());
    let selected = Source {
        selection: &Logs,
        ..source(&trees)
    };
    let mut bytes = Vec::new();
    let report = create(&mut bytes, &selected, &OPTIONS, &mut |_| {}).unwrap();
    let plain = |bytes: &[u8]| {
        let line = b"the same again and again\nthe same again and again\n";
        bytes.windows(line.len()).filter(|w| w == line).count()
    };
    assert!(plain(&bytes) > 2 * 1900 && plain(&bytes) < 2 * 2100);
    let packed = report.totals.bytes_compressed;
    assert!((100_000..110_000).contains(&packed), "{packed}");
    assert!(unpack(&bytes, dest.path()).damaged.is_empty());
    assert_same(root.path(), dest.path());

    let nothing = CreateOptions {
        pack: false,
        ..OPTIONS
    };
    let (bytes, report) = pack(root.path(), &nothing);
    assert!(plain(&bytes) > 5 * 1900);
    assert!(report.totals.bytes_compressed > report.totals.bytes_raw);
    assert!(unpack(&bytes, dest.path()).damaged.is_empty());
}

#[test]
fn a_backup_that_is_stopped_is_none() {
    let (root, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(root.path().join("noise"), noise(1 << 20)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let options = CreateOptions {
        stop: Some(Arc::clone(&stop)),
        ..OPTIONS
    };
    let out = place.path().join("b");
    let result = create_file(
        &out,
        &source(&whole(root.path())),
        &options,
        &mut |progress| {
            stop.store(progress.done > 100_000, Ordering::Relaxed);
        },
    );
    assert!(
        matches!(result, Err(CreateError::Interrupted)),
        "{result:?}"
    );
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_second_name_takes_the_place_of_one_that_cannot_be_read() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "content").unwrap();
    for name in ["b", "c"] {
        fs::hard_link(root.path().join("a"), root.path().join(name)).unwrap();
    }
    let trees = whole(root.path());
    let source = Source {
        selection: &Without(&["./a"]),
        ..source(&trees)
    };
    let manifest = write(&source).manifest().unwrap();
    let lines: Vec<_> = manifest.entries().skip(4).map(|e| e.to_string()).collect();
    assert!(
        lines[0].starts_with("file ") && lines[0].ends_with(" ./b"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("link ") && lines[1].ends_with(" ./c ./b"),
        "{lines:?}"
    );
}

#[test]
fn a_file_that_vanishes_is_harmless_and_a_lost_name_is_not() {
    /// Removes files when their turn comes.
    struct Remover<'a>(&'a Path);
    impl Selection for Remover<'_> {
        fn unpacked(&self, path: &[u8]) -> bool {
            let name = Path::new(std::ffi::OsStr::from_bytes(path));
            if path.ends_with(b"gone") {
                fs::remove_file(self.0.join(name)).unwrap();
            }
            false
        }
    }
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("gone"), "x").unwrap();
    fs::write(root.path().join("here"), "x").unwrap();
    let trees = whole(root.path());
    let source = Source {
        selection: &Remover(root.path()),
        ..source(&trees)
    };
    let report = create(&mut Vec::new(), &source, &OPTIONS, &mut |_| {}).unwrap();
    let [finding] = &report.left_out[..] else {
        panic!("{report:?}");
    };
    assert!(matches!(finding.trouble, Trouble::Vanished) && finding.is_harmless());
    fs::write(root.path().join("1 gone"), "x").unwrap();
    fs::hard_link(root.path().join("1 gone"), root.path().join("2")).unwrap();
    let report = create(&mut Vec::new(), &source, &OPTIONS, &mut |_| {}).unwrap();
    assert!(!report.left_out[0].is_harmless(), "{report:?}");
}
