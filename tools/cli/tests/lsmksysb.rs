//! `lsmksysb` and its other names, on a small backup.

mod common;

use std::fs;
use std::os::unix::fs::symlink;

use common::{LIFEBOAT, Place, lifeboat, run, shell};
use lifeboat_sys::run::Tool;

#[test]
fn the_list_is_that_of_gnu_tar() {
    let place = Place::new();
    let file = place.word("b.mksysb");
    let list = lifeboat(&["lsmksysb", "-f", &file]).well();
    assert!(list.contains("          20 ./etc/hosts\n"), "{list}");
    assert!(list.contains("           4 ./etc/a\\x20name\\x20with\\x20blanks\n"));
    let ours: Vec<String> = list
        .lines()
        .map(|line| line.trim_start().split_once(' ').unwrap().1.to_owned())
        .collect();
    let tar = shell(
        &place.path("."),
        "zstd -dc b.mksysb | tar -t --quoting-style=literal",
    );
    let theirs: Vec<String> = tar
        .out
        .lines()
        // The manifest does not list itself.
        .filter(|name| *name != "./.lifeboat/manifest")
        .map(|name| match name.trim_end_matches('/') {
            "." => ".".to_owned(),
            name => name.replace(' ', "\\x20"),
        })
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn the_list_as_json() {
    let place = Place::new();
    let list = lifeboat(&["lsmksysb", "--json", "-f", &place.word("b.mksysb")]).well();
    let files: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    let of = |path: &str| files.iter().find(|file| file["path"] == path).unwrap();
    assert_eq!(of("./etc/hosts")["size"], 20);
    assert_eq!(of("./etc/hosts")["blake3"].as_str().unwrap().len(), 64);
    assert_eq!(of("./etc/hosts.symlink")["target"], "hosts");
    assert_eq!(of("./etc/hosts.link")["type"], "link");
}

#[test]
fn the_summary_in_three_forms() {
    let place = Place::new();
    let file = place.word("b.mksysb");
    let text = lifeboat(&["lsmksysb", "-lf", &file]).well();
    for line in [
        "VOLUME GROUP:           rootvg\n",
        "BACKUP OSLEVEL:         Debian 13\n",
        "VG DATA ONLY:           no\n",
        "\nrootvg:\nLV NAME             TYPE       LPs     PPs     PVs  LV STATE      MOUNT POINT\n",
        "hd4                 ext4       320     320     1    N/A           /\n",
        "hdisk0:2            ext4       384                                /boot\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let colons = lifeboat(&["listvgbackup", "-lcf", &file]).well();
    assert!(
        colons.starts_with("#VOLUME GROUP:BACKUP DATE AND TIME:"),
        "{colons}"
    );
    assert!(colons.contains("\nhd4:ext4:320:320:1:N/A:/\n"), "{colons}");
    assert!(colons.contains("\nhdisk0\\:2:ext4:384:/boot\n"), "{colons}");
    let json = lifeboat(&["lssavevg", "-l", "--json", "-f", &file]).well();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["volume_group"], "rootvg");
    assert_eq!(value["logical_volumes"][0]["mount_point"], "/");
    assert_eq!(value["data_only"], false);
}

#[test]
fn packages_are_read_out_of_the_backup() {
    let place = Place::new();
    let file = place.word("b.mksysb");
    let text = lifeboat(&["lsmksysb", "-L", "-f", &file]).well();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("PACKAGE") && lines[1].starts_with("acl "),
        "{text}"
    );
    let colons = lifeboat(&["lsmksysb", "-Lc", "-f", &file]).well();
    let zlib = "zlib1g:1\\:1.3.1-1:ppc64el:installed:compression library - runtime";
    assert_eq!(colons.lines().last(), Some(zlib));
    let stream = shell(
        &place.path("."),
        "cat b.mksysb | $lifeboat lsmksysb -Lc -f -",
    );
    assert_eq!(stream.well(), colons);
    // Damage where the list is not does not matter.
    place.damaged("damaged.mksysb", 0.25);
    let damaged = place.word("damaged.mksysb");
    assert_eq!(
        lifeboat(&["lsmksysb", "-Lc", "-f", &damaged]).well(),
        colons
    );
}

