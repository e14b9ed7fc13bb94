//! Frames to the output in their order, and what is noted about them on the way.

use std::io::{self, Read, Write};
use std::mem;
use std::sync::Arc;

use blake3::hazmat::ChainingValue;

use super::create::{CreateError, CreateReport};
use super::job::{Done, Note};
use super::large::Large;
use super::listing::{Listed, Listing, Piece};
use super::source::Selection;
use super::tree_hash;
use crate::endmark::{self, EndMark};
use crate::frames::{Frame, SKIPPABLE_MAGIC, Totals, encode_table};
use crate::manifest::Entry;
use crate::report::{Finding, Progress, Trouble};
use crate::summary::is_own;

/// The output, and what is known about it so far.
pub(crate) struct Output<'a> {
    out: &'a mut dyn Write,
    selection: &'a dyn Selection,
    progress: &'a mut dyn FnMut(Progress),
    frames: Vec<Frame>,
    /// The manifest, until it is written itself.
    listing: Option<Listing>,
    /// The large file that is being written.
    large: Begun,
    changed: Vec<Finding>,
    left_out: Vec<Finding>,
}

/// A large file of which some pieces have come.
#[derive(Default)]
struct Begun {
    entry: Option<Entry>,
    grains: Vec<ChainingValue>,
    trouble: Option<Trouble>,
}

impl<'a> Output<'a> {
    pub fn new(
        out: &'a mut dyn Write,
        selection: &'a dyn Selection,
        progress: &'a mut dyn FnMut(Progress),
        listing: Listing,
    ) -> Self {
        Self {
            out,
            selection,
            progress,
            frames: Vec::new(),
            listing: Some(listing),
            large: Begun::default(),
            changed: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// The length of the stream.
    pub fn length(&self) -> u64 {
        self.frames.last().map_or(0, Frame::end)
    }

    /// Writes a job's frames, and takes its notes.
    pub fn take(&mut self, done: Done) -> Result<(), CreateError> {
        let start = self.length();
        for packed in done.frames {
            self.out
                .write_all(&packed.bytes)
                .map_err(CreateError::Write)?;
            let last = self.frames.last();
            let at = last.map_or(0, |last| last.at + u64::from(last.compressed));
            let length = u32::try_from(packed.bytes.len());
            self.frames.push(Frame {
                at,
                offset: self.length(),
                compressed: length
                    .map_err(|error| CreateError::Compress(io::Error::other(error)))?,
                raw: packed.raw,
                hash: packed.hash,
                first_member: packed.first_member.map(|at| start + at),
            });
        }
        for note in done.notes {
            self.note(note, start)?;
        }
        let done = self.length();
        (self.progress)(Progress { done, total: None });
        Ok(())
    }

    fn note(&mut self, note: Note, start: u64) -> Result<(), CreateError> {
        match note {
            Note::Stored(entry) => self.stored(entry, start)?,
            Note::Begun(mut entry) => {
                entry.offset = entry.offset.map(|at| at + start);
                self.large.entry = Some(entry);
            }
            Note::Read {
                file,
                grains,
                trouble,
                is_last,
            } => {
                self.large.grains.extend(grains);
                self.large.trouble = Trouble::graver(self.large.trouble.take(), trouble);
                if is_last {
                    self.end_large(&file)?;
                }
            }
            Note::Changed(finding) => self.changed.push(finding),
            Note::LeftOut(finding) => self.left_out.push(finding),
        }
        Ok(())
    }

    fn stored(&mut self, mut entry: Entry, start: u64) -> Result<(), CreateError> {
        entry.offset = entry.offset.map(|at| at + start);
        if !is_own(&entry.path) {
            self.selection.stores(&entry.path);
        }
        match &mut self.listing {
            Some(listing) => listing.add(&entry).map_err(CreateError::Compress),
            None => Ok(()),
        }
    }

    /// Ends the manifest, which begins a frame here.
    pub fn end_listing(&mut self) -> Result<(Manifest, Vec<Piece>), CreateError> {
        let listing = self.listing.take().map(Listing::finish).transpose();
        let ended = listing.map_err(CreateError::Compress)?.unwrap_or_default();
        let manifest = Manifest {
            offset: self.length(),
            frame: self.frames.len() as u64,
            listed: ended.0,
        };
        Ok((manifest, ended.1))
    }

    fn end_large(&mut self, file: &Arc<Large>) -> Result<(), CreateError> {
        let Begun {
            entry,
            grains,
            trouble,
        } = mem::take(&mut self.large);
        if let Some(mut entry) = entry {
            let hash = tree_hash::whole(&grains, file.grain, file.data.stored);
            entry.hash = Some(hash);
            if let Some(trouble) = trouble {
                self.changed.push(Finding::new(&entry.path, trouble));
            }
            self.stored(entry, 0)?;
        }
        Ok(())
    }

    /// Writes the skippable frame: zeros that make the backup as long as it is to
    /// be, seek table and end mark.
    pub fn finish(
        self,
        manifest: &Manifest,
        multiple_of: u32,
    ) -> Result<CreateReport, CreateError> {
        let frames = &self.frames;
        let listed = &manifest.listed;
        let totals = Totals {
            frames: frames.len() as u64,
            members: listed.lines,
            bytes_raw: self.length(),
            bytes_compressed: frames.iter().map(|frame| u64::from(frame.compressed)).sum(),
        };
        let table = encode_table(frames);
        let length = totals.bytes_compressed + 8 + (table.len() + endmark::LENGTH) as u64;
        let padding = length.next_multiple_of(u64::from(multiple_of)) - length;
        let mark = EndMark {
            frame_size: frames.iter().map(|frame| frame.raw).max().unwrap_or(0),
            totals,
            manifest_offset: manifest.offset,
            manifest_frame: manifest.frame,
            manifest_length: listed.length,
            manifest_hash: listed.hash,
            table_length: table.len() as u64,
            table_hash: *blake3::hash(&table).as_bytes(),
            padding,
        }
        .encode();
        // Reached with 128 million frames, a PiB of the usual size.
        let payload = u32::try_from((table.len() + mark.len()) as u64 + padding);
        let payload = payload.map_err(|error| CreateError::Write(io::Error::other(error)))?;
        let out = self.out;
        out.write_all(&[SKIPPABLE_MAGIC, payload.to_le_bytes()].concat())
            .and_then(|()| io::copy(&mut io::repeat(0).take(padding), out))
            .and_then(|_| out.write_all(&table))
            .and_then(|()| out.write_all(&mark))
            .and_then(|()| out.flush())
            .map_err(CreateError::Write)?;
        Ok(CreateReport {
            totals,
            changed: self.changed,
            left_out: self.left_out,
        })
    }
}

/// What the end mark says about the manifest.
pub(crate) struct Manifest {
    /// Where its header begins in the stream.
    pub offset: u64,
    /// The number of the frame that begins there.
    pub frame: u64,
    pub listed: Listed,
}
