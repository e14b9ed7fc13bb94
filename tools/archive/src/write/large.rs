//! A regular file too long for one frame: several threads read it, a grain at a
//! time.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use nix::sys::stat::{FileStat, fstat};

use crate::manifest::Entry;
use crate::member::Kind;
use crate::report::Trouble;
use crate::sparse::{self, Segment};

/// The data of a regular file as they are stored: all of it, or its map and its
/// segments.
pub(crate) struct Data {
    pub kind: Kind,
    /// Bytes that are stored.
    pub stored: u64,
    /// The length of the file.
    length: u64,
    map: Vec<u8>,
    /// Each with its place among what is stored.
    segments: Vec<(u64, Segment)>,
}

impl Data {
    /// Those of a file about which `stat` says this. A file system that cannot
    /// tell its holes has none.
    pub fn of(file: &File, stat: &FileStat) -> Self {
        let length = u64::try_from(stat.st_size).unwrap_or(0);
        let has_holes = u64::try_from(stat.st_blocks).unwrap_or(0) * 512 < length;
        let whole = vec![Segment { offset: 0, length }];
        let found = has_holes
            .then(|| sparse::find_segments(file, length).ok())
            .flatten();
        let (kind, map, found) = match found {
            Some(found) if found != whole => {
                let map = sparse::encode_map(&found, length);
                (Kind::Sparse { length }, map, found)
            }
            _ => (Kind::File, Vec::new(), whole),
        };
        let mut stored = map.len() as u64;
        let segments = found.into_iter().map(|segment| {
            let place = stored;
            stored += segment.length;
            (place, segment)
        });
        let segments = segments.collect();
        Self {
            kind,
            stored,
            length,
            map,
            segments,
        }
    }

    /// Reads what is stored from here on. What cannot be read becomes zeros,
    /// because the header has promised the length; and is told.
    pub fn read(&self, file: &File, mut at: u64, mut room: &mut [u8]) -> Option<Trouble> {
        let map = usize::try_from(at).ok().and_then(|at| self.map.get(at..));
        if let Some(map) = map {
            let length = map.len().min(room.len());
            let (now, later) = room.split_at_mut(length);
            now.copy_from_slice(&map[..length]);
            (at, room) = (at + length as u64, later);
        }
        let mut trouble = None;
        let first = self.segments.partition_point(|(place, _)| *place <= at);
        for (place, segment) in &self.segments[first.saturating_sub(1)..] {
            if room.is_empty() {
                break;
            }
            let skipped = at.saturating_sub(*place).min(segment.length);
            let left = segment.length - skipped;
            let length = usize::try_from(left).map_or(room.len(), |left| left.min(room.len()));
            let (now, later) = room.split_at_mut(length);
            let found = self.read_at(file, segment.offset + skipped, now);
            trouble = Trouble::graver(trouble, found);
            (at, room) = (at + length as u64, later);
        }
        trouble
    }

    fn read_at(&self, file: &File, mut at: u64, mut room: &mut [u8]) -> Option<Trouble> {
        while !room.is_empty() {
            match file.read_at(room, at) {
                Ok(0) => {
                    room.fill(0);
                    let recorded = self.length;
                    return Some(Trouble::SizeChanged { recorded });
                }
                Ok(length) => {
                    at += length as u64;
                    room = &mut room[length..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    room.fill(0);
                    return Some(Trouble::ReadPartly(error));
                }
            }
        }
        None
    }
}

/// What happened to a file since `before`.
pub(crate) fn change(file: &File, before: &FileStat) -> Option<Trouble> {
    let after = fstat(file).ok()?;
    let time = |stat: &FileStat| (stat.st_mtime, stat.st_mtime_nsec);
    if after.st_size != before.st_size {
        let recorded = u64::try_from(before.st_size).unwrap_or(0);
        return Some(Trouble::SizeChanged { recorded });
    }
    (time(&after) != time(before)).then_some(Trouble::Changed)
}

/// A large file that is being stored.
pub(crate) struct Large {
    pub file: File,
    pub stat: FileStat,
    pub data: Data,
    /// Its headers.
    pub header: Vec<u8>,
    /// Its line, without hash and offset.
    pub entry: Entry,
    /// The length of a grain: a power of two.
    pub grain: u64,
}

impl Large {
    /// How many grains it has; the last one may be shorter.
    pub fn grains(&self) -> u64 {
        self.data.stored.div_ceil(self.grain)
    }

    /// The bytes of these grains among what is stored.
    pub fn range(&self, grains: &Range<u64>) -> Range<u64> {
        grains.start * self.grain..self.data.stored.min(grains.end * self.grain)
    }
}
