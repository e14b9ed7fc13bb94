//! `restore` on a small backup.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::{Duration, SystemTime};

use common::{Place, lifeboat, shell};

#[test]
fn files_are_listed_short_and_long() {
    let place = Place::new();
    let file = place.word("b.mksysb");
    let names = lifeboat(&["restore", "-Tqf", &file]).well();
    assert!(names.contains("\n.\n./etc\n"), "{names}");
    let long = lifeboat(&["restore", "-Tvf", &file]).well();
    for end in [
        " ./etc/hosts\n",
        " ./etc/hosts.link link to ./etc/hosts\n",
        " ./etc/hosts.symlink -> hosts\n",
    ] {
        assert!(long.contains(end), "{end:?} is not in\n{long}");
    }
    let stream = shell(&place.path("."), "$lifeboat restore -Tf - < b.mksysb");
    assert_eq!(stream.well(), names);
}

#[test]
fn named_files_come_below_the_current_directory() {
    let place = Place::new();
    let to = place.path("to");
    fs::create_dir(&to).unwrap();
    let said = shell(
        &to,
        "$lifeboat restore -xqvdf ../b.mksysb ./etc/hosts /etc/ssh",
    )
    .well();
    for line in ["x ./etc/hosts\n", "x ./etc/ssh/sshd_config\n"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(!said.contains("fstab"), "{said}");
    let stream = shell(&to, "$lifeboat restore -xf - ./etc/fstab < ../b.mksysb");
    stream.well();
    assert_eq!(
        fs::read(to.join("etc/fstab")).unwrap(),
        fs::read(place.path("tree/etc/fstab")).unwrap()
    );
}

#[test]
fn files_have_their_time_or_that_of_the_restore() {
    let place = Place::new();
    let to = place.path("to");
    fs::create_dir(&to).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let source = fs::File::options()
        .write(true)
        .open(place.path("tree/etc/fstab"));
    source.unwrap().set_modified(old).unwrap();
    place.back_up("old.mksysb");
    let time = || fs::metadata(to.join("etc/fstab")).unwrap().mtime();
    shell(&to, "$lifeboat restore -xf ../old.mksysb ./etc/fstab").well();
    assert_eq!(time(), 1_000_000_000);
    shell(&to, "$lifeboat restore -xMf ../old.mksysb ./etc/fstab").well();
    assert!(time() > 1_700_000_000);
}

#[test]
fn damage_elsewhere_does_not_matter() {
    let place = Place::new();
    let to = place.path("to");
    fs::create_dir_all(to.join("srv")).unwrap();
    place.damaged("damaged.mksysb", 0.75);
    let line = "$lifeboat restore -xf ../damaged.mksysb ./etc/fstab ./srv/before";
    shell(&to, line).well();
    // The damaged file is named, and what was there stays as it was.
    fs::write(to.join("srv/long"), "precious").unwrap();
    let done = shell(
        &to,
        "$lifeboat restore -xf ../damaged.mksysb ./srv/long ./etc/hosts",
    );
    done.badly(1, &["0590-150 ./srv/long:", "0590-733"]);
    assert_eq!(fs::read(to.join("srv/long")).unwrap(), b"precious");
    assert!(to.join("etc/hosts").exists());
    let names = fs::read_dir(to.join("srv")).unwrap().count();
    assert_eq!(names, 2, "something half-written was left");
}

#[test]
fn a_restore_that_waits_for_its_stream_can_be_ended() {
    let place = Place::new();
    let to = place.path("to");
    fs::create_dir_all(to.join("srv")).unwrap();
    fs::write(to.join("srv/long"), "precious").unwrap();
    let script = "
        mkfifo pipe
        $lifeboat restore -xf pipe ./srv/long & pid=$!
        exec 3> pipe
        head -c 9000000 ../b.mksysb >&3
        tries=0
        until ls srv/.lifeboat-* > srv/names 2> srv/names; do
            tries=$((tries + 1)); test $tries -lt 600; sleep 0.1
        done
        tries=0
        while kill -TERM $pid 2> srv/names; do
            tries=$((tries + 1)); test $tries -lt 600; sleep 0.1
        done
        wait $pid";
    shell(&to, &format!("set -e; {script}")).badly(1, &[]);
    assert_eq!(fs::read(to.join("srv/long")).unwrap(), b"precious");
}

#[test]
fn what_is_there_is_replaced() {
    let place = Place::new();
    let to = place.path("to");
    fs::create_dir_all(to.join("etc")).unwrap();
    fs::write(to.join("etc/hosts"), "mine").unwrap();
    fs::hard_link(to.join("etc/hosts"), to.join("etc/other-name")).unwrap();
    symlink("/nowhere", to.join("etc/fstab")).unwrap();
    shell(&to, "$lifeboat restore -xf ../b.mksysb ./etc").well();
    assert_eq!(
        fs::read(to.join("etc/hosts")).unwrap(),
        b"127.0.0.1 localhost\n"
    );
    assert_eq!(fs::read(to.join("etc/other-name")).unwrap(), b"mine");
    assert!(!to.join("etc/fstab").is_symlink());
}

#[test]
fn links_do_not_lead_out() {
    let place = Place::new();
    let (to, outside) = (place.path("to"), place.path("outside"));
    fs::create_dir(&to).unwrap();
    fs::create_dir(&outside).unwrap();
    symlink(&outside, to.join("etc")).unwrap();
    let done = shell(&to, "$lifeboat restore -xf ../b.mksysb ./etc/hosts");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{done:?}");
}

#[test]
fn a_name_that_is_not_there_is_told() {
    let place = Place::new();
    let done = shell(
        &place.path("."),
        "mkdir to; cd to; $lifeboat restore -xf ../b.mksysb ./etc/no ./etc/hosts",
    );
    done.badly(1, &["0590-170 ./etc/no: it is not in the backup"]);
    assert!(place.path("to/etc/hosts").exists());
}

#[test]
fn a_truncated_stream_is_told() {
    let place = Place::new();
    place.truncated("short.mksysb");
    fs::create_dir(place.path("to")).unwrap();
    let line = "$lifeboat restore -xf - ./etc/hosts < ../short.mksysb";
    shell(&place.path("to"), line).badly(1, &["0590-172"]);
    let line = "$lifeboat restore -xf ../short.mksysb ./etc/hosts";
    shell(&place.path("to"), line).badly(1, &["0590-131"]);
}

#[test]
fn flags_of_aix_without_meaning_are_refused_with_a_sentence() {
    for flags in ["-rf", "-xZf", "-tf", "-xXf"] {
        let done = lifeboat(&["restore", flags, "x"]);
        done.badly(2, &["0590-739 restore -", "has no meaning here: "]);
    }
    lifeboat(&["restore", "-f", "x"]).badly(2, &["required"]);
    lifeboat(&["restore", "-xTf", "x"]).badly(2, &["cannot be used with"]);
    lifeboat(&["restore", "-xkf", "x"]).badly(2, &["unexpected argument '-k'"]);
}
