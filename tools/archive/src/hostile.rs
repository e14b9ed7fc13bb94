//! Backups made to do harm, or by a writer with a bug: every hash of the container
//! is right, the content is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::extract::{ExtractOptions, ExtractReport};
use crate::forge::{Forge, directory, member};
use crate::manifest::{Entry, EntryKind};
use crate::member::{Kind, Member};
use crate::open::Backup;
use crate::pax::encode;
use crate::report::{Finding, Trouble};
use crate::ustar::BLOCK;

/// A directory to extract into, beside things that must stay as they are.
struct Place {
    around: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let around = tempfile::tempdir().unwrap();
        fs::create_dir(around.path().join("dest")).unwrap();
        fs::create_dir(around.path().join("outside")).unwrap();
        fs::write(around.path().join("outside/file"), "untouched").unwrap();
        Self { around }
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.around.path().join(path)
    }

    /// Extracts, and checks that nothing beside the target has changed.
    fn extract(&self, backup: &Backup) -> ExtractReport {
        let options = ExtractOptions::default();
        let report = backup
            .extract(&self.path("dest"), &options, &mut |_| {})
            .unwrap();
        let names = |path: &Path| {
            let mut names: Vec<_> = fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(self.around.path()), ["dest", "outside"]);
        assert_eq!(names(&self.path("outside")), ["file"]);
        assert_eq!(fs::read(self.path("outside/file")).unwrap(), b"untouched");
        report
    }
}

fn file(path: &str) -> Member {
    member(path, Kind::File)
}

fn link(path: &str, target: &str) -> Member {
    member(
        path,
        Kind::HardLink {
            target: target.into(),
        },
    )
}

fn points(path: &str, target: &Path) -> Member {
    let target = target.to_str().unwrap().into();
    member(path, Kind::Symlink { target })
}

