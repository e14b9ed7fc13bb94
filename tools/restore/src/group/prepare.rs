//! From a backup of a volume group and a person's wishes to a plan. Nothing here
//! writes to a disk.

use std::path::Path;

use lifeboat_archive::{Backup, Entry, EntryKind, Manifest, ReadError, Summary, escape, is_own};
use lifeboat_layout::disks::{self, DiskError};
use lifeboat_layout::model::{Model, ModelError};
use lifeboat_layout::plan::{GroupPlan, GroupSettings, PlanError, plan_group};
use lifeboat_stanza::{Document, StanzaError};
use lifeboat_sys::fs::{FsError, read, read_to_string};
use lifeboat_sys::run::search_path;

use super::places::{self, PlaceError};
use crate::prepare::map;

/// Why there is nothing to confirm.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The description cannot be read.
    #[error("0590-257 The description of the volume group cannot be read")]
    Description(#[source] StanzaError),
    /// A file with a description cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// It is that of a system.
    #[error(
        "0590-258 This is the backup of a whole system, not of a volume group; the rescue image restores it"
    )]
    System,
    /// It cannot be restored.
    #[error("0590-259 The volume group cannot be restored")]
    Model(#[source] ModelError),
    /// The list of its files cannot be read: nothing could be checked.
    #[error("0590-261 The backup cannot be restored")]
    Manifest(#[source] ReadError),
    /// It has files that belong nowhere.
    #[error("0590-262 {0} in the backup is below none of its mount points")]
    Outside(String),
    /// The disks cannot be looked at.
    #[error(transparent)]
    Disks(#[from] DiskError),
    /// A mount point is not free.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// No plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// The text of a description: of the file that a person named, else of the backup.
///
/// # Errors
/// [`GroupError::File`].
pub fn description(named: Option<&Path>, inside: &[u8]) -> Result<String, GroupError> {
    match named {
        Some(path) => Ok(read_to_string(path)?),
        None => Ok(String::from_utf8_lossy(inside).into_owned()),
    }
}

/// Reads a description. The physical maps that it names come from `summary`, the first
/// frame of the backup, else from the files themselves: a description that a person
/// named may have been written on this system, and then so were they.
///
/// # Errors
/// [`GroupError`] with the line where something is wrong.
pub fn model(text: &str, summary: Option<&Summary>) -> Result<Model, GroupError> {
    let document = Document::parse(text).map_err(GroupError::Description)?;
    if document
        .named("fs_data")
        .any(|stanza| stanza.get("FS_NAME") == Some("/"))
    {
        return Err(GroupError::System);
    }
    let mut model = Model::from_group_document(&document).map_err(GroupError::Model)?;
    model.bring_maps(|path| match summary {
        Some(summary) => map(summary, path),
        None => read(path).ok(),
    });
    Ok(model)
}

/// Plans the restore and checks that every program it needs is here, and every
/// mount point free.
///
/// # Errors
/// [`GroupError`] with the names and numbers.
pub fn make_plan(model: &Model, settings: &GroupSettings) -> Result<GroupPlan, GroupError> {
    let plan = plan_group(model, &disks::inventory()?, settings)?;
    plan.check_tools(&search_path())?;
    places::check(&plan)?;
    Ok(plan)
}

/// Whether the manifest is sound, and every file of the backup lies in a file
/// system of the group. Gives the mount points of those that are not in the backup.
///
/// # Errors
/// [`GroupError::Manifest`], [`GroupError::Outside`].
pub fn check_files(backup: &Backup, model: &Model) -> Result<Vec<String>, GroupError> {
    let manifest = backup.manifest().map_err(GroupError::Manifest)?;
    let mounts: Vec<&[u8]> = model
        .file_systems
        .iter()
        .filter_map(|fs| Some(fs.mount.as_ref()?.as_bytes()))
        .collect();
    let stray = manifest
        .entries()
        .find(|entry| !is_own(&entry.path) && !belongs(entry, &mounts));
    match stray {
        Some(stray) => Err(GroupError::Outside(escape(&stray.path))),
        None => Ok(missing(&manifest, &mounts)),
    }
}

/// File systems that were not mounted when the backup was made.
fn missing(manifest: &Manifest, mounts: &[&[u8]]) -> Vec<String> {
    let name = |mount: &&[u8]| String::from_utf8_lossy(mount).into_owned();
    let absent = |mount: &&&[u8]| manifest.find(&[b".", **mount].concat()).is_none();
    mounts.iter().filter(absent).map(name).collect()
}

/// Whether it lies in a file system that is mounted on one of `mounts`; a directory
/// on the way to one does as well.
fn belongs(entry: &Entry, mounts: &[&[u8]]) -> bool {
    let path = entry.path.strip_prefix(b".").unwrap_or(&entry.path);
    mounts.iter().any(|mount| {
        let way = entry.kind == EntryKind::Directory && is_below(mount, path);
        way || is_below(path, mount)
    })
}

/// Whether `path` is `directory` or below it. The root is empty.
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind, path: &str) -> Entry {
        Entry {
            kind,
            mode: 0o755,
            size: 0,
            hash: None,
            offset: None,
            path: path.into(),
            target: None,
        }
    }

    #[test]
    fn only_files_of_the_group_belong_to_it() {
        use EntryKind::{Directory, File};
        let mounts: [&[u8]; 2] = [b"/srv/data", b"/opt"];
        for (kind, path, right) in [
            (Directory, ".", true),
            (Directory, "./srv", true),
            (Directory, "./srv/data", true),
            (File, "./srv/data/x", true),
            (File, "./opt/a/b", true),
            (File, "./srv", false),
            (File, "./srv/database", false),
            (Directory, "./etc", false),
            (File, "./etc/passwd", false),
        ] {
            assert_eq!(belongs(&entry(kind, path), &mounts), right, "{path}");
        }
    }

    #[test]
    fn what_is_no_group_is_refused_in_a_sentence() {
        for (text, said) in [
            ("fs_data:\n\tFS_NAME= /\n", "0590-258"),
            ("vg_data:\n\tVGNAME= x\n", "0590-259"),
            ("\tVGNAME= x\n", "0590-257"),
        ] {
            let error = model(text, None).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
