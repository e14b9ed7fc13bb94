//! What the archive says about a file beside its content.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use lifeboat_sys::inode;
use lifeboat_sys::xattr::{self, Subject};
use nix::errno::Errno;
use nix::sys::stat::FileStat;

use super::owners::Owners;
use crate::escape::escape;
use crate::flags;
use crate::member::{Attribute, Kind, Member, Time};
use crate::pax::MAX_RECORDS;
use crate::report::{Finding, Trouble};

/// Asks for the metadata of files.
pub(crate) struct Inquiry<'a> {
    owners: &'a Owners,
    /// Whether attributes and flags are stored.
    attributes: bool,
    /// What could not be read, until somebody takes it.
    pub changed: Vec<Finding>,
}

impl<'a> Inquiry<'a> {
    pub fn new(owners: &'a Owners, attributes: bool) -> Self {
        Self {
            owners,
            attributes,
            changed: Vec::new(),
        }
    }

    /// A member of this kind with what the inode says, and without attributes.
    pub fn member(&self, path: &[u8], kind: Kind, stat: &FileStat) -> Member {
        let seconds = stat.st_mtime;
        // The kernel keeps it below a second.
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        Member {
            path: path.to_vec(),
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            user: self.owners.user(stat.st_uid),
            group: self.owners.group(stat.st_gid),
            modified: Time {
                seconds,
                nanoseconds,
            },
            stored: 0,
            attributes: Vec::new(),
            flags: 0,
            project: 0,
        }
    }

    /// Adds what only an open file tells: attributes, flags, project.
    pub fn ask_open(&mut self, member: &mut Member, file: BorrowedFd<'_>) {
        if !self.attributes {
            return;
        }
        member.attributes = self.attributes(&member.path, Subject::Open(file));
        member.flags = self.number(&member.path, "flags", inode::flags(file)) & flags::STORED;
        member.project = self.number(&member.path, "project", inode::project(file));
    }

    /// Adds the attributes of what cannot be opened: links, devices, pipes. Only a
    /// path leads there, and only this one stays within the directory that is open.
    pub fn ask_by_name(&mut self, member: &mut Member, parent: BorrowedFd<'_>, name: &[u8]) {
        if !self.attributes {
            return;
        }
        let parent = format!("/proc/self/fd/{}", parent.as_raw_fd());
        let name = Path::new(&parent).join(OsStr::from_bytes(name));
        member.attributes = self.attributes(&member.path, Subject::Path(&name));
    }

    /// A number that not every file system has.
    fn number(&mut self, path: &[u8], name: &str, number: io::Result<u32>) -> u32 {
        const NONE: [Errno; 4] = [
            Errno::ENOTTY,
            Errno::EOPNOTSUPP,
            Errno::EINVAL,
            Errno::ENOSYS,
        ];
        number.unwrap_or_else(|source| {
            let errno = source.raw_os_error().map(Errno::from_raw);
            if !errno.is_some_and(|errno| NONE.contains(&errno)) {
                self.unreadable(path, name.to_owned(), source);
            }
            0
        })
    }

    /// All attributes that can be read; the others are told.
    fn attributes(&mut self, path: &[u8], subject: Subject<'_>) -> Vec<Attribute> {
        let mut attributes = Vec::new();
        let mut size = 0;
        let names = xattr::list(subject).unwrap_or_else(|source| {
            self.unreadable(path, "list".into(), source);
            Vec::new()
        });
        for name in names {
            let source = match xattr::get(subject, &name) {
                Ok(None) => continue,
                Ok(Some(value)) => {
                    size += name.len() + value.len();
                    // Readers take no longer header; half of it is for the rest.
                    if (size as u64) < MAX_RECORDS / 2 {
                        attributes.push((name, value));
                        continue;
                    }
                    Errno::E2BIG.into()
                }
                Err(source) => source,
            };
            self.unreadable(path, escape(&name), source);
        }
        attributes
    }

    fn unreadable(&mut self, path: &[u8], name: String, source: io::Error) {
        let trouble = Trouble::AttributeUnreadable { name, source };
        self.changed.push(Finding::new(path, trouble));
    }
}
