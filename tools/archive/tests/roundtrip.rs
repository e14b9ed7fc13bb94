//! Any tree comes back as it was.

mod common;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::{
    OPTIONS, assert_same, file_of, is_root, open, pack, rich_tree, set_attribute, set_time,
    snapshot, source, summary, unpack,
};
use lifeboat_archive::{
    Backup, CreateOptions, EntryKind, ExtractOptions, ReadError, Source, Trouble, create,
    create_file,
};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use proptest::prelude::*;

#[test]
fn one_of_everything_comes_back() {
    let (tree, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    rich_tree(tree.path());
    let (bytes, created) = pack(tree.path(), &OPTIONS);
    assert!(created.changed.is_empty() && created.left_out.is_empty(), "{created:?}");
    let backup = open(&bytes);
    assert_eq!(backup.totals(), created.totals);
    assert_eq!(backup.summary(), &summary());
    let verified = backup.verify(&mut |_| {});
    assert!(verified.damaged.is_empty(), "{:?}", verified.damaged);
    assert_eq!(verified.members, created.totals.members);

    let extracted = unpack(&bytes, dest.path());
    assert!(extracted.damaged.is_empty() && extracted.refused.is_empty(), "{extracted:?}");
    assert_same(tree.path(), dest.path());
    let blocks = |root: &Path| fs::metadata(root.join("sparse")).unwrap().blocks();
    assert_eq!(blocks(tree.path()), blocks(dest.path()), "holes are holes again");

    // Once more over what is there now.
    let again = unpack(&bytes, dest.path());
    assert!(again.damaged.is_empty(), "{again:?}");
    assert_same(tree.path(), dest.path());
}
