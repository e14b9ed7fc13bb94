//! A directory tree in one fixed order: parents first, names sorted as bytes.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statfs::fstatfs;

use crate::pipeline::Closed;
use crate::report::Trouble;
use crate::source::{Selection, Tree};
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

/// What is walked.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The trees after that of `/`.
    pub later: &'a [Tree],
    pub selection: &'a dyn Selection,
    /// Leave directories empty on which another file system is mounted.
    pub one_file_system: bool,
    /// Becomes true when the walk is to be given up.
    pub stop: Option<&'a AtomicBool>,
    /// Device and inode of the backup that is being written.
    pub output: Option<(u64, u64)>,
}

impl Scope<'_> {
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// The tree that is read at this path (`./home`).
    fn tree_at(&self, path: &[u8]) -> Option<&Tree> {
        // Path compares components: "./home" and "home" are the same.
        let path = Path::new(OsStr::from_bytes(path)).strip_prefix(".").ok()?;
        let here = |tree: &&Tree| tree.at.strip_prefix("/").is_ok_and(|at| at == path);
        self.later.iter().find(here)
    }
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
    let stat = match fstat(&root) {
        Ok(stat) => stat,
        Err(errno) => {
            visitor.left_out(b".", unreadable(errno));
            return Ok(());
        }
    };
    let names = sorted_names(&mut root);
    let mut walk = Walk {
        scope,
        visitor,
        path: b".".to_vec(),
        pending: Vec::new(),
    };
    // The root is in every backup.
    walk.pass_on(&root, c".", stat)?;
    walk.path.push(b'/');
    walk.below(&root, names, stat.st_dev)
}

/// A directory that is left out unless something below it is stored.
struct Pending {
    parent: OwnedFd,
    name: CString,
    path: Vec<u8>,
    stat: FileStat,
}

struct Walk<'a> {
    scope: &'a Scope<'a>,
    visitor: &'a mut dyn Visitor,
    /// The file here; while in a directory, that with a slash at its end.
    path: Vec<u8>,
    /// Directories above this one that nobody has seen yet.
    pending: Vec<Pending>,
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
            if self.scope.is_stopped() {
                return Err(Closed);
            }
            let length = self.path.len();
            self.path.extend_from_slice(name.to_bytes());
            let result = self.one(directory, &name, device);
            self.path.truncate(length);
            result?;
        }
        Ok(())
    }

    fn one(&mut self, directory: &Dir, name: &CStr, device: u64) -> Result<(), Closed> {
        if summary::is_own(&self.path) {
            self.visitor.left_out(&self.path, Trouble::Reserved);
            return Ok(());
        }
        if let Some(tree) = self.scope.tree_at(&self.path) {
            return self.tree(tree);
        }
        let stat = match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(errno) => {
                self.visitor.left_out(&self.path, unreadable(errno));
                return Ok(());
            }
        };
        if self.scope.output == Some((stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        let left_out = self.scope.selection.leaves_out(&self.path, &stat);
        if file_type(&stat) != SFlag::S_IFDIR {
            return if left_out {
                Ok(())
            } else {
                self.pass_on(directory, name, stat)
            };
        }
        self.enter(directory, name, stat, left_out)?;
        if stat.st_dev != device && self.scope.one_file_system {
            return Ok(());
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match Dir::openat(directory, name, flags, Mode::empty()) {
            Ok(opened) => self.descend(opened, stat.st_dev, stat.st_dev != device),
            Err(errno) => {
                self.visitor.left_out(&self.path, unreadable(errno));
                Ok(())
            }
        }
    }

    /// A directory of the backup that is the root of another tree.
    fn tree(&mut self, tree: &Tree) -> Result<(), Closed> {
        let opened = open_root(&tree.from).and_then(|root| Ok((fstat(&root)?, root)));
        match opened {
            Ok((stat, root)) => {
                let left_out = self.scope.selection.leaves_out(&self.path, &stat);
                self.enter(&root, c".", stat, left_out)?;
                self.descend(root, stat.st_dev, false)
            }
            Err(error) => {
                self.visitor
                    .left_out(&self.path, Trouble::Unreadable(error));
                Ok(())
            }
        }
    }

    /// A directory: it is seen now, or when something below it is.
    fn enter(
        &mut self,
        parent: &Dir,
        name: &CStr,
        stat: FileStat,
        left_out: bool,
    ) -> Result<(), Closed> {
        if !left_out {
            return self.pass_on(parent, name, stat);
        }
        if let Ok(parent) = parent.as_fd().try_clone_to_owned() {
            self.pending.push(Pending {
                parent,
                name: name.to_owned(),
                path: self.path.clone(),
                stat,
            });
        }
        Ok(())
    }

    /// Walks what is in the directory here.
    fn descend(&mut self, mut directory: Dir, device: u64, mounted: bool) -> Result<(), Closed> {
        let names = if mounted && is_pseudo(&directory).unwrap_or(false) {
            Ok(Vec::new())
        } else {
            sorted_names(&mut directory)
        };
        let length = self.path.len();
        self.path.push(b'/');
        let result = self.below(&directory, names, device);
        self.path.truncate(length);
        // It is left out if nobody has seen it until now.
        if self
            .pending
            .last()
            .is_some_and(|last| last.path == self.path)
        {
            self.pending.pop();
        }
        result
    }

    /// Shows a file to the visitor, after the directories that it needs.
    fn pass_on(&mut self, parent: &Dir, name: &CStr, stat: FileStat) -> Result<(), Closed> {
        for pending in self.pending.drain(..) {
            self.visitor.visit(&Found {
                parent: pending.parent.as_fd(),
                name: &pending.name,
                path: &pending.path,
                stat: pending.stat,
            })?;
        }
        self.visitor.visit(&Found {
            parent: parent.as_fd(),
            name,
            path: &self.path,
            stat,
        })
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
