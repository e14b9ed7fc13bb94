//! Writing a backup.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use lifeboat_sys::fs::{FsError, PathContext};
use nix::dir::Dir;
use zstd::bulk::Compressor;

use crate::endmark::{self, EndMark};
use crate::framer::{Framer, Raw};
use crate::frames::{
    DEFAULT_FRAME_SIZE, Frame, MAX_FRAME_SIZE, MAX_PADDING, SKIPPABLE_MAGIC, Totals, compressor,
    encode_table, frame_hash,
};
use crate::owners::Owners;
use crate::partial::Partial;
use crate::pipeline::{Closed, Feed, Results, in_order};
use crate::report::{Finding, Progress};
use crate::source::Source;
use crate::store::{Store, Stored};
use crate::summary::{Summary, whole};
use crate::walk::{Scope, open_root, walk};

/// How it is written.
#[derive(Debug, Clone)]
pub struct CreateOptions {
    /// zstd's compression level.
    pub level: i32,
    /// Threads that compress.
    pub threads: usize,
    /// Length of a frame before compression, in bytes: 512 to
    /// [`MAX_FRAME_SIZE`].
    pub frame_size: u32,
    /// How many bytes may be in memory between reading and writing.
    pub memory: u64,
    /// Compress; otherwise everything is stored as it is.
    pub pack: bool,
    /// Store extended attributes, ACLs and flags.
    pub attributes: bool,
    /// The length of the whole backup becomes a multiple of this, as tape drives
    /// with fixed blocks want it; 1 for any length, at most 64 MiB.
    pub multiple_of: u32,
    /// Becomes true when the backup is to be given up.
    pub stop: Option<Arc<AtomicBool>>,
}

/// A quarter of a GiB, what the program itself needs taken off.
const DEFAULT_MEMORY: u64 = 192 << 20;

impl Default for CreateOptions {
    /// zstd's own level, all processors, [`DEFAULT_FRAME_SIZE`].
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self {
            level: 3,
            threads,
            frame_size: DEFAULT_FRAME_SIZE,
            memory: DEFAULT_MEMORY,
            pack: true,
            attributes: true,
            multiple_of: 1,
            stop: None,
        }
    }
}

/// A backup that was written to its end.
#[derive(Debug)]
pub struct CreateReport {
    /// Counts, as in the end mark.
    pub totals: Totals,
    /// Files that are in the backup, but perhaps not as they were at one moment.
    pub changed: Vec<Finding>,
    /// Files that are not in the backup (sockets and excluded files not counted).
    pub left_out: Vec<Finding>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Opening the tree, or one of the operations on the file that is written.
    #[error(transparent)]
    File(#[from] FsError),
    /// The output did not take it.
    #[error("0590-120 Cannot write the backup")]
    Write(#[source] io::Error),
    /// zstd failed; there is no memory, or no such level.
    #[error("0590-121 Cannot compress the backup")]
    Compress(#[source] io::Error),
    /// No such frame size.
    #[error("0590-122 A frame of {0} bytes is not possible; choose 512 to {MAX_FRAME_SIZE}")]
    FrameSize(u32),
    /// The name is that of a device, a link, a directory.
    #[error("0590-124 {} is there and is not a regular file; it is not replaced", .0.display())]
    NotAFile(PathBuf),
    /// Another process writes a backup of this name.
    #[error("0590-125 Another process is writing {}", .0.display())]
    Busy(PathBuf),
    /// The summary does not fit into one frame.
    #[error(
        "0590-123 bosinst.data and image.data are too large: {0} bytes, and {MAX_FRAME_SIZE} fit"
    )]
    SummaryTooLarge(u64),
    /// No such length.
    #[error(
        "0590-129 The length of a backup cannot be a multiple of {0}; choose 1 to {MAX_PADDING}"
    )]
    Multiple(u32),
    /// [`CreateOptions::stop`] was set.
    #[error("0590-126 The backup was interrupted; it was not written")]
    Interrupted,
    /// [`Source::trees`] is empty, or its first is not that of `/`.
    #[error("0590-127 There is no file system for / to back up")]
    NoRoot,
}

