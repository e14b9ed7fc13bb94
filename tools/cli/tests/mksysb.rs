//! `mksysb` as a program: what it says and leaves behind, on a directory tree.

#![expect(clippy::unwrap_used, reason = "what fails here is the test")]
#![expect(
    clippy::disallowed_methods,
    reason = "what is tested is a process with its signals and pipes"
)]

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A tree of this many MiB that do not compress, and its descriptions.
fn place(mib: usize) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("tmp")).unwrap();
    fs::write(root.join("etc/exclude.rootvg"), "^\\./tmp/\n").unwrap();
    fs::write(root.join("tmp/junk"), "junk").unwrap();
    let mut noise = vec![0; mib << 20];
    fs::File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut noise)
        .unwrap();
    fs::write(root.join("noise"), noise).unwrap();
    fs::write(
        place.path().join("image.data"),
        "vg_data:\n\tVGNAME= rootvg\n",
    )
    .unwrap();
    fs::write(place.path().join("bosinst.data"), "control_flow:\n").unwrap();
    place
}

fn mksysb(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
    command
        .arg("mksysb")
        .current_dir(place)
        .stdin(Stdio::null());
    let tree = [
        "--tree",
        "root",
        "--image-data",
        "image.data",
        "--bosinst-data",
        "bosinst.data",
    ];
    command.args(tree).args(arguments);
    command
}

fn output(place: &Path, arguments: &[&str]) -> Output {
    mksysb(place, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names(place: &Path) -> Vec<String> {
    let entries = fs::read_dir(place).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_outcome_is_one_json_object() {
    let place = place(1);
    let said = output(place.path(), &["-e", "-V", "--json", "b.mksysb"]);
    assert!(said.status.success(), "{}", text(&said.stderr));
    let value: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(value["complete"], true);
    assert_eq!(value["verified"], value["members"].as_u64().unwrap());
    assert!(value["target"].as_str().unwrap().ends_with("/b.mksysb"));
    assert!(said.stderr.is_empty(), "{}", text(&said.stderr));
}

#[test]
fn a_dry_run_counts_what_patterns_leave_out() {
    let place = place(1);
    let said = output(place.path(), &["-e", "--dry-run"]);
    let out = text(&said.stdout);
    assert!(
        out.contains("line 1: ^\\\\./tmp/ leaves out 1 files, 0 KiB"),
        "{out}"
    );
    assert!(
        out.contains("files with 1 MiB would be in the backup"),
        "{out}"
    );
    assert_eq!(names(place.path()), ["bosinst.data", "image.data", "root"]);
}

#[test]
fn a_list_names_what_is_stored() {
    let place = place(1);
    let said = output(place.path(), &["-e", "-v", "b"]);
    let out = text(&said.stdout);
    assert!(out.lines().any(|line| line == "./noise"), "{out}");
    assert!(!out.contains("junk"), "{out}");
}

#[test]
fn flags_of_aix_are_refused_one_by_one() {
    let place = place(1);
    for flag in [&["-A"][..], &["-M"], &["-F", "x"], &["-t", "x"], &["-C"]] {
        let arguments = [flag, &["b"]].concat();
        let said = output(place.path(), &arguments);
        let error = text(&said.stderr);
        assert_eq!(said.status.code(), Some(2));
        let expected = format!(
            "lifeboat: 0590-739 mksysb {} has no meaning here: ",
            flag[0]
        );
        assert!(error.starts_with(&expected), "{error}");
    }
}

/// Waits for a child that must end by itself.
fn ended(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it did not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn a_signal_ends_it_even_when_nobody_reads_the_pipe() {
    let place = place(8);
    let mut command = mksysb(place.path(), &["-"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What it has written when it waits for its reader.
    let mut pipe = child.stdout.take().unwrap();
    pipe.read_exact(&mut [0; 1]).unwrap();
    signal(&child, Signal::SIGTERM);
    assert_eq!(ended(&mut child), Some(1));
    let mut error = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert_eq!(
        error,
        "lifeboat: 0590-370 The backup was interrupted; nothing of it is left\n"
    );
}

#[test]
fn a_reader_that_goes_away_is_an_error() {
    let place = place(8);
    let mut command = mksysb(place.path(), &["-"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(ended(&mut child), Some(1));
    let mut error = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert!(
        error.starts_with("lifeboat: 0590-120 Cannot write the backup: Broken pipe"),
        "{error}"
    );
}

#[test]
fn a_file_that_becomes_too_long_leaves_nothing() {
    let place = place(8);
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 4096; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_lifeboat"))
        .args(mksysb(place.path(), &["b"]).get_args())
        .current_dir(place.path())
        .output()
        .unwrap();
    let error = text(&limited.stderr);
    assert_eq!(limited.status.code(), Some(1));
    assert!(
        error.contains("0590-120") && error.contains("File too large"),
        "{error}"
    );
    assert_eq!(names(place.path()), ["bosinst.data", "image.data", "root"]);
}
