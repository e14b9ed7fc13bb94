//! A backup that comes as a stream: from a pipe, a tape, the network. Nothing in it can
//! be sought; its end is known when it has come.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use zstd::bulk::Decompressor;

use crate::cutter::{Cut, Cutter, Tail, Uncut};
use crate::endmark::{EndMark, NoMark};
use crate::frames::{Frame, parse_table};
use crate::intake::{Effort, Intake, Packed, unpacked};
use crate::ledger::{Notes, UNKNOWN};
use crate::manifest;
use crate::open::{OpenError, agree, members_of};
use crate::pipeline::Closed;
use crate::report::{Finding, Trouble};
use crate::stream::{Piece, Stream};
use crate::summary::Summary;

/// A backup whose first frame has been read from a stream. Its end is still to come:
/// whatever is done with it says in its report how the stream ended.
#[derive(Debug)]
pub struct Incoming<R> {
    name: PathBuf,
    cutter: Cutter<R>,
    first: Cut,
    summary: Summary,
}

impl<R: Read + Send> Incoming<R> {
    /// Reads the first frame of a backup; `name` is what messages call the stream.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with what comes first.
    pub fn open(name: &Path, reader: R) -> Result<Self, OpenError> {
        let mut cutter = Cutter::new(reader);
        let path = name.to_owned();
        let first = match cutter.frame() {
            Ok(Some(first)) => first,
            Ok(None) | Err(Uncut::Foreign) => return Err(OpenError::NotABackup { path }),
            Err(Uncut::Short) if cutter.taken() < 4 => return Err(OpenError::NotABackup { path }),
            Err(Uncut::Short) => {
                let length = cutter.taken();
                return Err(OpenError::Truncated { path, length });
            }
            Err(Uncut::Unreadable(errno)) => return Err(OpenError::unreadable(path, errno)),
        };
        let content = Decompressor::new()
            .and_then(|mut d| d.decompress(&first.bytes, first.raw as usize))
            .map_err(|_| OpenError::DamagedSummary { path: path.clone() })?;
        let summary = Summary::from_members(&members_of(content));
        let summary = summary.ok_or(OpenError::NotABackup { path: path.clone() })?;
        Ok(Self {
            name: path,
            cutter,
            first,
            summary,
        })
    }

    /// What the first frame says.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What messages call the stream.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.name
    }

    /// Reads the stream to its end, and gives its decompressed form to `consume`.
    pub(crate) fn read<T>(
        self,
        effort: Effort,
        consume: impl FnOnce(&mut Stream<'_>) -> T,
    ) -> (T, Ended) {
        let Self {
            name,
            cutter,
            first,
            ..
        } = self;
        let mut frames: Vec<Frame> = Vec::new();
        let read = |intake: &Intake| produce(intake, cutter, first);
        let consume = |pieces: &mut dyn Iterator<Item = Piece>| {
            let mut pieces = pieces.map(|mut piece| {
                place(&mut piece, frames.last());
                frames.push(piece.frame.clone());
                piece
            });
            let consumed = consume(&mut Stream::new(&mut pieces));
            // What was of no use to the consumer belongs to the backup all the same.
            pieces.for_each(drop);
            consumed
        };
        let (ending, consumed) = unpacked(effort, read, consume);
        let ended = Ended {
            name,
            frames,
            ending,
        };
        (consumed, ended)
    }
}

/// A frame comes after the one before it.
fn place(piece: &mut Piece, before: Option<&Frame>) {
    let frame = &mut piece.frame;
    if let Some(before) = before {
        frame.at = before.at + u64::from(before.compressed);
        frame.offset = before.end();
    }
    // The one place in a stream that is known by its look. Other members are not
    // looked for after damage: what a file holds may look like a member.
    if let Ok(content) = &piece.content
        && begins_manifest(content)
    {
        frame.first_member = Some(frame.offset);
    }
}

fn begins_manifest(content: &[u8]) -> bool {
    let rest = content.strip_prefix(manifest::PATH);
    rest.is_some_and(|rest| rest.starts_with(&[0]))
}

