//! Jobs into the content of frames.

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::readlinkat;
use nix::sys::stat::{FileStat, SFlag, fstat, major, minor};

use super::content::Content;
use super::inquiry::Inquiry;
use super::job::{Item, Note, Part, Piece, What};
use super::ladder::Ladders;
use super::large::{Data, change};
use super::plan::Lengths;
use super::tree_hash;
use super::walk::{file_type, unreadable};
use crate::manifest::Entry;
use crate::member::{Device, Kind, Member};
use crate::pax::encode;
use crate::report::{Finding, Trouble};
use crate::summary::whole;

/// So often a file that changes while it is read is read.
const ATTEMPTS: u32 = 3;

/// Reads what jobs consist of.
pub(crate) struct Store<'a> {
    ladders: Ladders<'a>,
    inquiry: Inquiry<'a>,
    content: Content,
    notes: Vec<Note>,
    /// A file longer than twice this is not read again.
    grain: u64,
}

impl<'a> Store<'a> {
    pub fn new(ladders: Ladders<'a>, inquiry: Inquiry<'a>, lengths: Lengths) -> Self {
        let Lengths { frame, grain } = lengths;
        Self {
            ladders,
            inquiry,
            // Twice a grain, for what was not known when the job was put together.
            content: Content::new(usize::try_from(frame + 2 * grain).unwrap_or(0)),
            notes: Vec::new(),
            grain,
        }
    }

    /// Reads a job; its content stays here until the next one.
    pub fn job(&mut self, parts: Vec<Part>) -> io::Result<Vec<Note>> {
        self.content.clear();
        for part in parts {
            self.part(part)?;
        }
        Ok(mem::take(&mut self.notes))
    }

    /// What the last job has become.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Adds a part of a job to the content.
    fn part(&mut self, part: Part) -> io::Result<()> {
        match part {
            Part::Own(member, content) => {
                let offset = self.content.begin_member();
                self.content.write(&whole(&member, &content));
                let entry = Entry::of(&member, Some(blake3::hash(&content)), offset);
                self.notes.push(Note::Stored(entry));
            }
            Part::Header(bytes) => {
                self.content.begin_member();
                self.content.write(&bytes);
            }
            Part::Lines(piece) => self.content.write(&piece.unpack()?),
            Part::Bytes(bytes) => self.content.write(&bytes),
            Part::File(item) => self.file(&item),
            Part::Piece(piece) => self.piece(&piece),
            Part::LeftOut(finding) => self.notes.push(Note::LeftOut(finding)),
        }
        let changed = self.inquiry.changed.drain(..).map(Note::Changed);
        self.notes.extend(changed);
        Ok(())
    }

    fn left_out(&mut self, item: &Item, trouble: Trouble) {
        // Its other names lead nowhere: that is worse than a file less.
        let trouble = match trouble {
            Trouble::Vanished if item.stat.st_nlink > 1 && !is_directory(&item.stat) => {
                Trouble::Unreadable(io::ErrorKind::NotFound.into())
            }
            trouble => trouble,
        };
        self.notes
            .push(Note::LeftOut(Finding::new(&item.path, trouble)));
    }

    fn file(&mut self, item: &Item) {
        match &item.what {
            What::Link(target) => {
                let target = target.clone();
                self.plain(&self.member(item, Kind::HardLink { target }));
            }
            What::Covered => self.plain(&self.member(item, Kind::Directory)),
            What::Whole => self.whole(item),
        }
    }

    fn member(&self, item: &Item, kind: Kind) -> Member {
        self.inquiry.member(&item.path, kind, &item.stat)
    }

    fn whole(&mut self, item: &Item) {
        let stat = &item.stat;
        let device = Device {
            // The kernel's device numbers have 12 and 20 bits.
            major: u32::try_from(major(stat.st_rdev)).unwrap_or(u32::MAX),
            minor: u32::try_from(minor(stat.st_rdev)).unwrap_or(u32::MAX),
        };
        let kind = match file_type(stat) {
            SFlag::S_IFREG => return self.regular(item),
            SFlag::S_IFDIR => return self.directory(item),
            SFlag::S_IFLNK => Kind::Symlink { target: Vec::new() },
            SFlag::S_IFCHR => Kind::Char(device),
            SFlag::S_IFBLK => Kind::Block(device),
            SFlag::S_IFIFO => Kind::Fifo,
            _ => {
                let entry = Entry::socket(&item.path, stat.st_mode & 0o7777);
                return self.notes.push(Note::Stored(entry));
            }
        };
        if let Err(errno) = self.special(item, kind) {
            self.left_out(item, unreadable(errno));
        }
    }

    /// Stores what is not opened: a link, a device, a pipe.
    fn special(&mut self, item: &Item, kind: Kind) -> Result<(), Errno> {
        let mut member = self.member(item, kind);
        let (parent, name) = self.ladders.parent(item.root, &item.path)?;
        if let Kind::Symlink { target } = &mut member.kind {
            *target = readlinkat(parent, name)?.as_bytes().to_vec();
        }
        self.inquiry.ask_by_name(&mut member, parent, name);
        self.plain(&member);
        Ok(())
    }

