//! The walk's files, put together to jobs: what goes into which frame is decided
//! here, before anything is read, and so by the tree alone.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, fstat};

use super::inquiry::Inquiry;
use super::job::{Done, Item, Job, Part, Piece, What};
use super::ladder::Ladders;
use super::large::{Data, Large};
use super::scope::Scope;
use super::walk::{Found, Visitor, file_type, unreadable};
use crate::manifest::Entry;
use crate::pax::{encode, padding};
use crate::pipeline::{Closed, Feed};
use crate::report::{Finding, Trouble};
use crate::ustar::BLOCK;

/// What the headers of most members take: an extended header for the nanoseconds.
const HEADERS: u64 = 3 * BLOCK as u64;
/// A job has no more files than this, however short they are.
const MAX_PARTS: usize = 8192;

/// How long frames are, and the grains of files that do not fit into one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    /// A frame's content, as far as it is known in advance.
    pub frame: u64,
    /// What a file longer than this is read in: a power of two.
    pub grain: u64,
}

impl Lengths {
    /// Frames of about this many bytes.
    pub fn of_frames(frame: u32) -> Self {
        let eighth = u64::from(frame / 8).max(1024);
        Self {
            frame: u64::from(frame),
            grain: 1 << eighth.ilog2().min(20),
        }
    }
}

/// What becomes of a job.
pub(crate) type Result = std::io::Result<Done>;

/// Puts jobs together.
pub(crate) struct Planner<'a> {
    scope: &'a Scope<'a>,
    feed: Feed<Job, Result>,
    ladders: Ladders<'a>,
    inquiry: Inquiry<'a>,
    lengths: Lengths,
    /// Whether anything is compressed.
    pack: bool,
    job: Job,
    /// The length of the job's content, as far as it is known.
    filled: u64,
    /// Files with several names of which some are to come, by device and inode: the
    /// first name, and how many are left.
    links: HashMap<(u64, u64), (Vec<u8>, u64)>,
}

impl<'a> Planner<'a> {
    pub fn new(
        scope: &'a Scope<'a>,
        feed: Feed<Job, Result>,
        inquiry: Inquiry<'a>,
        lengths: Lengths,
        pack: bool,
    ) -> Self {
        Self {
            scope,
            feed,
            ladders: Ladders::new(scope),
            inquiry,
            lengths,
            pack,
            job: Job {
                parts: Vec::new(),
                unpacked: !pack,
            },
            filled: 0,
            links: HashMap::new(),
        }
    }

    /// Passes on what is there, unless it is nothing.
    pub fn cut(&mut self) -> std::result::Result<(), Closed> {
        self.filled = 0;
        if self.job.parts.is_empty() {
            return Ok(());
        }
        let unpacked = self.job.unpacked;
        let parts = Vec::new();
        self.feed
            .push(std::mem::replace(&mut self.job, Job { parts, unpacked }))
    }

    /// Adds a part of about this length.
    pub fn add(&mut self, part: Part, length: u64) -> std::result::Result<(), Closed> {
        if self.filled + length > self.lengths.frame || self.job.parts.len() == MAX_PARTS {
            self.cut()?;
        }
        self.job.parts.push(part);
        self.filled += length;
        Ok(())
    }

    /// Packed and unpacked files do not share a frame.
    fn switch(&mut self, unpacked: bool) -> std::result::Result<(), Closed> {
        if self.job.unpacked != unpacked {
            self.cut()?;
            self.job.unpacked = unpacked;
        }
        Ok(())
    }

    /// Adds a file that is told about when its turn comes.
    fn add_left_out(&mut self, path: &[u8], trouble: Trouble) -> std::result::Result<(), Closed> {
        self.add(Part::LeftOut(Finding::new(path, trouble)), 0)
    }

    /// The first name of this file, if it has passed by.
    fn first_name(&mut self, stat: &FileStat) -> Option<Vec<u8>> {
        let inode = (stat.st_dev, stat.st_ino);
        let (name, left) = self.links.get_mut(&inode)?;
        *left -= 1;
        if *left > 0 {
            return Some(name.clone());
        }
        self.links.remove(&inode).map(|(name, _)| name)
    }

    /// A file longer than a grain: it is opened here, and read in pieces.
    fn add_large(&mut self, found: &Found<'_>) -> std::result::Result<(), Closed> {
        let large = match self.open_large(found) {
            Ok(large) => Arc::new(large),
            Err(errno) => return self.add_left_out(found.path, unreadable(errno)),
        };
        let header = large.header.len() as u64;
        let (mut grain, grains) = (0, large.grains().max(1));
        while grain < grains {
            let header = if grain == 0 { header } else { 0 };
            let room = self.lengths.frame.saturating_sub(self.filled + header);
            let fit = (room / large.grain).clamp(1, grains - grain);
            let piece = Piece {
                file: Arc::clone(&large),
                grains: grain..grain + fit,
            };
            let range = large.range(&piece.grains);
            let length = range.end - range.start;
            let pad = padding(length) as u64;
            self.add(Part::Piece(piece), header + length + pad)?;
            grain += fit;
        }
        Ok(())
    }

    fn open_large(&mut self, found: &Found<'_>) -> std::result::Result<Large, Errno> {
        let file = File::from(self.ladders.open(found.root, found.path)?);
        let stat = fstat(&file)?;
        if file_type(&stat) != SFlag::S_IFREG {
            return Err(Errno::ENOENT);
        }
        let data = Data::of(&file, &stat);
        let mut member = self.inquiry.member(found.path, data.kind.clone(), &stat);
        member.stored = data.stored;
        self.inquiry.ask_open(&mut member, file.as_fd());
        Ok(Large {
            file,
            stat,
            header: encode(&member),
            entry: Entry::of(&member, None, 0),
            data,
            grain: self.lengths.grain,
        })
    }
}

impl Visitor for Planner<'_> {
    fn visit(&mut self, found: Found<'_>) -> std::result::Result<(), Closed> {
        let Found {
            root, path, stat, ..
        } = found;
        let kind = file_type(&stat);
        let is_file = kind == SFlag::S_IFREG;
        let length = if is_file {
            u64::try_from(stat.st_size).unwrap_or(0)
        } else {
            0
        };
        let what = if found.is_covered {
            What::Covered
        } else if let Some(name) = self.first_name(&stat) {
            What::Link(name)
        } else {
            What::Whole
        };
        let is_whole = matches!(what, What::Whole);
        if is_whole && stat.st_nlink > 1 && kind != SFlag::S_IFDIR {
            // Another name takes its place if this one cannot be read.
            if is_file && let Err(errno) = self.ladders.open(root, path) {
                return self.add_left_out(path, unreadable(errno));
            }
            let first = (path.to_vec(), stat.st_nlink - 1);
            self.links.insert((stat.st_dev, stat.st_ino), first);
        }
        if is_file && is_whole && self.pack {
            self.switch(self.scope.selection.unpacked(path))?;
        }
        if is_file && is_whole && length > self.lengths.grain {
            return self.add_large(&found);
        }
        let length = if is_whole { length } else { 0 };
        let item = Item {
            root,
            path: path.to_vec(),
            stat,
            what,
        };
        self.add(Part::File(item), HEADERS + length + padding(length) as u64)
    }

    fn left_out(&mut self, path: &[u8], trouble: Trouble) -> std::result::Result<(), Closed> {
        self.add_left_out(path, trouble)
    }
}
