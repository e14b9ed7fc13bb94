//! Backups of directory trees: all of the pipeline but probing and snapshots.

#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use lifeboat_archive::{Backup, CreateOptions, Progress};
use lifeboat_backup::target::{DEFAULT_BLOCKS, Target};
use lifeboat_backup::{
    BackupError, ImageData, Observer, Request, Silent, Snapshots, Step, What, preview, run,
};

/// A small system, and room for its backups beside it.
struct Place {
    place: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        for directory in ["etc", "tmp", "srv/data"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::write(root.join("etc/fstab"), "x").unwrap();
        fs::write(root.join("tmp/junk"), [b'j'; 5000]).unwrap();
        fs::write(root.join("srv/data/a.gz"), [b'g'; 100_000]).unwrap();
        fs::write(
            place.path().join("image.data"),
            "vg_data:\n\tVGNAME= rootvg\n",
        )
        .unwrap();
        fs::write(place.path().join("bosinst.data"), "control_flow:\n").unwrap();
        Self { place }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.place.path()).unwrap().join(name)
    }

    fn request(&self, target: &Path) -> Request {
        Request {
            what: What::Tree {
                root: self.path("root"),
                image_data: self.path("image.data"),
                bosinst_data: self.path("bosinst.data"),
            },
            image_data: ImageData::Existing,
            description_only: false,
            exclude: None,
            without: None,
            unpacked: None,
            headers: None,
            snapshots: Snapshots::Auto,
            command: "test".to_owned(),
            target: Target::look_at(target.as_os_str(), DEFAULT_BLOCKS).unwrap(),
            options: CreateOptions {
                threads: 2,
                ..CreateOptions::default()
            },
            verify: true,
            stop: std::sync::Arc::default(),
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path()).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries.map(|e| name(e).into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn members(backup: &Path) -> Vec<String> {
    let manifest = Backup::open(backup).unwrap().manifest().unwrap();
    let path = |entry: lifeboat_archive::Entry| String::from_utf8(entry.path).unwrap();
    manifest.entries().map(path).collect()
}

#[test]
fn a_tree_becomes_a_backup_that_was_read_back() {
    let place = Place::new();
    let target = place.path("b.mksysb");
    fs::write(&target, "an older one").unwrap();
    let report = run(&place.request(&target), &Silent).unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.target, target.display().to_string());
    assert!(report.verified.unwrap() >= 8, "{report:?}");
    assert!(members(&target).contains(&"./etc/fstab".to_owned()));
    assert_eq!(
        place.names(),
        ["b.mksysb", "bosinst.data", "image.data", "root"]
    );
}

#[test]
fn what_patterns_match_is_left_out_and_counted_beforehand() {
    let place = Place::new();
    let exclude = place.path("exclude");
    fs::write(&exclude, "^\\./tmp/\n^\\./nothing$\n").unwrap();
    let target = place.path("b.mksysb");
    let request = Request {
        exclude: Some(exclude),
        ..place.request(&target)
    };
    let preview = preview(&request, &Silent).unwrap();
    assert!(!target.exists());
    let counts: Vec<_> = preview
        .excluded
        .iter()
        .map(|m| (m.line, m.files, m.bytes))
        .collect();
    assert_eq!(counts, [(1, 1, 5000), (2, 0, 0)]);
    run(&request, &Silent).unwrap();
    let members = members(&target);
    assert!(members.contains(&"./tmp".to_owned()) && !members.contains(&"./tmp/junk".to_owned()));
}

#[test]
fn a_backup_does_not_hold_itself_nor_its_neighbours() {
    let place = Place::new();
    let directory = place.path("root/srv");
    for round in 1..=2 {
        let request = place.request(&directory);
        let report = run(&request, &Silent).unwrap();
        let target = PathBuf::from(&report.target);
        assert_eq!(target.parent(), Some(directory.as_path()));
        assert!(report.target.ends_with(".mksysb"), "{}", report.target);
        assert!(
            !members(&target).iter().any(|name| name.contains("mksysb")),
            "round {round}"
        );
        fs::rename(&target, directory.join("older.mksysb")).unwrap();
    }
}

/// Stops at a step.
struct Impatient<'a>(Step, &'a Request, Mutex<Vec<Step>>);

impl Observer for Impatient<'_> {
    fn step(&self, step: Step) {
        self.2.lock().unwrap().push(step);
        if step == self.0 {
            self.1.stop.store(true, Ordering::Relaxed);
        }
    }

    fn progress(&self, _: Progress) {}

    fn wants_total(&self) -> bool {
        true
    }
}

#[test]
fn what_is_interrupted_leaves_nothing() {
    for step in [Step::Count, Step::Write, Step::Verify] {
        let place = Place::new();
        let request = place.request(&place.path("b.mksysb"));
        let observer = Impatient(step, &request, Mutex::default());
        let error = run(&request, &observer).unwrap_err();
        assert!(matches!(error, BackupError::Interrupted), "{step}: {error}");
        assert_eq!(
            place.names(),
            ["bosinst.data", "image.data", "root"],
            "{step}"
        );
        assert_eq!(observer.2.lock().unwrap().last(), Some(&step));
    }
}

#[test]
fn what_is_not_there_is_told() {
    let place = Place::new();
    let mut request = place.request(&place.path("b.mksysb"));
    request.exclude = Some(place.path("no-such-file"));
    let error = run(&request, &Silent).unwrap_err().to_string();
    assert!(error.starts_with("0590-001 Cannot read"), "{error}");
}