/// Writes a backup to a stream.
///
/// # Errors
/// [`CreateError`]; what was written until then is not a backup, and readers
/// recognise that.
pub fn create(
    out: &mut dyn Write,
    source: &Source<'_>,
    options: &CreateOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<CreateReport, CreateError> {
    write_backup(out, source, options, None, progress)
}

/// Writes a backup to a file: to `path` with `.partial` at its end, which gets its
/// name only when it is complete and on the disk. A failure removes it. Only the
/// owner may read it. Only a regular file is replaced: a device is for [`create`].
///
/// # Errors
/// [`CreateError`].
pub fn create_file(
    path: &Path,
    source: &Source<'_>,
    options: &CreateOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<CreateReport, CreateError> {
    let partial = Partial::create(path)?;
    let mut out = BufWriter::new(partial.file());
    let output = Some(partial.inode()?);
    let report = write_backup(&mut out, source, options, output, progress)?;
    drop(out);
    partial.finish()?;
    Ok(report)
}

/// A compressed frame and its line of the seek table.
type Packed = io::Result<(Vec<u8>, Frame)>;

fn write_backup(
    out: &mut dyn Write,
    source: &Source<'_>,
    options: &CreateOptions,
    output: Option<(u64, u64)>,
    progress: &mut dyn FnMut(Progress),
) -> Result<CreateReport, CreateError> {
    if !(512..=MAX_FRAME_SIZE).contains(&options.frame_size) {
        return Err(CreateError::FrameSize(options.frame_size));
    }
    if !(1..=MAX_PADDING).contains(&options.multiple_of) {
        return Err(CreateError::Multiple(options.multiple_of));
    }
    let summary = summary_length(&source.summary);
    if summary > u64::from(MAX_FRAME_SIZE) {
        return Err(CreateError::SummaryTooLarge(summary));
    }
    let (root, scope) = scope_of(source, options.stop.as_deref(), output)?;
    let mut frames = Vec::new();
    let (stored, written) = in_order(
        options.threads,
        2 * options.threads.max(1),
        || packer(options.level),
        |feed| produce(feed, source, options, root, scope),
        |results| write_frames(out, results, &mut frames, progress),
    );
    written?;
    if scope.is_stopped() {
        return Err(CreateError::Interrupted);
    }
    // The producer is stopped early only by a writer that failed.
    let stored = stored.map_err(|Closed| CreateError::Write(io::ErrorKind::BrokenPipe.into()))?;
    finish(out, &frames, stored, options.multiple_of)
}

/// The root of the first tree, and the scope of the walk.
pub(crate) fn scope_of<'a>(
    source: &'a Source<'_>,
    stop: Option<&'a AtomicBool>,
    output: Option<(u64, u64)>,
) -> Result<(Dir, Scope<'a>), CreateError> {
    let Some((first, later)) = source.trees.split_first() else {
        return Err(CreateError::NoRoot);
    };
    if first.at != Path::new("/") {
        return Err(CreateError::NoRoot);
    }
    let root = open_root(&first.from).at("open directory", &first.from)?;
    let scope = Scope {
        later,
        selection: source.selection,
        one_file_system: source.one_file_system,
        stop,
        output,
    };
    Ok((root, scope))
}

/// The length of the first frame's content.
fn summary_length(summary: &Summary) -> u64 {
    summary
        .members()
        .iter()
        .map(|(member, content)| whole(member, content).len() as u64)
        .sum()
}

fn produce(
    feed: Feed<Raw, Packed>,
    source: &Source<'_>,
    options: &CreateOptions,
    root: Dir,
    scope: Scope<'_>,
) -> Result<Stored, Closed> {
    let framer = Framer::new(feed, options.frame_size as usize);
    let owners = Owners::of_tree(&source.trees[0].from);
    let mut store = Store::begin(framer, &source.summary, owners, options.attributes)?;
    walk(root, &scope, &mut store)?;
    store.finish()
}

/// One worker: compresses frames, and hashes what comes out.
fn packer(level: i32) -> impl FnMut(Raw) -> Packed {
    let mut compressor = compressor(level);
    move |raw| {
        let compressor: &mut Compressor<'_> = match &mut compressor {
            Ok(compressor) => compressor,
            Err(error) => return Err(io::Error::other(error.to_string())),
        };
        let bytes = compressor.compress(&raw.content)?;
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        let frame = Frame {
            at: 0,
            offset: 0,
            compressed: length(&bytes)?,
            raw: length(&raw.content)?,
            hash: frame_hash(&bytes),
            first_member: raw.first_member,
        };
        Ok((bytes, frame))
    }
}

fn write_frames(
    out: &mut dyn Write,
    results: Results<Packed>,
    frames: &mut Vec<Frame>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), CreateError> {
    let (mut at, mut offset) = (0, 0);
    for packed in results {
        let (bytes, frame) = packed.map_err(CreateError::Compress)?;
        out.write_all(&bytes).map_err(CreateError::Write)?;
        let frame = Frame {
            at,
            offset,
            ..frame
        };
        at += u64::from(frame.compressed);
        offset = frame.end();
        frames.push(frame);
        progress(Progress {
            done: offset,
            total: None,
        });
    }
    Ok(())
}

/// Writes the skippable frame: zeros that make the backup as long as it is to be,
/// seek table and end mark.
fn finish(
    out: &mut dyn Write,
    frames: &[Frame],
    stored: Stored,
    multiple_of: u32,
) -> Result<CreateReport, CreateError> {
    let totals = Totals {
        frames: frames.len() as u64,
        members: stored.members,
        bytes_raw: frames.last().map_or(0, Frame::end),
        bytes_compressed: frames.iter().map(|frame| u64::from(frame.compressed)).sum(),
    };
    let table = encode_table(frames);
    let length = totals.bytes_compressed + 8 + (table.len() + endmark::LENGTH) as u64;
    let padding = length.next_multiple_of(u64::from(multiple_of)) - length;
    let mark = EndMark {
        frame_size: frames.iter().map(|frame| frame.raw).max().unwrap_or(0),
        totals,
        manifest_offset: stored.manifest_offset,
        manifest_frame: stored.manifest_frame,
        manifest_length: stored.manifest_length,
        manifest_hash: stored.manifest_hash,
        table_length: table.len() as u64,
        table_hash: *blake3::hash(&table).as_bytes(),
        padding,
    }
    .encode();
    // Reached with 128 million frames, 512 TiB of the usual size.
    let payload = u32::try_from((table.len() + mark.len()) as u64 + padding);
    let payload = payload.map_err(|error| CreateError::Write(io::Error::other(error)))?;
    out.write_all(&[SKIPPABLE_MAGIC, payload.to_le_bytes()].concat())
        .and_then(|()| io::copy(&mut io::repeat(0).take(padding), out))
        .and_then(|_| out.write_all(&table))
        .and_then(|()| out.write_all(&mark))
        .and_then(|()| out.flush())
        .map_err(CreateError::Write)?;
    Ok(CreateReport {
        totals,
        changed: stored.changed,
        left_out: stored.left_out,
    })
}
