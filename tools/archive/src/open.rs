//! Opening a backup: its first frame and its end are read and checked, nothing else.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::iter::once;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat_sys::fs::{FsError, PathContext};
use nix::errno::Errno;
use zstd::bulk::Decompressor;

use crate::endmark::{self, EndMark, FORMAT_VERSION, NoMark};
use crate::frames::{
    Frame, MAX_FRAME_SIZE, MAX_PADDING, SKIPPABLE_MAGIC, Totals, ZSTD_MAGIC, frame_hash,
    parse_table, unpack,
};
use crate::intake::{Effort, Intake, Packed, unpacked};
use crate::members::{OwnMember, read_all};
use crate::pipeline::Closed;
use crate::stock::Content;
use crate::stream::{Piece, Stream};
use crate::summary::Summary;

/// Why a file cannot be used as a backup.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// It is something else.
    #[error("0590-130 {} is not a Lifeboat system backup", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
    },
    /// Its end is not there.
    #[error("0590-131 {} is truncated: it has only {length} bytes, and no end mark", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How many bytes are there.
        length: u64,
    },
    /// Its last bytes are an end mark with wrong bits.
    #[error("0590-132 The end mark of {} is damaged", path.display())]
    DamagedEndMark {
        /// The file.
        path: PathBuf,
    },
    /// The seek table before the end mark has wrong bits.
    #[error("0590-133 The seek table of {} is damaged", path.display())]
    DamagedSeekTable {
        /// The file.
        path: PathBuf,
    },
    /// The first frame, with image.data and bosinst.data, has wrong bits.
    #[error("0590-134 The summary of {} (bosinst.data, image.data) is damaged", path.display())]
    DamagedSummary {
        /// The file.
        path: PathBuf,
    },
    /// A later Lifeboat wrote it.
    #[error(
        "0590-135 {} has format version {version}; this Lifeboat reads up to {FORMAT_VERSION}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format version.
        version: u32,
    },
}

impl OpenError {
    /// The stream of this name could not be read.
    pub(crate) fn unreadable(path: PathBuf, errno: Errno) -> Self {
        Self::File(FsError {
            operation: "read",
            path,
            source: errno.into(),
        })
    }
}

/// A backup whose summary, seek table and end mark are sound.
#[derive(Debug)]
pub struct Backup {
    path: PathBuf,
    file: File,
    /// Where in the file it begins.
    start: u64,
    frames: Vec<Frame>,
    mark: EndMark,
    summary: Summary,
}

impl Backup {
    /// Opens a backup that is a whole file or block device.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mut file = File::open(path).at("open", path)?;
        // Unlike the metadata, this knows the length of a block device too.
        let length = file.seek(SeekFrom::End(0)).at("find the end of", path)?;
        Self::from_region(path, file, 0, length)
    }

    /// Opens a backup that is a part of a file or block device: `length` bytes
    /// from `start` on.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with it.
    pub fn open_region(path: &Path, start: u64, length: u64) -> Result<Self, OpenError> {
        let file = File::open(path).at("open", path)?;
        Self::from_region(path, file, start, length)
    }

    fn from_region(path: &Path, file: File, start: u64, length: u64) -> Result<Self, OpenError> {
        let region = Region {
            path,
            file: &file,
            start,
            length,
        };
        let mark = region.end_mark()?;
        let frames = region.seek_table(&mark)?;
        let summary = region.summary(&frames)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            start,
            frames,
            mark,
            summary,
        })
    }

    /// What the first frame says.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Counts over the whole backup, from the end mark.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.mark.totals
    }

    /// The file that was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn mark(&self) -> &EndMark {
        &self.mark
    }

    /// The frame that the manifest begins.
    pub(crate) fn manifest_frame(&self) -> usize {
        // Checked against the seek table when it was opened.
        usize::try_from(self.mark.manifest_frame)
            .unwrap_or(usize::MAX)
            .min(self.frames.len())
    }

    /// The frames that hold this part of the stream.
    pub(crate) fn frames_of(&self, range: Range<u64>) -> Range<usize> {
        let first = self
            .frames
            .partition_point(|frame| frame.end() <= range.start);
        let end = self
            .frames
            .partition_point(|frame| frame.offset < range.end);
        first..end.max(first)
    }

    /// Reads these frames, unpacks them on several threads, and gives `consume` the
    /// stream.
    pub(crate) fn read<R>(
        &self,
        frames: impl Iterator<Item = usize> + Send,
        effort: Effort,
        consume: impl FnOnce(&mut Stream<'_>) -> R,
    ) -> R {
        let read = |intake: &Intake| {
            for index in frames {
                let frame = self.frames[index].clone();
                let share = intake.share(&frame);
                let packed = Packed {
                    index,
                    bytes: self.read_frame(&frame, share.buffer(frame.compressed as usize)),
                    frame,
                    listed: true,
                    share,
                };
                if let Err(Closed) = intake.push(packed) {
                    break;
                }
            }
        };
        let consume = |pieces: &mut dyn Iterator<Item = Piece>| consume(&mut Stream::new(pieces));
        unpacked(effort, read, consume).1
    }

    /// The bytes of a frame as they are in the backup.
    fn read_frame(&self, frame: &Frame, mut bytes: Vec<u8>) -> Result<Vec<u8>, Errno> {
        bytes.resize(frame.compressed as usize, 0);
        self.file
            .read_exact_at(&mut bytes, self.start + frame.at)
            // A file that has become shorter has no errno of its own.
            .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
        Ok(bytes)
    }
}