    /// Stores what has no content.
    fn plain(&mut self, member: &Member) {
        let offset = self.content.begin_member();
        self.content.write(&encode(member));
        self.notes
            .push(Note::Stored(Entry::of(member, None, offset)));
    }

    fn directory(&mut self, item: &Item) {
        let opened = self.ladders.directory(item.root, &item.path);
        match opened.and_then(|directory| Ok((fstat(directory)?, directory))) {
            Ok((stat, directory)) => {
                let mut member = self.inquiry.member(&item.path, Kind::Directory, &stat);
                self.inquiry.ask_open(&mut member, directory);
                self.plain(&member);
            }
            Err(errno) => self.left_out(item, unreadable(errno)),
        }
    }

    /// Stores a regular file; again if it was not the same before and after.
    fn regular(&mut self, item: &Item) {
        let file = match self.ladders.open(item.root, &item.path) {
            Ok(file) => File::from(file),
            Err(errno) => return self.left_out(item, unreadable(errno)),
        };
        let (start, notes) = (self.content.length(), self.notes.len());
        let mut before = item.stat;
        for attempt in 1..=ATTEMPTS {
            let (entry, trouble) = self.read_whole(item, &file, &before);
            let after = fstat(&file).unwrap_or(before);
            if file_type(&after) != SFlag::S_IFREG {
                self.content.go_back(start);
                return self.left_out(item, Trouble::Vanished);
            }
            let is_short = u64::try_from(after.st_size).unwrap_or(0) <= 2 * self.grain;
            if same(&before, &after) || attempt == ATTEMPTS || !is_short {
                self.notes.push(Note::Stored(entry));
                if let Some(trouble) = trouble.or_else(|| change(&file, &before)) {
                    let finding = Finding::new(&item.path, trouble);
                    self.notes.push(Note::Changed(finding));
                }
                return;
            }
            self.content.go_back(start);
            self.notes.truncate(notes);
            self.inquiry.changed.clear();
            before = after;
        }
    }

    /// Reads a file of which `stat` is believed.
    fn read_whole(
        &mut self,
        item: &Item,
        file: &File,
        stat: &FileStat,
    ) -> (Entry, Option<Trouble>) {
        let data = Data::of(file, stat);
        let mut member = self.inquiry.member(&item.path, data.kind.clone(), stat);
        member.stored = data.stored;
        self.inquiry.ask_open(&mut member, file.as_fd());
        let offset = self.content.begin_member();
        self.content.write(&encode(&member));
        let start = self.content.length();
        // As long as the job was made for, or twice a grain.
        let length = usize::try_from(data.stored).unwrap_or(0);
        let trouble = data.read(file, 0, self.content.room(length));
        let hash = blake3::hash(self.content.since(start));
        self.content.pad(data.stored);
        (Entry::of(&member, Some(hash), offset), trouble)
    }

    /// Stores some grains of a large file, with the headers before the first one.
    fn piece(&mut self, piece: &Piece) {
        let large = &piece.file;
        let is_first = piece.grains.start == 0;
        let is_last = piece.grains.end >= large.grains();
        let mut entry = large.entry.clone();
        if is_first {
            entry.offset = Some(self.content.begin_member());
            self.content.write(&large.header);
        }
        let range = large.range(&piece.grains);
        let start = self.content.length();
        let length = usize::try_from(range.end - range.start).unwrap_or(0);
        let room = self.content.room(length);
        let trouble = large.data.read(&large.file, range.start, room);
        let trouble = trouble.or_else(|| change(&large.file, &large.stat));
        let stored = self.content.since(start);
        if is_first && is_last {
            // One grain is no tree.
            entry.hash = Some(blake3::hash(stored));
            self.notes.push(Note::Stored(entry));
            let finding = trouble.map(|trouble| Finding::new(&large.entry.path, trouble));
            self.notes.extend(finding.map(Note::Changed));
        } else {
            let grain = usize::try_from(large.grain).unwrap_or(usize::MAX);
            let offsets = (range.start..).step_by(grain);
            let grains = stored.chunks(grain).zip(offsets);
            let grains = grains.map(|(bytes, offset)| tree_hash::part(bytes, offset));
            let grains = grains.collect();
            self.notes.extend(is_first.then_some(Note::Begun(entry)));
            self.notes.push(Note::Read {
                file: Arc::clone(large),
                grains,
                trouble,
                is_last,
            });
        }
        if is_last {
            self.content.pad(large.data.stored);
        }
    }
}

fn is_directory(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFDIR
}

/// True if it is the same file, and nobody has changed anything of it.
fn same(before: &FileStat, after: &FileStat) -> bool {
    let key = |stat: &FileStat| {
        let changed = (stat.st_ctime, stat.st_ctime_nsec);
        let modified = (stat.st_mtime, stat.st_mtime_nsec);
        (stat.st_dev, stat.st_ino, stat.st_size, modified, changed)
    };
    key(before) == key(after)
}
