//! A directory tree in one fixed order: parents first, names sorted as bytes.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statfs::fstatfs;

use crate::pipeline::Closed;
use crate::report::Trouble;
use crate::summary;

/// File systems that hold no files of their own (linux/magic.h, in its order of
/// names): what is below them is made anew at every boot.
const PSEUDO: [i64; 26] = [
    0x0000_0187, // autofs
    0x4249_4e4d, // binfmt_misc
    0xcafe_4a11, // bpf
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6265_6570, // configfs
    0x6462_6720, // debugfs
    0x0000_1cd1, // devpts
    0xde5e_81e4, // efivarfs
    0x6573_5543, // fusectl
    0x9584_58f6, // hugetlbfs
    0x1980_0202, // mqueue
    0x6e73_6673, // nsfs
    0x0000_9fa1, // openpromfs
    0x6165_676c, // pstore
    0x0000_9fa0, // proc
    0x8584_58f6, // ramfs
    0x0765_5821, // resctrl
    0x6759_6969, // rpc_pipefs
    0x7363_6673, // securityfs
    0xf97c_ff8c, // selinuxfs
    0x4341_5d53, // smackfs
    0x6265_6572, // sysfs
    0x0102_1994, // tmpfs, devtmpfs
    0x7472_6163, // tracefs
    0xabba_1974, // xenfs
];

/// Which part of a tree is meant.
#[derive(Debug, Default)]
pub(crate) struct Scope<'a> {
    /// Files to leave out, and directories to leave empty; below the root.
    pub exclude: &'a [PathBuf],
    /// Leave directories empty on which another file system is mounted.
    pub one_file_system: bool,
    /// Device and inode of the backup that is being written.
    pub output: Option<(u64, u64)>,
}

/// A file that the walk has come to.
pub(crate) struct Found<'a> {
    /// The directory it is in, and its name there.
    pub parent: BorrowedFd<'a>,
    pub name: &'a CStr,
    /// Its path: `.` or `./…`.
    pub path: &'a [u8],
    pub stat: FileStat,
}

/// Who sees the files.
pub(crate) trait Visitor {
    /// Takes a file; a directory before what is in it.
    fn visit(&mut self, found: &Found<'_>) -> Result<(), Closed>;
    /// Takes the news that a file cannot be visited.
    fn left_out(&mut self, path: &[u8], trouble: Trouble);
}

/// Opens the root of a walk.
pub(crate) fn open_root(root: &Path) -> io::Result<Dir> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(Dir::open(root, flags, Mode::empty())?)
}

/// Walks everything from `root` down.
pub(crate) fn walk(
    mut root: Dir,
    scope: &Scope<'_>,
    visitor: &mut dyn Visitor,
) -> Result<(), Closed> {
    let path = b"./".to_vec();
    let stat = match fstat(&root) {
        Ok(stat) => stat,
        Err(errno) => {
            visitor.left_out(b".", unreadable(errno));
            return Ok(());
        }
    };
    let names = sorted_names(&mut root);
    visitor.visit(&Found {
        parent: root.as_fd(),
        name: c".",
        path: b".",
        stat,
    })?;
    let mut walk = Walk {
        scope,
        visitor,
        path,
    };
    walk.below(&root, names, stat.st_dev)
}

struct Walk<'a> {
    scope: &'a Scope<'a>,
    visitor: &'a mut dyn Visitor,
    /// The directory here with a slash at its end.
    path: Vec<u8>,
}

impl Walk<'_> {
    /// Visits what is in the directory `self.path`, which is on this device.
    fn below(
        &mut self,
        directory: &Dir,
        names: Result<Vec<CString>, Errno>,
        device: u64,
    ) -> Result<(), Closed> {
        let names = match names {
            Ok(names) => names,
            Err(errno) => {
                let path = &self.path[..self.path.len() - 1];
                self.visitor.left_out(path, unreadable(errno));
                return Ok(());
            }
        };
        for name in names {
            let length = self.path.len();
            self.path.extend_from_slice(name.to_bytes());
            let result = self.one(directory, &name, device);
            self.path.truncate(length);
            result?;
        }
        Ok(())
    }

    fn one(&mut self, directory: &Dir, name: &CStr, device: u64) -> Result<(), Closed> {
        let path = self.path.clone();
        if summary::is_own(&path) {
            self.visitor.left_out(&path, Trouble::Reserved);
            return Ok(());
        }
        let stat = match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(errno) => {
                self.visitor.left_out(&path, unreadable(errno));
                return Ok(());
            }
        };
        let is_directory = file_type(&stat) == SFlag::S_IFDIR;
        let excluded = self.is_excluded(&path);
        if self.scope.output == Some((stat.st_dev, stat.st_ino)) || (excluded && !is_directory) {
            return Ok(());
        }
        self.visitor.visit(&Found {
            parent: directory.as_fd(),
            name,
            path: &path,
            stat,
        })?;
        if is_directory && !excluded {
            self.descend(directory, name, stat.st_dev, device)
        } else {
            Ok(())
        }
    }

    fn descend(
        &mut self,
        parent: &Dir,
        name: &CStr,
        device: u64,
        above: u64,
    ) -> Result<(), Closed> {
        if device != above && self.scope.one_file_system {
            return Ok(());
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let names_of = |directory: &mut Dir| {
            if device != above && is_pseudo(directory)? {
                Ok(Vec::new())
            } else {
                sorted_names(directory)
            }
        };
        let opened = Dir::openat(parent, name, flags, Mode::empty());
        let opened = opened.map(|mut directory| (names_of(&mut directory), directory));
        self.path.push(b'/');
        match opened {
            Ok((names, directory)) => self.below(&directory, names, device),
            Err(errno) => {
                let path = &self.path[..self.path.len() - 1];
                self.visitor.left_out(path, unreadable(errno));
                Ok(())
            }
        }
    }

    fn is_excluded(&self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let below = |exclude: &PathBuf| {
            let relative = exclude.strip_prefix("/").unwrap_or(exclude);
            // "./x" and "x" are the same; Path compares components.
            path == Path::new(".").join(relative.strip_prefix(".").unwrap_or(relative))
        };
        self.scope.exclude.iter().any(below)
    }
}

/// On a running system files come and go: that is news of another kind.
pub(crate) fn unreadable(errno: Errno) -> Trouble {
    if errno == Errno::ENOENT {
        Trouble::Vanished
    } else {
        Trouble::Unreadable(errno.into())
    }
}

/// The file's type bits.
pub(crate) fn file_type(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn is_pseudo(directory: &Dir) -> Result<bool, Errno> {
    // The kernel's 32 bits, which glibc may have sign-extended.
    let magic = fstatfs(directory)?.filesystem_type().0 & 0xffff_ffff;
    Ok(PSEUDO.contains(&magic))
}

fn sorted_names(directory: &mut Dir) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in directory.iter() {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