#[test]
fn systems_without_dpkg() {
    let place = Place::new();
    let rpm = place.path("tree/usr/lib/sysimage/rpm");
    fs::remove_file(place.path("tree/var/lib/dpkg/status")).unwrap();
    place.back_up("none.mksysb");
    let done = lifeboat(&["lsmksysb", "-Lf", &place.word("none.mksysb")]);
    done.badly(1, &["0590-137 ./var/lib/dpkg/status is not in"]);
    fs::create_dir_all(&rpm).unwrap();
    fs::write(rpm.join("rpmdb.sqlite"), "SQLite format 3\0").unwrap();
    place.back_up("rpm.mksysb");
    let done = lifeboat(&["lsmksysb", "-Lf", &place.word("rpm.mksysb")]);
    done.badly(
        1,
        &["0590-738", "./usr/lib/sysimage/rpm/rpmdb.sqlite", "rpm -qa"],
    );
}

#[test]
fn verification_finds_damage_and_truncation() {
    let place = Place::new();
    let good = lifeboat(&["lsmksysb", "-Vf", &place.word("b.mksysb")]).well();
    assert!(good.contains("every hash is right"), "{good}");
    let stream = shell(&place.path("."), "cat b.mksysb | $lifeboat lsmksysb -Vf -");
    assert_eq!(stream.well(), good);
    place.damaged("damaged.mksysb", 0.75);
    let word = place.word("damaged.mksysb");
    let done = lifeboat(&["lsmksysb", "-Vf", &word]);
    done.badly(
        1,
        &["0590-150 ./srv/long:", "0590-714 The backup is damaged"],
    );
    let done = lifeboat(&["lsmksysb", "-V", "--json", "-f", &word]).badly(1, &[]);
    let value: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(value["damaged"][0]["path"], "./srv/long");
    place.truncated("short.mksysb");
    let done = lifeboat(&["lsmksysb", "-Vf", &place.word("short.mksysb")]);
    done.badly(1, &["0590-131", "truncated"]);
    let done = shell(
        &place.path("."),
        "cat short.mksysb | $lifeboat lsmksysb -Vf -",
    );
    done.badly(1, &["0590-172", "0590-714"]);
}

#[test]
fn files_come_back_below_a_directory() {
    let place = Place::new();
    let (file, to) = (place.word("b.mksysb"), place.word("to"));
    fs::create_dir(&to).unwrap();
    let said = lifeboat(&[
        "lsmksysb",
        "-r",
        "-d",
        &to,
        "-f",
        &file,
        "./etc/fstab",
        "etc/ssh",
    ])
    .well();
    assert!(said.starts_with("3 files, 0 MiB restored below"), "{said}");
    let same = |name: &str| {
        let read = |root: &str| fs::read(place.path(root).join(name)).unwrap();
        assert_eq!(read("to"), read("tree"), "{name}");
    };
    same("etc/fstab");
    same("etc/ssh/sshd_config");
    assert!(!place.path("to/etc/hosts").exists());
    // Everything, by the other name.
    lifeboat(&["restorevgfiles", "-n", "-d", &to, "-f", &file]).well();
    same("srv/long");
    assert!(place.path("to/etc/hosts.symlink").is_symlink());
    let diff = Tool::new("diff").args(["-r", "--no-dereference"]);
    run(diff.arg(place.path("tree")).arg(&to)).well();
}

#[test]
fn the_source_of_a_user_group_can_be_demanded() {
    let place = Place::new();
    let done = lifeboat(&["lssavevg", "-s", "-l", "-f", &place.word("b.mksysb")]);
    done.badly(1, &["0590-736", "leave -s out"]);
}

