//! Files created below a target directory, which no name can leave.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fstatat, makedev, mkdirat, mknodat};
use nix::unistd::{LinkatFlags, UnlinkatFlags, linkat, symlinkat, unlinkat};

use crate::member::{Device, Kind};
use crate::write::file_type;

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

/// A file that is being written. What had its name before keeps it until
/// [`complete`](Self::complete): whatever happens, one of the two is there as a whole.
pub(crate) struct NewFile<'a> {
    pub file: File,
    directory: BorrowedFd<'a>,
    name: &'a OsStr,
    /// The name that it has until then, if something else has its own.
    meanwhile: Option<OsString>,
}

impl<'a> NewFile<'a> {
    /// Creates an empty file. Its permissions are at most these; `number` is one that
    /// no other file has which is being written.
    pub fn create(
        directory: BorrowedFd<'a>,
        name: &'a OsStr,
        mode: Mode,
        number: u64,
    ) -> Result<Self, Errno> {
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let create = |name: &OsStr| openat(directory, name, flags, mode);
        let (file, meanwhile) = match create(name) {
            Err(Errno::EEXIST) if is_directory(directory, name) => {
                (replacing(directory, name, || create(name))?, None)
            }
            Err(Errno::EEXIST) => {
                let meanwhile = OsString::from(format!(".lifeboat-{}-{number}", process::id()));
                let file = replacing(directory, &meanwhile, || create(&meanwhile))?;
                (file, Some(meanwhile))
            }
            file => (file?, None),
        };
        Ok(Self {
            file: file.into(),
            directory,
            name,
            meanwhile,
        })
    }

    /// Gives it its name.
    pub fn complete(self) -> Result<(), Errno> {
        let Some(meanwhile) = &self.meanwhile else {
            return Ok(());
        };
        let renamed = renameat(
            self.directory,
            meanwhile.as_os_str(),
            self.directory,
            self.name,
        );
        if renamed.is_err() {
            self.discard();
        }
        renamed
    }

    /// Takes it away again. Whoever does this reports the file as lost.
    pub fn discard(self) {
        let name = self.meanwhile.as_deref().unwrap_or(self.name);
        let _ = remove(self.directory, name);
    }
}

/// Makes a directory, or keeps the one that is there, and opens it.
pub(crate) fn create_directory(directory: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let create = || mkdirat(directory, name, Mode::S_IRWXU);
    match create() {
        Err(Errno::EEXIST) if is_directory(directory, name) => {}
        Err(Errno::EEXIST) => replacing(directory, name, create)?,
        result => result?,
    }
    open_directory(directory, name)
}

/// Opens a directory; a link is none.
pub(crate) fn open_directory(directory: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

/// Makes a hard link to a file that is there.
pub(crate) fn create_link(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    (in_directory, target): (BorrowedFd<'_>, &OsStr),
) -> Result<(), Errno> {
    let flags = LinkatFlags::empty();
    let create = || linkat(in_directory, target, directory, name, flags);
    replacing(directory, name, create)
}

/// Makes what has neither content nor another name: links, devices, pipes.
pub(crate) fn create_special(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    kind: &Kind,
) -> Result<(), Errno> {
    let node = |kind, Device { major, minor }: Device| {
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let device = makedev(major.into(), minor.into());
        mknodat(directory, name, kind, mode, device)
    };
    let create = || match kind {
        Kind::Symlink { target } => symlinkat(OsStr::from_bytes(target), directory, name),
        Kind::Char(device) => node(SFlag::S_IFCHR, *device),
        Kind::Block(device) => node(SFlag::S_IFBLK, *device),
        _ => node(SFlag::S_IFIFO, Device { major: 0, minor: 0 }),
    };
    replacing(directory, name, create)
}

/// Removes what is not a directory.
pub(crate) fn remove(directory: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    unlinkat(directory, name, UnlinkatFlags::NoRemoveDir)
}

/// Opens a directory, and makes it if nothing is there.
pub(crate) fn find_directory(directory: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    match open_directory(directory, name) {
        Err(Errno::ENOENT) => {}
        result => return result,
    }
    mkdirat(directory, name, Mode::from_bits_truncate(0o755))?;
    open_directory(directory, name)
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
