//! Writing a backup.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use lifeboat_sys::fs::FsError;

use super::inquiry::Inquiry;
use super::job::{Done, Job, Part};
use super::ladder::Ladders;
use super::listing::Listing;
use super::output::Output;
use super::owners::Owners;
use super::pack::{DEFAULT_LEVEL, Packer};
use super::partial::Partial;
use super::plan::{Lengths, Planner};
use super::scope::Scope;
use super::source::Source;
use super::store::Store;
use super::walk::walk;
use crate::frames::{DEFAULT_FRAME_SIZE, MAX_FRAME_SIZE, MAX_PADDING, Totals};
use crate::manifest;
use crate::pax::{encode, padding};
use crate::pipeline::{Closed, Results, in_order};
use crate::report::{Finding, Progress};
use crate::summary::{Summary, own_member, whole};
use crate::ustar::BLOCK;

/// How it is written.
#[derive(Debug, Clone)]
pub struct CreateOptions {
    /// zstd's compression level; at 3 with parameters of our own, which are quicker.
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
/// A piece of the manifest while it waits.
const MAX_PIECE: usize = 512 << 10;

impl Default for CreateOptions {
    /// Level 3, all processors, [`DEFAULT_FRAME_SIZE`].
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self {
            level: DEFAULT_LEVEL,
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
        "0590-123 bosinst.data, image.data and physical maps are too large: {0} bytes, and {MAX_FRAME_SIZE} fit"
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

/// Everything that both runs of the pipeline need.
struct Setup<'a> {
    scope: Scope<'a>,
    owners: Owners,
    options: &'a CreateOptions,
    lengths: Lengths,
    /// Threads that read and compress, and jobs that wait to be written.
    threads: usize,
    window: usize,
}

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
    let scope = Scope::open(source, options.stop.as_deref(), output)?;
    let (frame, threads, window) = share(options);
    let setup = Setup {
        scope,
        owners: Owners::of_tree(&source.trees[0].from),
        options,
        lengths: Lengths::of_frames(frame),
        threads,
        window,
    };
    let listing = Listing::new(MAX_PIECE.min(frame as usize)).map_err(CreateError::Compress)?;
    let mut output = Output::new(out, source.selection, progress, listing);
    setup.run(&mut output, |planner| {
        for (member, content) in source.summary.members() {
            planner.add(Part::Own(member, content), 0)?;
        }
        planner.cut()?;
        walk(&setup.scope, planner)?;
        planner.cut()
    })?;
    let (manifest, pieces) = output.end_listing()?;
    let length = manifest.listed.length;
    let member = own_member(manifest::PATH, length, source.summary.info.date);
    setup.run(&mut output, |planner| {
        planner.add(Part::Header(encode(&member)), BLOCK as u64)?;
        for piece in pieces {
            let length = piece.length as u64;
            planner.add(Part::Lines(piece), length)?;
        }
        let end = vec![0; padding(length) + 2 * BLOCK];
        planner.add(Part::Bytes(end), 2 * BLOCK as u64)?;
        planner.cut()
    })?;
    output.finish(&manifest, options.multiple_of)
}

impl Setup<'_> {
    /// Runs the pipeline once.
    fn run(
        &self,
        output: &mut Output<'_>,
        produce: impl FnOnce(&mut Planner<'_>) -> Result<(), Closed> + Send,
    ) -> Result<(), CreateError> {
        let inquiry = || Inquiry::new(&self.owners, self.options.attributes);
        let pack = self.options.pack;
        let (produced, written) = in_order(
            self.threads,
            self.window,
            || self.worker(inquiry()),
            |feed| {
                let planner = Planner::new(&self.scope, feed, inquiry(), self.lengths, pack);
                produce(&mut { planner })
            },
            |results| self.take_all(results, output),
        );
        written?;
        // The producer is stopped early only by a writer that failed, or from outside.
        produced.map_err(|Closed| CreateError::Interrupted)
    }

    /// One worker: reads what a job consists of, and compresses it.
    fn worker<'a>(&'a self, inquiry: Inquiry<'a>) -> impl FnMut(Job) -> io::Result<Done> + 'a {
        let mut store = Store::new(Ladders::new(&self.scope), inquiry, self.lengths);
        let mut packer = Packer::new(self.options.level);
        move |job| {
            let notes = store.job(job.parts)?;
            let frames = packer.pack(store.content(), job.unpacked)?;
            Ok(Done { frames, notes })
        }
    }

    fn take_all(
        &self,
        results: Results<io::Result<Done>>,
        output: &mut Output<'_>,
    ) -> Result<(), CreateError> {
        for done in results {
            if self.scope.is_stopped() {
                return Err(CreateError::Interrupted);
            }
            output.take(done.map_err(CreateError::Compress)?)?;
        }
        Ok(())
    }
}

/// The length of frames, the threads, and the jobs that may wait to be written, so
/// that no more memory is taken than allowed.
fn share(options: &CreateOptions) -> (u32, usize, usize) {
    // Two jobs, each as it is read and as it is compressed, are the least.
    let most = u32::try_from(options.memory / 4).unwrap_or(u32::MAX);
    let frame = options.frame_size.min(most.max(512));
    let frames = options.memory / u64::from(frame);
    // A thread holds one frame to be compressed and one that is; zstd's own tables
    // are small beside them.
    let threads = usize::try_from((frames - 1) / 3).unwrap_or(usize::MAX);
    let threads = options.threads.clamp(1, threads.max(1));
    let left = usize::try_from(frames).unwrap_or(usize::MAX) - 2 * threads;
    (frame, threads, left.clamp(1, 2 * threads))
}

/// The length of the first frame's content.
fn summary_length(summary: &Summary) -> u64 {
    summary
        .members()
        .iter()
        .map(|(member, content)| whole(member, content).len() as u64)
        .sum()
}
