//! Several threads make what one would have made: the outcome of an extraction does
//! not depend on which was faster, whatever the backup tries.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lifeboat_sys::inode;

use crate::extract::{ExtractOptions, ExtractReport};
use crate::flags::{IMMUTABLE, to_text};
use crate::forge::{Forge, directory, member};
use crate::incoming::Incoming;
use crate::member::{Kind, Member, Time};
use crate::open::Backup;
use crate::report::Trouble;

fn file(path: &str) -> Member {
    member(path, Kind::File)
}

fn link(path: &str, target: &str) -> Member {
    let target = target.into();
    member(path, Kind::HardLink { target })
}

fn points(path: &str, target: &str) -> Member {
    let target = target.into();
    member(path, Kind::Symlink { target })
}

/// Extracts a backup, once as a file and once as a stream.
fn extract(bytes: &[u8], dest: &Path, threads: usize, stream: bool) -> ExtractReport {
    let options = ExtractOptions {
        threads,
        ..ExtractOptions::default()
    };
    let report = if stream {
        let incoming = Incoming::open(Path::new("stream"), bytes).unwrap();
        incoming.extract(dest, &options, &mut |_| {})
    } else {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let backup = Backup::open(file.path()).unwrap();
        backup.extract(dest, &options, &mut |_| {})
    };
    report.unwrap()
}

/// Type, content and number of names of everything below a directory.
fn contents(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>, u64)> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(relative) = waiting.pop() {
        let path = root.join(&relative);
        let metadata = path.symlink_metadata().unwrap();
        let content = if metadata.is_dir() {
            let below = fs::read_dir(&path).unwrap();
            waiting.extend(below.map(|entry| relative.join(entry.unwrap().file_name())));
            Vec::new()
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            target.into_os_string().into_encoded_bytes()
        } else {
            fs::read(&path).unwrap()
        };
        let names = if metadata.is_dir() {
            0
        } else {
            metadata.nlink()
        };
        found.insert(relative, (metadata.mode(), content, names));
    }
    found
}

/// Extracts a backup with several numbers of threads, often: the same comes of it
/// each time, and nothing beside the target.
fn check(name: &str, forge: impl Fn(Forge) -> Forge) {
    let bytes = forge(Forge::new()).finish();
    let mut first = None;
    for round in 0..12 {
        let around = tempfile::tempdir().unwrap();
        let (dest, outside) = (around.path().join("dest"), around.path().join("outside"));
        fs::create_dir(&dest).unwrap();
        fs::create_dir(&outside).unwrap();
        let report = extract(&bytes, &dest, [1, 2, 8][round % 3], round % 2 == 1);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{name}");
        let findings = report.damaged.iter().chain(&report.refused);
        let outcome = (
            findings.map(ToString::to_string).collect::<Vec<_>>(),
            contents(&dest),
        );
        match &first {
            None => first = Some(outcome),
            Some(first) => assert_eq!(*first, outcome, "{name}, round {round}"),
        }
    }
}

/// Files that keep the threads busy.
fn many(mut forge: Forge, directory: &str) -> Forge {
    for number in 0..60 {
        forge = forge.add(&file(&format!("{directory}/f{number:02}")), b"content");
    }
    forge
}

#[test]
fn nothing_is_written_through_a_link() {
    check("through", |forge| {
        let forge = many(forge.add(&directory("./a"), b""), "./a");
        let forge = many(forge.add(&points("./way", "../outside"), b""), "./way");
        forge
            .add(&directory("./way/deeper"), b"")
            .add(&link("./way/link", "./a/f01"), b"")
    });
    check("below", |forge| {
        let forge = forge.add(&directory("./p"), b"");
        let forge = forge.add(&points("./p/q", "../../outside"), b"");
        many(many(forge, "./p/q"), "./p/q/r")
    });
}