#[test]
fn flags_that_contradict_each_other_are_usage_errors() {
    for words in [
        &["lsmksysb"][..],
        &["lsmksysb", "-l", "-V", "-f", "x"],
        &["lsmksysb", "-d", "/tmp", "-f", "x"],
        &["lsmksysb", "-f", "x", "./etc"],
        &["lsmksysb", "-B", "-f", "x"],
        &["lsmksysb", "-b", "0", "-f", "x"],
        &["lsmksysb", "-c", "-f", "x"],
        &["lsmksysb", "-r", "--json", "-f", "x"],
        &["restorevgfiles"],
        &["no-such-command"],
    ] {
        let done = lifeboat(words);
        assert_eq!(
            (done.code, done.out.as_str()),
            (2, ""),
            "{words:?}: {done:?}"
        );
    }
}

#[test]
fn what_is_no_backup_says_so() {
    let place = Place::new();
    for (file, words) in [
        (
            "/no/such/file",
            &["0590-001 Cannot open /no/such/file", "No such file"][..],
        ),
        (
            "/etc/passwd",
            &["0590-130", "is not a Lifeboat system backup"],
        ),
        ("/dev/null", &["0590-731 /dev/null is not a tape drive"]),
        ("/dev/nst9", &["0590-001 Cannot open /dev/nst9"]),
        ("/", &["0590-"]),
    ] {
        lifeboat(&["lsmksysb", "-f", file]).badly(1, words);
    }
    let file = place.word("b.mksysb");
    lifeboat(&["lsmksysb", "-b", "100", "-f", &file]).badly(1, &["0590-732", "leave them out"]);
    lifeboat(&["lsmksysb", "-a", "-f", &file]).badly(1, &["0590-731"]);
    let empty = shell(&place.path("."), "$lifeboat lsmksysb -f - < /dev/null");
    empty.badly(1, &["0590-130 standard input"]);
}

#[test]
fn what_is_done_is_told_with_debug() {
    let place = Place::new();
    let done = lifeboat(&["lsmksysb", "-Dlf", &place.word("b.mksysb")]);
    assert_eq!(done.code, 0);
    assert!(done.err.contains("is read at any place"), "{done:?}");
}

#[test]
fn files_of_others_are_not_read() {
    let place = Place::new();
    let setpriv = Tool::new("setpriv").args(["--reuid=65534", "--clear-groups", LIFEBOAT]);
    if !nix::unistd::geteuid().is_root() || setpriv.clone().arg("--version").run().is_err() {
        println!("not judged: this needs root and setpriv");
        return;
    }
    let done = run(setpriv.args(["lsmksysb", "-f", "/etc/shadow"]));
    done.badly(
        1,
        &["0590-001 Cannot open /etc/shadow", "Permission denied"],
    );
    drop(place);
}

#[test]
fn every_command_answers_to_its_link() {
    let place = Place::new();
    for name in ["lsmksysb", "lssavevg", "listvgbackup"] {
        let link = place.path(name);
        symlink(LIFEBOAT, &link).unwrap();
        let by_link = run(Tool::new(&link).args(["-lcf", &place.word("b.mksysb")])).well();
        assert!(by_link.contains("rootvg"), "{by_link}");
        let help = run(Tool::new(&link).arg("--help")).well();
        assert!(help.contains(&format!("Usage: {name} ")), "{help}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new();
    for flags in ["", "-l", "-L", "-V", "-l --json"] {
        // `true` ends without reading anything.
        let line = format!(
            "{{ sleep 0.2; $lifeboat lsmksysb {flags} -f b.mksysb; echo status $? >&2; }} | true"
        );
        let done = shell(&place.path("."), &line);
        assert!(done.err.ends_with("status 0\n"), "{flags}: {done:?}");
    }
    let full = shell(
        &place.path("."),
        "$lifeboat lsmksysb -l -f b.mksysb > /dev/full",
    );
    full.badly(1, &["0590-730", "No space left"]);
}