/// How a stream ended.
enum Ending {
    /// With something that may be a tail, and whether there was nothing after it.
    Tail(Box<Tail>, Result<(), Uncut>),
    /// Too early.
    Not(Uncut),
    /// It was not read to its end: the consumer had to stop.
    Left,
}

fn produce<R: Read>(intake: &Intake, mut cutter: Cutter<R>, first: Cut) -> (Ending, u64) {
    let ending = take_in(intake, &mut cutter, first);
    (ending, cutter.taken())
}

fn take_in<R: Read>(intake: &Intake, cutter: &mut Cutter<R>, first: Cut) -> Ending {
    let mut next = Ok(Some(first));
    let mut index = 0;
    loop {
        let Cut { bytes, raw } = match next {
            Ok(Some(cut)) => cut,
            Ok(None) => break,
            Err(uncut) => return Ending::Not(uncut),
        };
        let frame = Frame {
            at: 0,
            offset: 0,
            // It is bounded like a frame's content.
            compressed: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            raw,
            hash: [0; 16],
            first_member: None,
        };
        let share = intake.share(&frame);
        let packed = Packed {
            index,
            frame,
            listed: false,
            bytes: Ok(bytes),
            share,
        };
        if let Err(Closed) = intake.push(packed) {
            return Ending::Left;
        }
        index += 1;
        next = cutter.frame();
    }
    match cutter.tail(index) {
        Ok(tail) => Ending::Tail(Box::new(tail), cutter.end()),
        Err(uncut) => Ending::Not(uncut),
    }
}

/// A stream that has been read to its end, sound or not.
pub(crate) struct Ended {
    name: PathBuf,
    /// The frames as they came.
    frames: Vec<Frame>,
    /// How it ended, and after how many bytes.
    ending: (Ending, u64),
}

impl Ended {
    /// Everything that is wrong with the stream, and with what was noted in it.
    pub fn judge(self, notes: Notes) -> Vec<Finding> {
        let name = self.name.clone();
        let (mark, mut findings) = match self.mark() {
            Ok((mark, findings)) => (Some(mark), findings),
            Err(Some(trouble)) => {
                let name = name.as_os_str().as_bytes();
                (None, vec![Finding::new(name, trouble)])
            }
            Err(None) => (None, Vec::new()),
        };
        findings.extend(notes.findings(mark.as_ref()));
        findings
    }

    /// The end mark, if it is sound and fits the stream, and the frames that are not as
    /// the seek table says. Otherwise what is wrong; nothing if nobody read so far.
    pub fn mark(self) -> Result<(EndMark, Vec<Finding>), Option<Trouble>> {
        let (ending, length) = self.ending;
        let trouble = |uncut| match uncut {
            Uncut::Short => Trouble::Truncated { length },
            Uncut::Foreign => Trouble::Foreign { length },
            Uncut::Unreadable(errno) => Trouble::StreamUnreadable {
                length,
                source: errno.into(),
            },
        };
        let (tail, end) = match ending {
            Ending::Tail(tail, end) => (tail, end),
            Ending::Not(uncut) => return Err(Some(trouble(uncut))),
            Ending::Left => return Err(None),
        };
        let mark = EndMark::parse(&tail.mark).map_err(|no| match no {
            NoMark::Missing | NoMark::Damaged => Trouble::EndMarkDamaged,
            NoMark::Newer(version) => Trouble::Newer { version },
        })?;
        let table = (blake3::hash(&tail.table) == mark.table_hash)
            .then(|| parse_table(&tail.table))
            .flatten()
            .filter(|table| agree(&mark, table) && same_lengths(table, &self.frames))
            .ok_or(Trouble::SeekTableDamaged)?;
        end.map_err(trouble)?;
        let pairs = table.iter().zip(&self.frames).enumerate();
        let damaged = pairs.filter(|(_, (listed, came))| listed.hash != came.hash);
        let damaged = damaged
            .map(|(frame, _)| Finding::new(UNKNOWN, Trouble::DamagedFrame { frame }))
            .collect();
        Ok((mark, damaged))
    }
}

fn same_lengths(table: &[Frame], came: &[Frame]) -> bool {
    let length = |frame: &Frame| (frame.compressed, frame.raw);
    table.iter().map(length).eq(came.iter().map(length))
}
