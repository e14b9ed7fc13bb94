//! Files of a tree into the decompressed stream.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use lifeboat_sys::inode;
use lifeboat_sys::xattr::{self, Subject};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, major, minor};

use crate::escape::escape;
use crate::flags;
use crate::framer::Framer;
use crate::manifest::{self, Entry};
use crate::member::{Attribute, Device, Kind, Member, Time};
use crate::owners::Owners;
use crate::pax::{MAX_RECORDS, encode, padding};
use crate::pipeline::Closed;
use crate::report::{Finding, Trouble};
use crate::sparse::{self, Segment};
use crate::summary::{Summary, own_member, whole};
use crate::ustar::BLOCK;
use crate::walk::{Found, Visitor, file_type, unreadable};

/// What was stored, for the end mark and the report.
pub(crate) struct Stored {
    pub members: u64,
    pub manifest_offset: u64,
    pub manifest_frame: u64,
    pub manifest_length: u64,
    pub manifest_hash: [u8; 32],
    pub changed: Vec<Finding>,
    pub left_out: Vec<Finding>,
}

/// The writer's end of the stream.
pub(crate) struct Store<O> {
    framer: Framer<O>,
    manifest: manifest::Builder,
    owners: Owners,
    /// Where files with several names were stored, by device and inode.
    links: HashMap<(u64, u64), Vec<u8>>,
    date: u64,
    /// Whether attributes and flags are stored.
    attributes: bool,
    changed: Vec<Finding>,
    left_out: Vec<Finding>,
}

impl<O> Store<O> {
    /// Begins the stream with the summary, in a frame of its own.
    pub fn begin(
        mut framer: Framer<O>,
        summary: &Summary,
        owners: Owners,
        attributes: bool,
    ) -> Result<Self, Closed> {
        let mut manifest = manifest::Builder::new();
        let mut frame = Vec::new();
        for (member, content) in summary.members() {
            manifest.add(&Entry::of(
                &member,
                Some(blake3::hash(&content)),
                frame.len() as u64,
            ));
            frame.extend_from_slice(&whole(&member, &content));
        }
        framer.whole_frame(frame)?;
        Ok(Self {
            framer,
            manifest,
            owners,
            links: HashMap::new(),
            date: summary.info.date,
            attributes,
            changed: Vec::new(),
            left_out: Vec::new(),
        })
    }

    /// Ends the stream with the manifest, which begins a frame, and tar's two
    /// empty blocks.
    pub fn finish(mut self) -> Result<Stored, Closed> {
        self.framer.cut()?;
        let manifest_offset = self.framer.begin_member();
        let manifest_frame = self.framer.frames();
        let (members, text) = self.manifest.finish();
        let member = own_member(manifest::PATH, text.len() as u64, self.date);
        self.framer.write(&whole(&member, &text))?;
        self.framer.write(&[0; 2 * BLOCK])?;
        self.framer.cut()?;
        Ok(Stored {
            members,
            manifest_offset,
            manifest_frame,
            manifest_length: text.len() as u64,
            manifest_hash: *blake3::hash(&text).as_bytes(),
            changed: self.changed,
            left_out: self.left_out,
        })
    }

    fn changed(&mut self, path: &[u8], trouble: Trouble) {
        self.changed.push(Finding::new(path, trouble));
    }

