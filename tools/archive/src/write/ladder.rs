//! The directories of a tree by their path, the last few of them open.
//!
//! Every step is taken alone and follows no link: a path may be longer than the
//! kernel takes, a tree deeper than there are descriptors, and nobody who renames
//! directories meanwhile leads the way out of the tree.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::scope::Scope;

/// So many directories are open at most, beside the root.
const OPEN: usize = 16;

/// The way from the root of a tree to one of its directories.
pub(crate) struct Ladder<'a> {
    root: BorrowedFd<'a>,
    /// The directory where it ends, below the root; without slashes at its ends.
    path: Vec<u8>,
    /// The last directories on the way, each with the length of `path` there.
    open: VecDeque<(usize, OwnedFd)>,
}

impl<'a> Ladder<'a> {
    pub fn new(root: BorrowedFd<'a>) -> Self {
        Self {
            root,
            path: Vec::new(),
            open: VecDeque::new(),
        }
    }

    /// Opens the directory of this path; an empty one is the root.
    pub fn directory(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, Errno> {
        if self.path != path {
            self.go_back(path);
            while self.path.len() < path.len() {
                self.step(path)?;
            }
        }
        Ok(self.last())
    }

    /// The directory where the way ends now.
    fn last(&self) -> BorrowedFd<'_> {
        self.open
            .back()
            .map_or(self.root, |(_, directory)| directory.as_fd())
    }

    /// Goes back to the last open directory that is on the way to `path` too.
    fn go_back(&mut self, path: &[u8]) {
        let pairs = self.path.iter().zip(path);
        let common = pairs.take_while(|(here, there)| here == there).count();
        while let Some(&(end, _)) = self.open.back() {
            if end <= common && path.get(end).is_none_or(|&byte| byte == b'/') {
                break;
            }
            self.open.pop_back();
        }
        let end = self.open.back().map_or(0, |(end, _)| *end);
        self.path.truncate(end);
    }

    /// Opens the next directory on the way to `path`.
    fn step(&mut self, path: &[u8]) -> Result<(), Errno> {
        let slash = usize::from(!self.path.is_empty());
        let rest = &path[self.path.len() + slash..];
        let length = rest
            .iter()
            .position(|&byte| byte == b'/')
            .unwrap_or(rest.len());
        let directory = open_in(self.last(), &rest[..length], OFlag::O_DIRECTORY)?;
        if self.open.len() == OPEN {
            self.open.pop_front();
        }
        let end = self.path.len() + slash + length;
        self.path.extend_from_slice(&path[self.path.len()..end]);
        self.open.push_back((end, directory));
        Ok(())
    }
}

/// Files of the backup by their paths: a ladder that is put up in one tree after
/// the other.
pub(crate) struct Ladders<'a> {
    scope: &'a Scope<'a>,
    root: usize,
    ladder: Ladder<'a>,
}

impl<'a> Ladders<'a> {
    pub fn new(scope: &'a Scope<'a>) -> Self {
        Self {
            scope,
            root: 0,
            ladder: Ladder::new(scope.directory(0)),
        }
    }

    /// Opens a directory of the backup that is below this root.
    pub fn directory(&mut self, root: usize, path: &[u8]) -> Result<BorrowedFd<'_>, Errno> {
        if self.root != root {
            self.root = root;
            self.ladder = Ladder::new(self.scope.directory(root));
        }
        self.ladder.directory(self.scope.inside(root, path))
    }

    /// Opens the directory that a file is in, and tells the file's name there.
    pub fn parent<'p>(
        &mut self,
        root: usize,
        path: &'p [u8],
    ) -> Result<(BorrowedFd<'_>, &'p [u8]), Errno> {
        // Every path but that of the root has a slash.
        let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let (parent, name) = path.split_at(slash);
        let name = name.strip_prefix(b"/").unwrap_or(name);
        Ok((self.directory(root, parent)?, name))
    }

    /// Opens a file for reading.
    pub fn open(&mut self, root: usize, path: &[u8]) -> Result<OwnedFd, Errno> {
        let (parent, name) = self.parent(root, path)?;
        // Should a pipe have taken the name, opening must not wait for its writer.
        open_in(parent, name, OFlag::O_NONBLOCK)
    }
}

/// Opens what has this name in a directory, without a trace in its access time
/// where the kernel allows that.
fn open_in(parent: BorrowedFd<'_>, name: &[u8], flags: OFlag) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | flags;
    match openat(parent, name, flags | OFlag::O_NOATIME, Mode::empty()) {
        Err(Errno::EPERM) => openat(parent, name, flags, Mode::empty()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn every_directory_is_found_again() {
        let root = tempfile::tempdir().unwrap();
        let deep = "d/".repeat(40);
        let paths = [
            "",
            "a",
            "a/b",
            "ab",
            "a/bc",
            deep.trim_end_matches('/'),
            "d/d",
        ];
        for path in paths {
            fs::create_dir_all(root.path().join(path)).unwrap();
        }
        let top = File::open(root.path()).unwrap();
        let mut ladder = Ladder::new(top.as_fd());
        for path in paths.iter().chain(paths.iter().rev()) {
            let found = ladder.directory(path.as_bytes()).unwrap();
            let found = File::from(found.try_clone_to_owned().unwrap());
            let there = fs::metadata(root.path().join(path)).unwrap();
            assert_eq!(found.metadata().unwrap().ino(), there.ino(), "{path}");
            assert!(ladder.open.len() <= OPEN);
        }
    }

    #[test]
    fn a_link_is_no_step() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        symlink("a", root.path().join("link")).unwrap();
        let top = File::open(root.path()).unwrap();
        let mut ladder = Ladder::new(top.as_fd());
        assert!(ladder.directory(b"link/b").is_err());
        assert!(ladder.directory(b"nowhere").is_err());
        assert!(ladder.directory(b"a/b").is_ok(), "a way that ended is left");
    }
}
