//! File systems and swap spaces: made, and looked at.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_sys::fs::create_dir_all;
use lifeboat_sys::run::{RunError, Tool};

use super::ApplyError;
use super::mount::{Mounts, mount_top};
use crate::disks::read_signature;
use crate::plan::{PlannedBtrfs, PlannedFileSystem, PlannedSubvolume};

/// How long one mkfs may take; without `lazy_itable_init` on a slow disk of
/// some TB it is many minutes.
const MKFS_LIMIT: Duration = Duration::from_secs(2 * 3600);

/// Where a btrfs is mounted while its subvolumes are made.
const TOP: &str = "/run/lifeboat/btrfs";

pub(super) fn make_all(
    file_systems: &[PlannedFileSystem],
    report: &mut dyn FnMut(&str),
) -> Result<(), ApplyError> {
    for fs in file_systems {
        report(&format!("making {} on {}", what(fs), fs.device));
        make(fs)?;
        if let Some(btrfs) = fs.btrfs.as_ref().filter(|b| !b.subvolumes.is_empty()) {
            report(&format!("making the subvolumes of {}", what(fs)));
            at_top(fs, |top| make_subvolumes(btrfs, top))?;
        }
    }
    Ok(())
}

fn what(fs: &PlannedFileSystem) -> String {
    match &fs.mount {
        Some(mount) => format!("file system {mount} ({})", fs.kind),
        None => "swap".to_owned(),
    }
}

/// Makes one file system and looks whether it is there.
fn make(fs: &PlannedFileSystem) -> Result<(), ApplyError> {
    let Some((program, arguments)) = fs.mkfs.split_first() else {
        return Ok(());
    };
    let more = fs.btrfs.iter().flat_map(|btrfs| &btrfs.more);
    let tool = Tool::new(program).args(arguments).args(more);
    tool.deadline(MKFS_LIMIT)
        .run()
        .map_err(|source| ApplyError::Mkfs {
            what: format!("{} on {}", what(fs), fs.device),
            source,
        })?;
    let path = Path::new(&fs.device);
    let found = read_signature(path).map_err(|source| ApplyError::Device {
        operation: "read back",
        path: path.into(),
        source,
    })?;
    if found.uuid.as_deref() == Some(&fs.uuid) {
        return Ok(());
    }
    let read = format!("{} {}", found.found, found.uuid.unwrap_or_default());
    Err(ApplyError::ReadBack {
        what: what(fs),
        wanted: fs.uuid.clone(),
        read,
    })
}

/// Does something with a btrfs whose top is mounted for it.
fn at_top(
    fs: &PlannedFileSystem,
    work: impl FnOnce(&Path) -> Result<(), ApplyError>,
) -> Result<(), ApplyError> {
    let top = Path::new(TOP);
    create_dir_all(top)?;
    let mounted: Mounts = mount_top(fs, top)?;
    let done = work(top);
    done.and(mounted.unmount())
}

fn make_subvolumes(btrfs: &PlannedBtrfs, top: &Path) -> Result<(), ApplyError> {
    for subvolume in &btrfs.subvolumes {
        let path = top.join(&subvolume.path);
        if let Some(parent) = path.parent() {
            create_dir_all(parent)?;
        }
        let create = tool(&["subvolume", "create"], &path);
        run(&create, || format!("make subvolume {}", subvolume.path))?;
    }
    let Some(default) = btrfs.subvolumes.iter().find(|s| s.default) else {
        return Ok(());
    };
    let path = top.join(&default.path);
    run(&tool(&["subvolume", "set-default"], &path), || {
        format!("make {} the default subvolume", default.path)
    })?;
    let said = run(&tool(&["subvolume", "get-default"], top), || {
        "read back the default subvolume".to_owned()
    })?;
    if names(&said, default) {
        return Ok(());
    }
    Err(ApplyError::NotAsPlanned {
        what: "the default subvolume".to_owned(),
        wanted: default.path.clone(),
        read: said.trim().to_owned(),
    })
}

/// Whether `ID 256 gen 30 top level 5 path @` is about the subvolume.
fn names(said: &str, subvolume: &PlannedSubvolume) -> bool {
    let path = said.trim_end().split_once(" path ").map(|(_, path)| path);
    path.is_some_and(|path| path.strip_prefix("<FS_TREE>/").unwrap_or(path) == subvolume.path)
}

/// Makes subvolumes read-only that were so. To be called when they are filled and
/// not mounted.
///
/// # Errors
/// [`ApplyError::Subvolume`], [`ApplyError::Mount`].
pub fn seal_subvolumes(file_systems: &[PlannedFileSystem]) -> Result<(), ApplyError> {
    for fs in file_systems {
        let all = fs.btrfs.iter().flat_map(|btrfs| &btrfs.subvolumes);
        let sealed: Vec<&PlannedSubvolume> = all.filter(|s| s.read_only).collect();
        if sealed.is_empty() {
            continue;
        }
        at_top(fs, |top| {
            // What lies inside of another first: nothing is made in a sealed one.
            sealed.iter().rev().try_for_each(|subvolume| {
                let path: PathBuf = top.join(&subvolume.path);
                let seal = tool(&["property", "set", "-t", "subvol"], &path).args(["ro", "true"]);
                run(&seal, || {
                    format!("make subvolume {} read-only", subvolume.path)
                })
                .map(drop)
            })
        })?;
    }
    Ok(())
}

fn tool(arguments: &[&str], path: &Path) -> Tool {
    Tool::new("btrfs").args(arguments).arg(path)
}

fn run(tool: &Tool, what: impl FnOnce() -> String) -> Result<String, ApplyError> {
    let failed = |source: RunError| ApplyError::Subvolume {
        what: what(),
        source,
    };
    Ok(tool.run().map_err(failed)?.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_subvolume_is_read_back_by_its_path() {
        let subvolume = PlannedSubvolume {
            path: "@/.snapshots/1/snapshot".into(),
            mount: Some("/".into()),
            options: "defaults".into(),
            dump: 0,
            pass: 0,
            default: true,
            read_only: false,
        };
        let path = "ID 258 gen 12 top level 256 path @/.snapshots/1/snapshot\n";
        assert!(names(path, &subvolume));
        assert!(names(&path.replace("path ", "path <FS_TREE>/"), &subvolume));
        assert!(!names("ID 5 (FS_TREE)\n", &subvolume));
    }
}
