//! What is backed up, and what of it is left out.

use std::path::PathBuf;

use nix::sys::stat::FileStat;

use crate::summary::Summary;

/// What is backed up.
#[derive(Clone)]
pub struct Source<'a> {
    /// What the first frame says.
    pub summary: Summary,
    /// File systems, that of `/` first. A directory of the backup that is the
    /// [`at`](Tree::at) of a later one is read from that one's
    /// [`from`](Tree::from).
    pub trees: &'a [Tree],
    /// What is left out, and what is stored without packing.
    pub selection: &'a dyn Selection,
    /// Store directories empty on which a file system is mounted that is none of
    /// the trees. Those of the kernel (proc, sysfs, tmpfs, …) are stored empty in
    /// any case.
    pub one_file_system: bool,
}

/// A file system of the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Where it is in the backup: `/`, `/home`.
    pub at: PathBuf,
    /// Where it is read: the same place, or a snapshot that is mounted elsewhere.
    pub from: PathBuf,
}

/// Decides for each file. Paths are `.` or `./…`, without a slash at the end.
pub trait Selection: Sync {
    /// Whether a file is left out; asked once for every file. A directory that
    /// is left out does not take its content with it: each file is asked for by
    /// itself, and the directory is stored after all when something below it is.
    fn leaves_out(&self, _path: &[u8], _stat: &FileStat) -> bool {
        false
    }

    /// Whether a file is stored without compression.
    fn unpacked(&self, _path: &[u8]) -> bool {
        false
    }

    /// A file is being stored.
    fn stores(&self, _path: &[u8]) {}
}

/// The selection that leaves nothing out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Everything;

impl Selection for Everything {}
