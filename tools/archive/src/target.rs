//! Files created below a target directory, which no name can leave.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lifeboat_sys::openat::open_directory_below;
use lifeboat_sys::xattr::{self, Subject};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    FchmodatFlags, Mode, SFlag, UtimensatFlags, fchmod, fchmodat, fstatat, futimens, makedev,
    mkdirat, mknodat, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{
    Gid, LinkatFlags, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat,
};

use crate::escape::escape;
use crate::member::{Device, Kind, Member, Time};
use crate::report::{Finding, Trouble};
use crate::walk::file_type;

/// A path that stays below the root, in its two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The directory, relative to the root.
    pub parent: &'a Path,
    /// The name in it; `.` for the root itself.
    pub name: &'a OsStr,
}

/// Takes a member's path apart; `None` if it is not one that a walk makes: `.`, or
/// `./` and plain names.
pub(crate) fn place(path: &[u8]) -> Option<Place<'_>> {
    if path == b"." {
        return Some(Place {
            parent: Path::new("."),
            name: OsStr::new("."),
        });
    }
    let below = path.strip_prefix(b"./")?;
    let plain = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
    if !below.split(|&byte| byte == b'/').all(plain) {
        return None;
    }
    let slash = path.iter().rposition(|&byte| byte == b'/')?;
    let part = |bytes| OsStr::from_bytes(bytes);
    Some(Place {
        parent: Path::new(part(&path[..slash])),
        name: part(&path[slash + 1..]),
    })
}

/// The directory into which a backup is extracted.
#[derive(Debug)]
pub(crate) struct Target {
    root: OwnedFd,
    /// The directory that was used last: most files follow one beside them.
    parent: Option<(PathBuf, OwnedFd)>,
}

impl Target {
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = File::open(root)?;
        if !root.metadata()?.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(Self {
            root: root.into(),
            parent: None,
        })
    }

    /// Opens a directory below the root.
    pub fn directory(&self, path: &Path) -> io::Result<OwnedFd> {
        open_directory_below(self.root.as_fd(), path)
    }

    /// Creates an empty file for writing, in place of what is there.
    pub fn create_file(&mut self, place: Place<'_>) -> io::Result<File> {
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let parent = self.parent(place.parent)?;
        let create = || openat(parent, place.name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        Ok(replacing(parent, place.name, create)?.into())
    }

    /// Makes a directory, or keeps the one that is there.
    pub fn create_directory(&mut self, place: Place<'_>) -> io::Result<()> {
        if place.name == "." {
            return Ok(());
        }
        let parent = self.parent(place.parent)?;
        let create = || mkdirat(parent, place.name, Mode::S_IRWXU);
        match create() {
            Err(Errno::EEXIST) if is_directory(parent, place.name) => Ok(()),
            Err(Errno::EEXIST) => Ok(replacing(parent, place.name, create)?),
            result => Ok(result?),
        }
    }

    /// Makes a hard link to a file that is there.
    pub fn create_link(&mut self, place: Place<'_>, target: Place<'_>) -> io::Result<()> {
        let directory = self.directory(target.parent)?;
        let parent = self.parent(place.parent)?;
        let create = || {
            linkat(
                &directory,
                target.name,
                parent,
                place.name,
                LinkatFlags::empty(),
            )
        };
        Ok(replacing(parent, place.name, create)?)
    }

    /// Makes what has neither content nor another name: links, devices, pipes.
    pub fn create_special(&mut self, place: Place<'_>, kind: &Kind) -> io::Result<()> {
        let parent = self.parent(place.parent)?;
        let node = |kind, Device { major, minor }: Device| {
            let mode = Mode::S_IRUSR | Mode::S_IWUSR;
            mknodat(
                parent,
                place.name,
                kind,
                mode,
                makedev(major.into(), minor.into()),
            )
        };
        let create = || match kind {
            Kind::Symlink { target } => symlinkat(OsStr::from_bytes(target), parent, place.name),
            Kind::Char(device) => node(SFlag::S_IFCHR, *device),
            Kind::Block(device) => node(SFlag::S_IFBLK, *device),
            _ => node(SFlag::S_IFIFO, Device { major: 0, minor: 0 }),
        };
        Ok(replacing(parent, place.name, create)?)
    }

    /// Removes what is not a directory.
    pub fn remove(&mut self, place: Place<'_>) -> io::Result<()> {
        let parent = self.parent(place.parent)?;
        Ok(unlinkat(parent, place.name, UnlinkatFlags::NoRemoveDir)?)
    }

    /// A subject for [`set_metadata`]: what has just been created here.
    pub fn by_name<'a>(&'a mut self, place: Place<'a>) -> io::Result<Handle<'a>> {
        Ok(Handle::Name(self.parent(place.parent)?, place.name))
    }

    /// The open directory of this path. One whose own member was lost is made, so
    /// that the files in it are not lost too.
    fn parent(&mut self, path: &Path) -> io::Result<BorrowedFd<'_>> {
        let known = self.parent.take().filter(|(known, _)| known == path);
        let entry = match known {
            Some(entry) => entry,
            None => {
                let directory = match self.directory(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        self.create_missing(path)?
                    }
                    result => result?,
                };
                (path.to_owned(), directory)
            }
        };
        Ok(self.parent.insert(entry).1.as_fd())
    }

    fn create_missing(&self, path: &Path) -> io::Result<OwnedFd> {
        let mode = Mode::from_bits_truncate(0o755);
        let mut above = PathBuf::from(".");
        for name in path.components().skip(1) {
            match mkdirat(self.directory(&above)?, name.as_os_str(), mode) {
                Ok(()) | Err(Errno::EEXIST) => above.push(name),
                Err(errno) => return Err(errno.into()),
            }
        }
        self.directory(&above)
    }
}

