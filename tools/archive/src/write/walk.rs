//! File systems in one fixed order: a directory before what is in it, names sorted
//! as bytes.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;
use std::vec;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use nix::sys::statfs::fstatfs;

use super::ladder::Ladders;
use super::mounts::Mounted;
use super::scope::Scope;
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

/// A file that the walk has come to.
pub(crate) struct Found<'a> {
    /// Which of the [roots](Scope::roots) it is below.
    pub root: usize,
    /// Its path in the backup: `.` or `./…`.
    pub path: &'a [u8],
    pub stat: FileStat,
    /// A directory that nobody must open: what is mounted there is not stored.
    pub is_covered: bool,
}

/// Who sees the files.
pub(crate) trait Visitor {
    /// Takes a file; a directory before what is in it.
    fn visit(&mut self, found: Found<'_>) -> Result<(), Closed>;
    /// Takes the news that a file cannot be visited.
    fn left_out(&mut self, path: &[u8], trouble: Trouble) -> Result<(), Closed>;
}

/// Walks everything.
pub(crate) fn walk(scope: &Scope<'_>, visitor: &mut dyn Visitor) -> Result<(), Closed> {
    let mut walk = Walk {
        scope,
        visitor,
        ladders: Ladders::new(scope),
        reached: vec![false; scope.roots.len()],
        path: b".".to_vec(),
        levels: Vec::new(),
    };
    walk.root(0)?;
    while let Some(level) = walk.levels.last_mut() {
        if scope.is_stopped() {
            return Err(Closed);
        }
        walk.path.truncate(level.length);
        match level.names.next() {
            Some(name) => {
                let (root, device) = (level.root, level.device);
                walk.path.push(b'/');
                walk.path.extend_from_slice(name.to_bytes());
                walk.one(root, device, &name)?;
            }
            None => {
                walk.levels.pop();
            }
        }
    }
    for (root, reached) in scope.roots.iter().zip(walk.reached) {
        if !reached {
            visitor.left_out(&root.path, Trouble::NotReached)?;
        }
    }
    Ok(())
}

/// A directory whose content is being walked.
struct Level {
    root: usize,
    device: u64,
    /// The length of its path.
    length: usize,
    names: vec::IntoIter<CString>,
    /// It is left out unless something below it is stored.
    pending: Option<FileStat>,
}

struct Walk<'a> {
    scope: &'a Scope<'a>,
    visitor: &'a mut dyn Visitor,
    ladders: Ladders<'a>,
    /// Which roots were found in the backup.
    reached: Vec<bool>,
    /// The file here.
    path: Vec<u8>,
    /// The directories above it, that of the backup first.
    levels: Vec<Level>,
}

impl Walk<'_> {
    /// The file at `self.path`, of this name in a directory on this device.
    fn one(&mut self, root: usize, device: u64, name: &CStr) -> Result<(), Closed> {
        if summary::is_own(&self.path) {
            return self.visitor.left_out(&self.path, Trouble::Reserved);
        }
        if let Some(root) = self.scope.root_at(&self.path) {
            return self.root(root);
        }
        let mounted = self.scope.mounted(root, &self.path);
        let parent = self.ladders.parent(root, &self.path);
        let parent = parent.map(|(parent, _)| parent);
        let stat = if self.scope.one_file_system && mounted == Some(Mounted::Remote) {
            // Its server may not answer.
            parent.and_then(fstat).map(|mut stat| {
                stat.st_mode = SFlag::S_IFDIR.bits() | 0o755;
                (stat.st_uid, stat.st_gid) = (0, 0);
                stat
            })
        } else {
            parent.and_then(|parent| fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW))
        };
        let stat = match stat {
            Ok(stat) => stat,
            Err(errno) => return self.visitor.left_out(&self.path, unreadable(errno)),
        };
        if self.scope.output == Some((stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        if file_type(&stat) != SFlag::S_IFDIR {
            return self.show(root, stat, false);
        }
        let other = match mounted {
            Some(_) => true,
            // A subvolume has another device too, and is no mount point.
            None => !self.scope.knows_mounts && stat.st_dev != device,
        };
        if mounted == Some(Mounted::OnDemand) || (other && self.scope.one_file_system) {
            return self.show(root, stat, true);
        }
        self.enter(root, stat, stat.st_dev != device)
    }

    /// A directory of the backup that is this root.
    fn root(&mut self, root: usize) -> Result<(), Closed> {
        self.reached[root] = true;
        match fstat(self.scope.directory(root)) {
            Ok(stat) => self.enter(root, stat, false),
            Err(errno) => self.visitor.left_out(&self.path, unreadable(errno)),
        }
    }

    /// Shows a file to the visitor that is no directory, or one without content.
    fn show(&mut self, root: usize, stat: FileStat, is_covered: bool) -> Result<(), Closed> {
        if self.scope.selection.leaves_out(&self.path, &stat) {
            return Ok(());
        }
        self.pass_on(root, stat, is_covered)
    }

    /// Opens a directory, shows it to the visitor, and goes on in it.
    fn enter(&mut self, root: usize, stat: FileStat, may_be_pseudo: bool) -> Result<(), Closed> {
        let opened = match self.ladders.directory(root, &self.path) {
            Ok(opened) => opened,
            Err(errno) => return self.visitor.left_out(&self.path, unreadable(errno)),
        };
        let names = if may_be_pseudo && is_pseudo(opened).unwrap_or(false) {
            Ok(Vec::new())
        } else {
            sorted_names(opened)
        };
        // The root is in every backup.
        let left_out =
            !self.levels.is_empty() && self.scope.selection.leaves_out(&self.path, &stat);
        if !left_out {
            self.pass_on(root, stat, false)?;
        }
        let names = match names {
            Ok(names) => names,
            Err(errno) => {
                self.visitor.left_out(&self.path, unreadable(errno))?;
                Vec::new()
            }
        };
        self.levels.push(Level {
            root,
            device: stat.st_dev,
            length: self.path.len(),
            names: names.into_iter(),
            pending: left_out.then_some(stat),
        });
        Ok(())
    }

    /// Shows a file to the visitor after the directories above it.
    fn pass_on(&mut self, root: usize, stat: FileStat, is_covered: bool) -> Result<(), Closed> {
        for level in &mut self.levels {
            if let Some(stat) = level.pending.take() {
                self.visitor.visit(Found {
                    root: level.root,
                    path: &self.path[..level.length],
                    stat,
                    is_covered: false,
                })?;
            }
        }
        self.visitor.visit(Found {
            root,
            path: &self.path,
            stat,
            is_covered,
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

fn is_pseudo(directory: BorrowedFd<'_>) -> Result<bool, Errno> {
    // The kernel's 32 bits, which glibc may have sign-extended.
    let magic = fstatfs(directory)?.filesystem_type().0 & 0xffff_ffff;
    Ok(PSEUDO.contains(&magic))
}

fn sorted_names(directory: BorrowedFd<'_>) -> Result<Vec<CString>, Errno> {
    let own = directory.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
    let mut names = Vec::new();
    for entry in Dir::from_fd(own)?.iter() {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