#[test]
fn one_name_given_twice_is_the_last_one() {
    check("twice", |forge| {
        forge
            .add(&file("./x"), b"first")
            .add(&file("./x"), b"second")
            .add(&points("./x", "../outside"), b"")
            .add(&directory("./x"), b"")
            .add(&file("./x/in"), b"in")
            .add(&file("./x"), b"not in place of what is in it")
    });
    check("directory", |forge| {
        let forge = many(forge.add(&directory("./d"), b""), "./d");
        let forge = forge.add(&points("./d", "../outside"), b"");
        let forge = many(forge, "./d");
        let forge = forge.add(&directory("./e"), b"");
        many(forge.add(&points("./e", "../outside"), b""), "./e")
    });
    check("back and forth", |forge| {
        let forge = many(forge.add(&directory("./b"), b""), "./b");
        let forge = many(forge.add(&directory("./a"), b""), "./a");
        many(forge, "./b")
    });
}

#[test]
fn a_link_is_made_to_what_came_before_it() {
    check("links", |mut forge| {
        forge = many(forge.add(&directory("./a"), b""), "./a");
        for number in 0..60 {
            let (path, target) = (format!("./a/l{number:02}"), format!("./a/f{number:02}"));
            forge = forge.add(&link(&path, &target), b"");
        }
        forge = forge.add(&directory("./b"), b"");
        for number in 0..60 {
            let (path, target) = (format!("./b/l{number:02}"), format!("./a/l{number:02}"));
            forge = forge.add(&file(&format!("./b/k{number:02}")), b"beside");
            forge = forge.add(&link(&path, &target), b"");
        }
        forge
    });
    check("to nothing", |forge| {
        let forge = forge
            .add(&link("./itself", "./itself"), b"")
            .add(&link("./later", "./z"), b"");
        let forge = many(forge.add(&directory("./m"), b""), "./m");
        forge
            .add(&link("./n", "./m"), b"")
            .add(&file("./z"), b"last")
    });
    check("broken open", |forge| {
        let forge = forge.add(&file("./f"), b"old");
        forge
            .add(&link("./l", "./f"), b"")
            .add(&file("./f"), b"new")
    });
}

#[test]
fn a_directory_gets_its_time_when_everything_is_in_it() {
    let at = |path: &str, seconds| Member {
        modified: Time {
            seconds,
            nanoseconds: 5,
        },
        mode: 0o2750,
        ..directory(path)
    };
    let mut forge = many(Forge::new().add(&at(".", 10), b""), ".");
    for (seconds, path) in (20..).zip(["./a", "./a/b", "./a/b/c"]) {
        forge = many(forge.add(&at(path, seconds), b""), path);
    }
    forge = forge.add(&link("./a/z", "./a/b/f00"), b"");
    forge = many(forge.add(&at("./x", 23), b""), "./x");
    let bytes = forge.finish();
    for stream in [false, true] {
        let dest = tempfile::tempdir().unwrap();
        let report = extract(&bytes, dest.path(), 4, stream);
        assert!(report.damaged.is_empty() && report.directories == 5);
        let paths = [(".", 10), ("a", 20), ("a/b", 21), ("a/b/c", 22), ("x", 23)];
        for (path, seconds) in paths {
            let metadata = dest.path().join(path).metadata().unwrap();
            assert_eq!(
                (metadata.mtime(), metadata.mtime_nsec()),
                (seconds, 5),
                "{path}"
            );
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o2750, "{path}");
        }
    }
}

#[test]
fn a_path_may_be_longer_than_the_kernel_takes() {
    let mut path = ".".to_owned();
    let mut forge = Forge::new();
    for level in 0..90 {
        path = format!("{path}/{}", "d".repeat(100 + level));
        let made = Member {
            modified: Time {
                seconds: 7,
                nanoseconds: 0,
            },
            ..directory(&path)
        };
        forge = forge.add(&made, b"").add(&file(&format!("{path}/a")), b"a");
    }
    forge = forge.add(&file(&format!("{path}/b")), b"deep");
    forge = forge.add(&link(&format!("{path}/c"), &format!("{path}/b")), b"");
    // On the way back, the directories above are used again.
    let above = Path::new(&path)
        .ancestors()
        .nth(70)
        .unwrap()
        .to_str()
        .unwrap();
    let bytes = forge.add(&file(&format!("{above}/z")), b"z").finish();
    let dest = tempfile::tempdir().unwrap();
    let report = extract(&bytes, dest.path(), 3, false);
    assert!(report.damaged.is_empty(), "{:?}", report.damaged);
    let mut here = File::open(dest.path()).unwrap();
    for level in 0..90 {
        let name = "d".repeat(100 + level);
        let below = crate::target::open_directory(here.as_fd(), name.as_ref());
        here = File::from(below.unwrap());
        assert_eq!(here.metadata().unwrap().mtime(), 7, "level {level}");
    }
    let below = nix::sys::stat::fstatat(&here, "c", nix::fcntl::AtFlags::empty());
    assert_eq!(below.unwrap().st_nlink, 2);
}