/// Creates something; what has the name already is removed first, unless it is a
/// directory with something in it.
fn replacing<T>(
    parent: BorrowedFd<'_>,
    name: &OsStr,
    create: impl Fn() -> Result<T, Errno>,
) -> Result<T, Errno> {
    match create() {
        Err(Errno::EEXIST) => {
            let how = if is_directory(parent, name) {
                UnlinkatFlags::RemoveDir
            } else {
                UnlinkatFlags::NoRemoveDir
            };
            unlinkat(parent, name, how)?;
            create()
        }
        result => result,
    }
}

fn is_directory(parent: BorrowedFd<'_>, name: &OsStr) -> bool {
    let stat = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| file_type(&stat) == SFlag::S_IFDIR)
}

/// A file whose metadata are set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handle<'a> {
    /// A file or directory that is open.
    Open(BorrowedFd<'a>),
    /// A name in an open directory, never followed.
    Name(BorrowedFd<'a>, &'a OsStr),
}

/// Gives a file its owner, mode, attributes and time, in this order: a change of
/// owner clears set-id bits and capabilities, and everything sets the time. The
/// attributes are left out where nobody wants them.
pub(crate) fn set_metadata(
    handle: Handle<'_>,
    member: &Member,
    attributes: bool,
    refused: &mut Vec<Finding>,
) {
    let mut refuse = |trouble| refused.push(Finding::new(&member.path, trouble));
    let mut mode = Mode::from_bits_truncate(member.mode);
    if let Err(errno) = set_owner(handle, member) {
        // A set-id bit must not serve whoever runs this instead.
        mode.remove(Mode::S_ISUID | Mode::S_ISGID);
        refuse(Trouble::MetadataRefused {
            what: "owner",
            source: errno.into(),
        });
    }
    if let Err(errno) = set_mode(handle, member, mode) {
        refuse(Trouble::MetadataRefused {
            what: "mode",
            source: errno.into(),
        });
    }
    for (name, value) in member.attributes.iter().filter(|_| attributes) {
        if let Err(source) = set_attribute(handle, name, value) {
            refuse(Trouble::AttributeRefused {
                name: escape(name),
                source,
            });
        }
    }
    if let Err(errno) = set_time(handle, member.modified) {
        refuse(Trouble::MetadataRefused {
            what: "time",
            source: errno.into(),
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_have_a_place() {
        let found = place(b"./a/b c/\xff").unwrap();
        assert_eq!(found.parent, Path::new("./a/b c"));
        assert_eq!(found.name.as_bytes(), b"\xff");
        assert_eq!(place(b"./a").unwrap().parent, Path::new("."));
        assert_eq!(place(b".").unwrap().name, ".");
        for path in [
            "", "/", "/etc", "..", "../x", "./..", "./a/../b", "./a//b", "./", "./.", "a", "./a\0",
        ] {
            assert_eq!(place(path.as_bytes()), None, "{path:?}");
        }
    }
}
