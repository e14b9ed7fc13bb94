//! `restore` on a small backup.

mod common;

use std::fs;
use std::os::unix::fs::symlink;

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
    shell(
        &to,
        "$lifeboat restore -xqdf ../b.mksysb ./etc/hosts /etc/ssh",
    )
    .well();
    assert!(to.join("etc/ssh/sshd_config").exists());
    assert!(!to.join("etc/fstab").exists());
    let stream = shell(&to, "$lifeboat restore -xf - ./etc/fstab < ../b.mksysb");
    stream.well();
    assert_eq!(
        fs::read(to.join("etc/fstab")).unwrap(),
        fs::read(place.path("tree/etc/fstab")).unwrap()
    );
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