fn troubles(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn names_that_lead_out_are_refused() {
    for path in [
        "../evil",
        "/evil",
        "./../evil",
        "./a/../../evil",
        "..",
        "./.",
        "evil",
        "",
    ] {
        let place = Place::new();
        let backup = Forge::new()
            .add(&file(path), b"evil")
            .add(&file("./good"), b"good")
            .open();
        let report = place.extract(&backup);
        assert!(
            matches!(
                &report.damaged[..],
                [Finding {
                    trouble: Trouble::UnsafeName,
                    ..
                }]
            ),
            "{path}: {report:?}"
        );
        assert_eq!(fs::read(place.path("dest/good")).unwrap(), b"good");
    }
}

#[test]
fn an_absolute_directory_or_device_is_refused() {
    let place = Place::new();
    let outside = place.path("outside/new");
    let outside = outside.to_str().unwrap();
    let backup = Forge::new()
        .add(&directory(outside), b"")
        .add(&member(outside, Kind::Fifo), b"")
        .open();
    assert_eq!(place.extract(&backup).damaged.len(), 2);
}

#[test]
fn a_link_in_the_backup_leads_nowhere() {
    for through in ["./way/new", "./way/file", "./way/new/deeper"] {
        let place = Place::new();
        let backup = Forge::new()
            .add(&points("./way", &place.path("outside")), b"")
            .add(&file(through), b"evil")
            .add(&directory("./way/directory"), b"")
            .add(&link("./way/link", "./way/file"), b"")
            .open();
        let report = place.extract(&backup);
        let refused = |f: &Finding| {
            matches!(
                f.trouble,
                Trouble::NotCreated(_) | Trouble::LinkTarget { .. }
            )
        };
        assert!(
            report.damaged.len() == 3 && report.damaged.iter().all(refused),
            "{report:?}"
        );
    }
}

#[test]
fn a_link_that_was_there_before_leads_nowhere() {
    let place = Place::new();
    symlink(place.path("outside"), place.path("dest/way")).unwrap();
    symlink(place.path("outside/file"), place.path("dest/file")).unwrap();
    let backup = Forge::new()
        .add(&file("./file"), b"new")
        .add(&file("./way/new"), b"evil")
        .add(&link("./hard", "./way/file"), b"")
        .open();
    let report = place.extract(&backup);
    assert_eq!(report.damaged.len(), 2, "{report:?}");
    // The file took the link's place.
    let metadata = fs::symlink_metadata(place.path("dest/file")).unwrap();
    assert!(metadata.is_file());
    assert_eq!(fs::read(place.path("dest/file")).unwrap(), b"new");
}

#[test]
fn a_directory_takes_the_place_of_a_link() {
    let place = Place::new();
    symlink(place.path("outside"), place.path("dest/way")).unwrap();
    let backup = Forge::new()
        .add(&directory("./way"), b"")
        .add(&file("./way/in"), b"in")
        .open();
    let report = place.extract(&backup);
    assert!(report.damaged.is_empty(), "{report:?}");
    assert_eq!(fs::read(place.path("dest/way/in")).unwrap(), b"in");
}

#[test]
fn links_cannot_lead_out() {
    let place = Place::new();
    let backup = Forge::new()
        .add(&link("./a", "../outside/file"), b"")
        .add(
            &link("./b", place.path("outside/file").to_str().unwrap()),
            b"",
        )
        .open();
    let report = place.extract(&backup);
    assert_eq!(report.damaged.len(), 2, "{report:?}");
    assert!(
        report
            .damaged
            .iter()
            .all(|f| matches!(f.trouble, Trouble::UnsafeName)),
        "{report:?}"
    );
}

#[test]
fn content_that_is_not_the_recorded_one_is_not_left_behind() {
    let place = Place::new();
    let wrong = Forge::new();
    let entry = Entry {
        kind: EntryKind::File,
        mode: 0o644,
        size: 3,
        hash: Some(blake3::hash(b"old")),
        offset: Some(wrong.offset()),
        path: b"./wrong".to_vec(),
        target: None,
    };
    let backup = wrong
        .list(&entry)
        .unlisted(&file("./wrong"), b"new")
        .unlisted(&file("./unlisted"), b"x")
        .add(&link("./link", "./wrong"), b"")
        .add(&file("./good"), b"good")
        .open();
    let report = place.extract(&backup);
    let expected = [
        "0590-152 ./wrong: its content is not what the manifest says",
        "0590-154 ./unlisted: it is in the archive, but not in the manifest",
        "0590-311 ./link: it is another name of ./wrong, which could not be restored",
    ];
    assert_eq!(troubles(&report.damaged), expected);
    assert!(!place.path("dest/wrong").exists() && place.path("dest/good").exists());
    assert_eq!(troubles(&backup.verify(&mut |_| {}).damaged), expected[..2]);
}

#[test]
fn a_member_that_is_not_there_is_missed() {
    let forge = Forge::new().add(&file("./a"), b"a");
    let entry = |offset, path: &str| Entry {
        offset: Some(offset),
        ..Entry::of(&file(path), Some(blake3::hash(b"")), 0)
    };
    let (lost, last) = (entry(forge.offset() - 1, "./lost"), u64::MAX);
    let backup = forge
        .list(&lost)
        .add(&file("./b"), b"b")
        .list(&entry(last, "./last"))
        .open();
    let report = Place::new().extract(&backup);
    assert_eq!(
        troubles(&report.damaged),
        [
            "0590-153 ./lost: it is in the manifest, but not in the archive",
            "0590-153 ./last: it is in the manifest, but not in the archive",
        ]
    );
    assert_eq!(report.files, 2);
}

#[test]
fn a_broken_header_costs_only_what_is_in_its_frame() {
    let mut broken = encode(&file("./broken"));
    broken[0] = b'!';
    let mut huge = encode(&file("./huge"));
    huge.splice(..0, forged_pax_length());
    let forge = Forge::new();
    let entry = Entry::of(&file("./broken"), Some(blake3::hash(b"")), forge.offset());
    let backup = forge
        .list(&entry)
        .raw(&broken)
        .raw(&huge)
        .add(&file("./good"), b"good")
        .open();
    let report = Place::new().extract(&backup);
    let troubles = troubles(&report.damaged);
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!(troubles[0].starts_with("0590-155 ./broken: its header is broken (a tar header"));
    assert_eq!(report.files, 1);
}

/// An extended header that says it is 8 GiB long.
fn forged_pax_length() -> Vec<u8> {
    let mut header = crate::ustar::Block::new(b'x');
    header.mode(0);
    header.size((1 << 33) - 1);
    header.mtime(0);
    header.finish().to_vec()
}

#[test]
fn a_broken_sparse_map_is_no_file() {
    let sparse = member("./sparse", Kind::Sparse { length: 100 });
    for map in ["1\n0\n5000\n", "1\n90\n20\n", "1\n0\n10\n"] {
        let mut data = map.as_bytes().to_vec();
        data.resize(BLOCK + 5, 0);
        let backup = Forge::new()
            .add(&sparse, &data)
            .add(&file("./good"), b"good")
            .open();
        let place = Place::new();
        let report = place.extract(&backup);
        assert!(
            matches!(
                &report.damaged[..],
                [Finding {
                    trouble: Trouble::Malformed(_),
                    ..
                }]
            ),
            "{map}: {report:?}"
        );
        assert!(!place.path("dest/sparse").exists() && place.path("dest/good").exists());
    }
}
