//! Snapshots of btrfs subvolumes: read-only subvolumes in them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use lifeboat_layout::system::Mounted;
use lifeboat_sys::btrfs;
use nix::errno::Errno;

use super::plan::BTRFS;
use super::{NAME, SnapshotError};

/// Not seen by those who do not look for it.
fn hidden(name: &str) -> String {
    format!(".{name}")
}

/// Takes a snapshot of what is mounted at `mount`, and says where it can be read.
pub(super) fn take(mount: &Path, name: &str) -> Result<PathBuf, SnapshotError> {
    let name = hidden(name);
    let path = mount.join(&name);
    let taken = File::open(mount).and_then(|source| {
        // A directory that is mounted by itself: its subvolume is another one.
        if !btrfs::is_subvolume(&source)? {
            return Err(io::Error::from(Errno::EINVAL));
        }
        btrfs::snapshot(&source, &source, &name)
    });
    match taken {
        Ok(()) => Ok(path),
        Err(source) => Err(SnapshotError::Subvolume {
            operation: "take",
            path,
            source,
        }),
    }
}

/// Removes it.
pub(super) fn remove(mount: &Path, name: &str) -> Result<(), SnapshotError> {
    destroy(mount, &hidden(name))
}

fn destroy(mount: &Path, name: &str) -> Result<(), SnapshotError> {
    let removed = File::open(mount).and_then(|parent| btrfs::destroy(&parent, name));
    removed.map_err(|source| SnapshotError::Subvolume {
        operation: "remove",
        path: mount.join(name),
        source,
    })
}

/// Removes those that a killed run has left: subvolumes with names of ours.
pub(super) fn remove_stale(file_systems: &[Mounted]) -> Result<Vec<String>, SnapshotError> {
    let mut removed = Vec::new();
    for mounted in file_systems.iter().filter(|mounted| mounted.kind == BTRFS) {
        for name in stale(&mounted.mount) {
            destroy(&mounted.mount, &name)?;
            removed.push(mounted.mount.join(name).display().to_string());
        }
    }
    Ok(removed)
}

fn stale(mount: &Path) -> Vec<String> {
    let entries = fs::read_dir(mount).into_iter().flatten().flatten();
    let ours = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let opened = File::open(entry.path()).ok()?;
        let subvolume = btrfs::is_subvolume(&opened).unwrap_or(false);
        (name.starts_with(&hidden(NAME)) && subvolume).then_some(name)
    });
    ours.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_subvolumes_with_our_name_are_stale() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join(".lifeboat_snap_0")).unwrap();
        assert!(stale(place.path()).is_empty());
        assert!(stale(Path::new("/no/such")).is_empty());
    }

    #[test]
    fn other_file_systems_give_no_snapshots() {
        let error = take(Path::new("/proc"), "lifeboat_snap_0").unwrap_err();
        let said = error.to_string();
        assert_eq!(
            said,
            "0590-374 Cannot take the snapshot /proc/.lifeboat_snap_0"
        );
    }
}
