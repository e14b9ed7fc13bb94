//! Owner, mode, attributes, time and flags of what was restored.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;

use lifeboat_sys::inode;
use lifeboat_sys::xattr::{self, Subject};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{
    FchmodatFlags, FileStat, Mode, UtimensatFlags, fchmod, fchmodat, fstat, fstatat, futimens,
    utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat};

use crate::escape::escape;
use crate::flags;
use crate::member::{Kind, Member, Time};
use crate::report::Trouble;

/// A file whose metadata are set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handle<'a> {
    /// A file or directory that is open.
    Open(BorrowedFd<'a>),
    /// A name in an open directory, never followed.
    Name(BorrowedFd<'a>, &'a OsStr),
}

/// What is restored of a file besides its content, owner and mode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// Extended attributes, flags, project.
    pub attributes: bool,
    /// When it was changed last.
    pub times: bool,
}

/// Flags of files that count only for what is written later.
const EARLY: u32 = flags::NOCOW | flags::COMPRESS | flags::NOCOMP;
/// Flags after which nothing can be changed any more, nor linked.
const LAST: u32 = flags::IMMUTABLE | flags::APPEND;

/// Gives a new file the flags that must be there before its content. Whether it took
/// them is seen when it gets all of them.
pub(crate) fn set_early_flags(file: BorrowedFd<'_>, member: &Member) {
    let early = match member.kind {
        // Files in it would inherit the others, which they need not have had.
        Kind::Directory => flags::CASEFOLD,
        _ => EARLY,
    };
    if member.flags & early != 0
        && let Ok(now) = inode::flags(file)
    {
        let _ = inode::set_flags(file, now | member.flags & early);
    }
}

/// Gives a file its owner, mode, attributes, flags and time, in this order: a change
/// of owner clears set-id bits and capabilities, and everything sets the time. What it
/// has already is left alone, which saves half of the time that this takes. What nobody
/// wants is left out; [`last_flags`] come later.
pub(crate) fn set_metadata(
    handle: Handle<'_>,
    member: &Member,
    keep: Keep,
    refuse: &mut dyn FnMut(Trouble),
) {
    let now = stat(handle).ok();
    let mut mode = Mode::from_bits_truncate(member.mode);
    let owned = |stat: &FileStat| (stat.st_uid, stat.st_gid) == (member.uid, member.gid);
    let mut changed = false;
    if !now.as_ref().is_some_and(owned) {
        changed = true;
        if let Err(errno) = set_owner(handle, member) {
            // A set-id bit must not serve whoever runs this instead.
            mode.remove(Mode::S_ISUID | Mode::S_ISGID);
            refuse(refused("owner", errno));
        }
    }
    let set_id = mode.intersects(Mode::S_ISUID | Mode::S_ISGID);
    let has_mode = |stat: &FileStat| Mode::from_bits_truncate(stat.st_mode & 0o7777) == mode;
    let is_right = now.as_ref().is_some_and(has_mode) && !(changed && set_id);
    if !is_right && let Err(errno) = set_mode(handle, member, mode) {
        refuse(refused("mode", errno));
    }
    if keep.attributes {
        for (name, value) in &member.attributes {
            if let Err(source) = set_attribute(handle, name, value) {
                let name = escape(name);
                refuse(Trouble::AttributeRefused { name, source });
            }
        }
        if let Handle::Open(file) = handle {
            if member.project != 0
                && let Err(source) = inode::set_project(file, member.project)
            {
                let project = member.project;
                refuse(Trouble::ProjectRefused { project, source });
            }
            set_flags(file, member.flags & !LAST, refuse);
        }
    }
    if keep.times
        && let Err(errno) = set_time(handle, member.modified)
    {
        refuse(refused("time", errno));
    }
}

fn refused(what: &'static str, errno: Errno) -> Trouble {
    let source = errno.into();
    Trouble::MetadataRefused { what, source }
}

/// Those of these flags that are set when everything else is done.
pub(crate) fn last_flags(flags: u32) -> u32 {
    flags & LAST
}

/// Sets flags, besides those that the file has. One that the file system does not
/// know keeps no other from being set.
pub(crate) fn set_flags(file: BorrowedFd<'_>, flags: u32, refuse: &mut dyn FnMut(Trouble)) {
    if flags == 0 {
        return;
    }
    let set = |flags| inode::set_flags(file, inode::flags(file)? | flags);
    if set(flags).is_ok() {
        return;
    }
    for flag in (0..u32::BITS).map(|bit| 1 << bit) {
        if flags & flag != 0
            && let Err(source) = set(flag)
        {
            let flag = flags::to_text(flag);
            refuse(Trouble::FlagRefused { flag, source });
        }
    }
}

fn stat(handle: Handle<'_>) -> Result<FileStat, Errno> {
    match handle {
        Handle::Open(fd) => fstat(fd),
        Handle::Name(parent, name) => fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW),
    }
}

fn set_owner(handle: Handle<'_>, member: &Member) -> Result<(), Errno> {
    let (uid, gid) = (
        Some(Uid::from_raw(member.uid)),
        Some(Gid::from_raw(member.gid)),
    );
    match handle {
        Handle::Open(fd) => fchown(fd, uid, gid),
        Handle::Name(parent, name) => {
            fchownat(parent, name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)
        }
    }
}

fn set_mode(handle: Handle<'_>, member: &Member, mode: Mode) -> Result<(), Errno> {
    match (handle, &member.kind) {
        (Handle::Open(fd), _) => fchmod(fd, mode),
        // Links have none that counts.
        (Handle::Name(..), Kind::Symlink { .. }) => Ok(()),
        (Handle::Name(parent, name), _) => {
            // Not a link: we have just made it. Old kernels cannot refuse to follow.
            fchmodat(parent, name, mode, FchmodatFlags::FollowSymlink)
        }
    }
}

fn set_attribute(handle: Handle<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    match handle {
        Handle::Open(fd) => xattr::set(Subject::Open(fd), name, value),
        Handle::Name(parent, file) => {
            // Only a path leads to what cannot be opened; this one stays here.
            let directory = PathBuf::from(format!("/proc/self/fd/{}", parent.as_raw_fd()));
            xattr::set(Subject::Path(&directory.join(file)), name, value)
        }
    }
}

fn set_time(handle: Handle<'_>, time: Time) -> Result<(), Errno> {
    let modified = TimeSpec::new(time.seconds, time.nanoseconds.into());
    match handle {
        Handle::Open(fd) => futimens(fd, &TimeSpec::UTIME_OMIT, &modified),
        Handle::Name(parent, name) => {
            let how = UtimensatFlags::NoFollowSymlink;
            utimensat(parent, name, &TimeSpec::UTIME_OMIT, &modified, how)
        }
    }
}