#[test]
fn flags_that_forbid_everything_come_last() {
    let dest = tempfile::tempdir().unwrap();
    let probe = File::create(dest.path().join("probe")).unwrap();
    let can = inode::set_flags(probe.as_fd(), IMMUTABLE);
    if let Err(error) = can.and_then(|()| inode::set_flags(probe.as_fd(), 0)) {
        eprintln!("skipped: {}: {error}", dest.path().display());
        return;
    }
    let flagged = |member: Member, flags| Member { flags, ..member };
    let nodump = 0x40;
    let bytes = Forge::new()
        .add(&flagged(directory("./d"), IMMUTABLE), b"")
        .add(&flagged(file("./d/f"), IMMUTABLE | nodump), b"content")
        .add(&link("./d/l", "./d/f"), b"")
        .add(&flagged(file("./n"), nodump), b"")
        .add(&file("./plain"), b"")
        .finish();
    let report = extract(&bytes, dest.path(), 2, false);
    let flags = |path: &str| {
        let file = File::open(dest.path().join(path)).unwrap();
        inode::flags(file.as_fd()).unwrap() & (IMMUTABLE | nodump)
    };
    let found = ["d", "d/f", "n", "plain"].map(flags);
    for path in ["d", "d/f"] {
        let file = File::open(dest.path().join(path)).unwrap();
        inode::set_flags(
            file.as_fd(),
            inode::flags(file.as_fd()).unwrap() & !IMMUTABLE,
        )
        .unwrap();
    }
    assert!(
        report.damaged.is_empty() && report.refused.is_empty(),
        "{report:?}"
    );
    assert_eq!(found, [IMMUTABLE, IMMUTABLE | nodump, nodump, 0]);
    assert_eq!(fs::metadata(dest.path().join("d/l")).unwrap().nlink(), 2);
}

#[test]
fn a_flag_that_the_file_system_does_not_know_is_refused_alone() {
    let (nodump, casefold) = (0x40, 0x4000_0000);
    let odd = Member {
        flags: nodump | casefold,
        project: 0,
        ..file("./f")
    };
    let bytes = Forge::new().add(&odd, b"content").finish();
    let dest = tempfile::tempdir().unwrap();
    let report = extract(&bytes, dest.path(), 1, false);
    assert!(report.damaged.is_empty());
    // No file system has files that fold cases.
    let flags = report.refused.iter().map(|finding| match &finding.trouble {
        Trouble::FlagRefused { flag, .. } => flag.clone(),
        other => panic!("{other}"),
    });
    assert!(flags.collect::<Vec<_>>().contains(&to_text(casefold)));
    let wanted = ExtractOptions {
        attributes: false,
        ..ExtractOptions::default()
    };
    let stream = Incoming::open(Path::new("stream"), &bytes[..]).unwrap();
    let again = stream.extract(dest.path(), &wanted, &mut |_| {}).unwrap();
    assert!(again.refused.is_empty(), "{again:?}");
}

#[test]
fn a_file_that_the_manifest_of_a_stream_disowns_does_not_stay() {
    let forge = Forge::new();
    let listed = crate::manifest::Entry::of(
        &Member {
            stored: 3,
            ..file("./wrong")
        },
        Some(blake3::hash(b"old")),
        forge.offset(),
    );
    let bytes = forge
        .list(&listed)
        .unlisted(&file("./wrong"), b"new")
        .add(&file("./good"), b"good")
        .finish();
    let dest = tempfile::tempdir().unwrap();
    let report = extract(&bytes, dest.path(), 2, true);
    let texts: Vec<_> = report.damaged.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["0590-152 ./wrong: its content is not what the manifest says"]
    );
    assert!(!dest.path().join("wrong").exists() && dest.path().join("good").exists());
}