    /// A member of this kind with what the inode says, and without attributes.
    fn member(&self, path: &[u8], kind: Kind, stat: &FileStat) -> Member {
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

    /// Stores what has no content.
    fn store_plain(&mut self, member: &Member) -> Result<(), Closed> {
        let offset = self.framer.begin_member();
        self.framer.write(&encode(member))?;
        self.manifest.add(&Entry::of(member, None, offset));
        Ok(())
    }

    /// Stores a regular file.
    fn store_file(&mut self, path: &[u8], file: &File, stat: &FileStat) -> Result<(), Closed> {
        let length = u64::try_from(stat.st_size).unwrap_or(0);
        let mut member = self.member(path, Kind::File, stat);
        self.inode(&mut member, file.as_fd());
        let holes = u64::try_from(stat.st_blocks).unwrap_or(0) * 512 < length;
        // A file system that cannot tell its holes has none.
        let found = if holes {
            sparse::find_segments(file, length).ok()
        } else {
            None
        };
        let whole_file = vec![Segment { offset: 0, length }];
        let (segments, map) = match found {
            Some(found) if found != whole_file => {
                let map = sparse::encode_map(&found, length);
                member.kind = Kind::Sparse { length };
                (found, map)
            }
            _ => (whole_file, Vec::new()),
        };
        member.stored = map.len() as u64 + segments.iter().map(|s| s.length).sum::<u64>();

        let offset = self.framer.begin_member();
        self.framer.write(&encode(&member))?;
        self.framer.write(&map)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&map);
        let mut short = None;
        for segment in segments {
            short = self.copy(file, segment, &mut hasher)?.or(short);
        }
        self.framer.write(&[0; BLOCK][..padding(member.stored)])?;
        self.manifest
            .add(&Entry::of(&member, Some(hasher.finalize()), offset));
        if let Some(trouble) = short.or_else(|| change(file, stat)) {
            self.changed(path, trouble);
        }
        Ok(())
    }

    /// Copies a piece of a file into the stream. What cannot be read becomes
    /// zeros, because the header has promised the length; and is told.
    fn copy(
        &mut self,
        file: &File,
        segment: Segment,
        hasher: &mut blake3::Hasher,
    ) -> Result<Option<Trouble>, Closed> {
        let (mut at, mut left) = (segment.offset, segment.length);
        let mut trouble = None;
        while left > 0 {
            let room = self.framer.room(left);
            let read = match trouble {
                None => file.read_at(room, at),
                Some(_) => Ok(0),
            };
            let length = match read {
                Ok(0) => {
                    trouble.get_or_insert(Trouble::SizeChanged {
                        recorded: at + left,
                    });
                    room.fill(0);
                    room.len()
                }
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => {
                    trouble = Some(Trouble::ReadPartly(error));
                    0
                }
            };
            hasher.update(&room[..length]);
            self.framer.advance(length)?;
            at += length as u64;
            left -= length as u64;
        }
        Ok(trouble)
    }

    /// Adds what only an open file tells: attributes, flags, project.
    fn inode(&mut self, member: &mut Member, file: BorrowedFd<'_>) {
        member.attributes = self.attributes(&member.path, Subject::Open(file));
        if !self.attributes {
            return;
        }
        let mut number = |name: &str, number: io::Result<u32>| {
            number.unwrap_or_else(|source| {
                let none = [
                    Errno::ENOTTY,
                    Errno::EOPNOTSUPP,
                    Errno::EINVAL,
                    Errno::ENOSYS,
                ];
                if !none
                    .map(|none| Some(none as i32))
                    .contains(&source.raw_os_error())
                {
                    let name = name.into();
                    let trouble = Trouble::AttributeUnreadable { name, source };
                    self.changed(&member.path, trouble);
                }
                0
            })
        };
        member.flags = number("flags", inode::flags(file)) & flags::STORED;
        member.project = number("project", inode::project(file));
    }

