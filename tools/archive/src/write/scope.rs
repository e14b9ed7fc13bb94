//! What is walked: the trees, open, and what is asked about each file.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat_sys::fs::{FsError, PathContext};
use nix::fcntl::OFlag;

use super::create::CreateError;
use super::mounts::{Mounted, Mounts};
use super::source::{Selection, Source, Tree};

/// The root of a tree.
pub(crate) struct Root {
    /// Its path in the backup: `.` or `./…`.
    pub path: Vec<u8>,
    directory: OwnedFd,
    /// What is mounted below it, by the path from here.
    mounts: HashMap<Vec<u8>, Mounted>,
}

/// What is walked.
pub(crate) struct Scope<'a> {
    /// The trees; the first is that of `/`.
    pub roots: Vec<Root>,
    pub selection: &'a dyn Selection,
    /// Directories are empty on which a file system is mounted that is no tree.
    pub one_file_system: bool,
    /// False if only devices tell where one file system ends.
    pub knows_mounts: bool,
    /// Device and inode of the backup that is being written.
    pub output: Option<(u64, u64)>,
    stop: Option<&'a AtomicBool>,
}

impl<'a> Scope<'a> {
    pub fn open(
        source: &Source<'a>,
        stop: Option<&'a AtomicBool>,
        output: Option<(u64, u64)>,
    ) -> Result<Self, CreateError> {
        let mounts = Mounts::of_this_process();
        let roots = source.trees.iter().map(|tree| open_root(tree, &mounts));
        let roots = roots.collect::<Result<Vec<_>, _>>()?;
        if roots.first().is_none_or(|root| root.path != b".") {
            return Err(CreateError::NoRoot);
        }
        Ok(Self {
            roots,
            selection: source.selection,
            one_file_system: source.one_file_system,
            knows_mounts: mounts.is_some(),
            output,
            stop,
        })
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// The directory of a root.
    pub fn directory(&self, root: usize) -> BorrowedFd<'_> {
        self.roots[root].directory.as_fd()
    }

    /// The root that is this path of the backup.
    pub fn root_at(&self, path: &[u8]) -> Option<usize> {
        self.roots.iter().position(|root| root.path == path)
    }

    /// The way from a root to this path of the backup below it.
    pub fn inside<'p>(&self, root: usize, path: &'p [u8]) -> &'p [u8] {
        let rest = path.strip_prefix(&self.roots[root].path[..]);
        let rest = rest.unwrap_or_default();
        rest.strip_prefix(b"/").unwrap_or(rest)
    }

    /// What is mounted at this path of the backup.
    pub fn mounted(&self, root: usize, path: &[u8]) -> Option<Mounted> {
        let mounts = &self.roots[root].mounts;
        // Most trees have none: nothing is hashed for them.
        (!mounts.is_empty())
            .then(|| mounts.get(self.inside(root, path)).copied())
            .flatten()
    }
}

fn open_root(tree: &Tree, mounts: &Option<Mounts>) -> Result<Root, FsError> {
    let from = &tree.from;
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits());
    let directory = options.open(from).at("open directory", from)?;
    let mounts = mounts.as_ref().map(|mounts| mounts.below(from));
    Ok(Root {
        path: member_path(&tree.at),
        directory: directory.into(),
        mounts: mounts.unwrap_or_default(),
    })
}

/// `/home` as the archive has it: `./home`.
fn member_path(at: &Path) -> Vec<u8> {
    let mut path = b".".to_vec();
    for part in at.components() {
        if let Component::Normal(name) = part {
            path.push(b'/');
            path.extend_from_slice(name.as_bytes());
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_trees_become_those_of_the_archive() {
        for (at, path) in [
            ("/", "."),
            ("/home", "./home"),
            ("//var/./lib/", "./var/lib"),
        ] {
            assert_eq!(member_path(Path::new(at)), path.as_bytes());
        }
    }
}