/// The bytes in which a backup is looked for.
struct Region<'a> {
    path: &'a Path,
    file: &'a File,
    start: u64,
    length: u64,
}

impl Region<'_> {
    fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, OpenError> {
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, self.start + at)
            .at("read", self.path)?;
        Ok(bytes)
    }

    fn end_mark(&self) -> Result<EndMark, OpenError> {
        let path = self.path.to_owned();
        let Some(at) = self.length.checked_sub(endmark::LENGTH as u64) else {
            return Err(self.without_mark()?);
        };
        let mut bytes = [0; endmark::LENGTH];
        bytes.copy_from_slice(&self.read(at, endmark::LENGTH)?);
        EndMark::parse(&bytes).or_else(|no| match no {
            NoMark::Missing => Err(self.without_mark()?),
            NoMark::Damaged => Err(OpenError::DamagedEndMark { path }),
            NoMark::Newer(version) => Err(OpenError::Newer { path, version }),
        })
    }

    /// What a file is that has no end mark: a part of a backup if it begins like
    /// one, as far as that can be told.
    fn without_mark(&self) -> Result<OpenError, OpenError> {
        let (path, length) = (self.path.to_owned(), self.length);
        let first = self.read(0, usize::try_from(length.min(4)).unwrap_or(4))?;
        if length < 4 || first != ZSTD_MAGIC {
            return Ok(OpenError::NotABackup { path });
        }
        let other = self
            .first_frame()
            .is_some_and(|content| Summary::from_members(&members_of(content)).is_none());
        Ok(if other {
            OpenError::NotABackup { path }
        } else {
            OpenError::Truncated { path, length }
        })
    }

    /// The first frame's content, its length being unknown; `None` if it is not
    /// whole or longer than a frame may be.
    fn first_frame(&self) -> Option<Vec<u8>> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.start)).ok()?;
        let decoder = zstd::Decoder::new(file.take(self.length))
            .ok()?
            .single_frame();
        let limit = u64::from(MAX_FRAME_SIZE);
        let mut content = Vec::new();
        decoder.take(limit + 1).read_to_end(&mut content).ok()?;
        (content.len() as u64 <= limit).then_some(content)
    }

    /// Reads the skippable frame up to the end mark.
    fn seek_table(&self, mark: &EndMark) -> Result<Vec<Frame>, OpenError> {
        let damaged = || OpenError::DamagedSeekTable {
            path: self.path.to_owned(),
        };
        if mark.padding > u64::from(MAX_PADDING) {
            return Err(damaged());
        }
        let payload = mark
            .table_length
            .checked_add(mark.padding + endmark::LENGTH as u64)
            .ok_or_else(damaged)?;
        // The mark is sound: a file of another length has lost or won something.
        let whole = mark
            .totals
            .bytes_compressed
            .checked_add(8)
            .and_then(|n| n.checked_add(payload));
        if whole != Some(self.length) {
            return Err(damaged());
        }
        let length = usize::try_from(mark.table_length).map_err(|_| damaged())?;
        // Checked just now, and no longer than the file.
        let padding = usize::try_from(mark.padding).map_err(|_| damaged())?;
        let bytes = self.read(mark.totals.bytes_compressed, 8 + padding + length)?;
        let (header, rest) = bytes.split_at(8);
        let (zeros, table) = rest.split_at(padding);
        let size = u32::try_from(payload).map_err(|_| damaged())?;
        let sound = header[..4] == SKIPPABLE_MAGIC
            && header[4..] == size.to_le_bytes()
            && zeros.iter().all(|&byte| byte == 0)
            && blake3::hash(table) == mark.table_hash;
        let frames = if sound { parse_table(table) } else { None };
        frames
            .filter(|frames| agree(mark, frames))
            .ok_or_else(damaged)
    }

    fn summary(&self, frames: &[Frame]) -> Result<Summary, OpenError> {
        let damaged = || OpenError::DamagedSummary {
            path: self.path.to_owned(),
        };
        let first = frames.first().ok_or_else(damaged)?;
        let bytes = self.read(0, first.compressed as usize)?;
        let sound = frame_hash(&bytes) == first.hash;
        let decompressor = Decompressor::new().ok().filter(|_| sound);
        let buffer = Vec::with_capacity(first.raw as usize);
        let content = decompressor.and_then(|mut d| unpack(first, &bytes, buffer, &mut d));
        let members = content.map(members_of).unwrap_or_default();
        Summary::from_members(&members).ok_or_else(damaged)
    }
}

/// True if the end mark's numbers are those of the seek table.
pub(crate) fn agree(mark: &EndMark, frames: &[Frame]) -> bool {
    let totals = &mark.totals;
    let manifest = usize::try_from(mark.manifest_frame)
        .ok()
        .and_then(|index| frames.get(index));
    let end = frames
        .last()
        .map_or((0, 0), |f| (f.at + u64::from(f.compressed), f.end()));
    totals.frames == frames.len() as u64
        && (totals.bytes_compressed, totals.bytes_raw) == end
        && manifest.is_some_and(|f| f.offset == mark.manifest_offset)
        && mark.manifest_length <= totals.bytes_raw - mark.manifest_offset
}

/// The members of one frame that holds nothing else.
pub(crate) fn members_of(content: Vec<u8>) -> Vec<OwnMember> {
    let raw = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let frame = Frame {
        at: 0,
        offset: 0,
        compressed: 0,
        raw,
        hash: [0; 16],
        first_member: Some(0),
    };
    let content = Ok(Arc::new(Content::from(content)));
    read_all(&mut Stream::new(&mut once(Piece { frame, content }))).unwrap_or_default()
}
