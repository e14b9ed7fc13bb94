//! GNU tar alone restores a backup.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use common::{OPTIONS, assert_same, is_root, pack, rich_tree};
use lifeboat_sys::run::Tool;

#[test]
fn gnu_tar_extracts_the_same_tree() {
    let version = Tool::new("tar").arg("--version").run();
    if !version.is_ok_and(|output| output.text().contains("GNU tar")) || !is_root() {
        eprintln!("skipped: needs GNU tar, and root for the owners");
        return;
    }
    let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    rich_tree(tree.path());
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    let mut stream = Vec::new();
    // Like zstd -dc: all frames, the skippable one passed over.
    zstd::Decoder::new(&bytes[..])
        .unwrap()
        .read_to_end(&mut stream)
        .unwrap();
    let tar = Tool::new("tar").args(["-xpf", "-", "--numeric-owner", "--xattrs"]);
    let own = ["bosinst.data", "image.data", ".lifeboat"].map(|name| format!("--exclude=./{name}"));
    let tar = tar
        .arg("--xattrs-include=*")
        .args(own)
        .arg("-C")
        .arg(dest.path())
        .stdin(stream);
    let said = tar.run().unwrap();
    // tar has something to say about dates: long ago, or in the future.
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(
        text.lines().all(|line| line.contains("time stamp")),
        "{text}"
    );
    assert_same(tree.path(), dest.path());
    let blocks = |root: &Path| fs::metadata(root.join("sparse")).unwrap().blocks();
    assert_eq!(
        blocks(tree.path()),
        blocks(dest.path()),
        "holes are holes again"
    );
}

#[test]
fn gnu_tar_knows_the_names_of_the_trees_own_users() {
    let tree = tempfile::tempdir().unwrap();
    rich_tree(tree.path());
    if !is_root() {
        eprintln!("skipped: needs root for the owners");
        return;
    }
    let (bytes, _) = pack(tree.path(), &OPTIONS);
    let mut stream = Vec::new();
    zstd::Decoder::new(&bytes[..])
        .unwrap()
        .read_to_end(&mut stream)
        .unwrap();
    let Ok(list) = Tool::new("tar").args(["-tvf", "-"]).stdin(stream).run() else {
        eprintln!("skipped: needs GNU tar");
        return;
    };
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let line = |end: &str| {
        list.lines()
            .find(|line| line.ends_with(end))
            .unwrap()
            .to_owned()
    };
    assert!(line(" ./etc/empty/").contains(" d\u{e9}/staff "), "{list}");
    assert!(
        list.lines().next().unwrap().ends_with(" ./bosinst.data"),
        "{list}"
    );
    assert!(
        list.lines()
            .last()
            .unwrap()
            .ends_with(" ./.lifeboat/manifest"),
        "{list}"
    );
}