    /// All attributes that can be read; the others are told.
    fn attributes(&mut self, path: &[u8], subject: Subject<'_>) -> Vec<Attribute> {
        let mut attributes = Vec::new();
        if !self.attributes {
            return attributes;
        }
        let mut size = 0;
        let names = xattr::list(subject).unwrap_or_else(|source| {
            self.changed(
                path,
                Trouble::AttributeUnreadable {
                    name: "list".into(),
                    source,
                },
            );
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
            self.changed(
                path,
                Trouble::AttributeUnreadable {
                    name: escape(&name),
                    source,
                },
            );
        }
        attributes
    }

    /// Attributes of what cannot be opened: links, devices, pipes. Only a path
    /// leads there, and only this one stays within the directory that is open.
    fn attributes_by_name(&mut self, found: &Found<'_>) -> Vec<Attribute> {
        let parent = format!("/proc/self/fd/{}", found.parent.as_raw_fd());
        let name = std::ffi::OsStr::from_bytes(found.name.to_bytes());
        self.attributes(found.path, Subject::Path(&Path::new(&parent).join(name)))
    }

    fn visit_openable(&mut self, found: &Found<'_>) -> Result<bool, Closed> {
        let opened = open(found).and_then(|fd| Ok((fstat(&fd)?, fd)));
        match opened {
            Ok((stat, fd)) if file_type(&stat) == SFlag::S_IFREG => {
                self.store_file(found.path, &File::from(fd), &stat)?;
                Ok(true)
            }
            Ok((stat, fd)) if file_type(&stat) == SFlag::S_IFDIR => {
                let mut member = self.member(found.path, Kind::Directory, &stat);
                self.inode(&mut member, fd.as_fd());
                self.store_plain(&member)?;
                Ok(true)
            }
            Ok(_) => {
                self.left_out(found.path, Trouble::Vanished);
                Ok(false)
            }
            Err(errno) => {
                self.left_out(found.path, unreadable(errno));
                Ok(false)
            }
        }
    }

    fn visit_special(&mut self, found: &Found<'_>, kind: Kind) -> Result<(), Closed> {
        let mut member = self.member(found.path, kind, &found.stat);
        member.attributes = self.attributes_by_name(found);
        self.store_plain(&member)
    }
}

impl<O> Visitor for Store<O> {
    fn visit(&mut self, found: &Found<'_>) -> Result<(), Closed> {
        let stat = &found.stat;
        let kind = file_type(stat);
        let inode = (stat.st_dev, stat.st_ino);
        let several = stat.st_nlink > 1 && kind != SFlag::S_IFDIR;
        if several && let Some(target) = self.links.get(&inode) {
            let kind = Kind::HardLink {
                target: target.clone(),
            };
            return self.store_plain(&self.member(found.path, kind, stat));
        }
        let device = Device {
            // The kernel's device numbers have 12 and 20 bits.
            major: u32::try_from(major(stat.st_rdev)).unwrap_or(u32::MAX),
            minor: u32::try_from(minor(stat.st_rdev)).unwrap_or(u32::MAX),
        };
        let stored = match kind {
            SFlag::S_IFREG | SFlag::S_IFDIR => self.visit_openable(found)?,
            SFlag::S_IFLNK => match readlinkat(found.parent, found.name) {
                Ok(target) => {
                    let target = target.as_bytes().to_vec();
                    self.visit_special(found, Kind::Symlink { target })?;
                    true
                }
                Err(errno) => {
                    self.left_out(found.path, unreadable(errno));
                    false
                }
            },
            SFlag::S_IFCHR => {
                self.visit_special(found, Kind::Char(device))?;
                true
            }
            SFlag::S_IFBLK => {
                self.visit_special(found, Kind::Block(device))?;
                true
            }
            SFlag::S_IFIFO => {
                self.visit_special(found, Kind::Fifo)?;
                true
            }
            _ => {
                self.manifest
                    .add(&Entry::socket(found.path, stat.st_mode & 0o7777));
                false
            }
        };
        if several && stored {
            self.links.insert(inode, found.path.to_vec());
        }
        Ok(())
    }

    fn left_out(&mut self, path: &[u8], trouble: Trouble) {
        self.left_out.push(Finding::new(path, trouble));
    }
}

/// Opens a file or directory for reading, without a trace in its access time
/// where the kernel allows that.
fn open(found: &Found<'_>) -> Result<OwnedFd, Errno> {
    // Should a pipe have taken the name, opening must not wait for its writer.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let quiet = openat(
        found.parent,
        found.name,
        flags | OFlag::O_NOATIME,
        Mode::empty(),
    );
    match quiet {
        Err(Errno::EPERM) => openat(found.parent, found.name, flags, Mode::empty()),
        result => result,
    }
}

/// What happened to a file while it was read.
fn change(file: &File, before: &FileStat) -> Option<Trouble> {
    let after = fstat(file).ok()?;
    if after.st_size != before.st_size {
        let recorded = u64::try_from(before.st_size).unwrap_or(0);
        return Some(Trouble::SizeChanged { recorded });
    }
    let time = |stat: &FileStat| (stat.st_mtime, stat.st_mtime_nsec);
    (time(&after) != time(before)).then_some(Trouble::Changed)
}
