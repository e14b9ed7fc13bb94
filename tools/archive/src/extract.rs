//! Restoring the files of a backup below a directory.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use lifeboat_sys::fs::FsError;

use crate::crew;
use crate::extraction::{Extraction, Stopped};
use crate::incoming::Incoming;
use crate::intake::Effort;
use crate::ledger::{Expected, Ledger, Notes};
use crate::manifest::{self, Manifest};
use crate::members::{read_expected, read_members, read_stream};
use crate::open::Backup;
use crate::plan::Plan;
use crate::report::{Finding, Meter, Progress, Trouble};
use crate::site::Site;
use crate::wanted::Wanted;
use crate::worker::make;

/// How a backup is extracted.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// Threads that decompress, and as many that write files.
    pub threads: usize,
    /// Bytes that frames in flight may take; three frames are in flight at least.
    pub memory: usize,
    /// Paths that are not written, with everything below them; as they are in the
    /// restored system (`/boot`, or `boot`).
    pub skip: Vec<PathBuf>,
    /// Paths that alone are written, with everything below them, in any way that
    /// [`member_path`](crate::member_path) takes; empty for everything. One that is
    /// not in the backup is reported as damage.
    pub only: Vec<Vec<u8>>,
    /// Whether files get their extended attributes, ACLs, inode flags and project
    /// numbers back.
    pub attributes: bool,
    /// Whether files get back the time at which they were changed last.
    pub times: bool,
    /// Told of each path before it is restored, in the order of the backup.
    pub each: Option<fn(&[u8])>,
    /// Becomes true when the extraction is to be given up.
    pub stop: Option<Arc<AtomicBool>>,
}

impl Default for ExtractOptions {
    /// All processors, 48 MiB, everything.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads,
            memory: 48 << 20,
            skip: Vec::new(),
            only: Vec::new(),
            attributes: true,
            times: true,
            each: None,
            stop: None,
        }
    }
}

/// What was extracted. Everything is restored as it was if nothing is in `damaged`
/// and `refused`.
#[derive(Debug, Default)]
pub struct ExtractReport {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Further names of files.
    pub links: u64,
    /// Symbolic links, devices, pipes.
    pub others: u64,
    /// Members that the caller did not want.
    pub skipped: u64,
    /// Bytes written into files.
    pub bytes: u64,
    /// Files that are not there, or not as they were.
    pub damaged: Vec<Finding>,
    /// Attributes, owners, modes and times that the file system did not take.
    pub refused: Vec<Finding>,
}

/// Why an extraction ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The target cannot be opened.
    #[error(transparent)]
    Target(#[from] FsError),
    /// The target takes no more.
    #[error("0590-301 Cannot write {member} below {}", target.display())]
    Write {
        /// The file's path in the archive, as a printable word.
        member: String,
        /// The target directory.
        target: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// [`ExtractOptions::stop`] was set.
    #[error("0590-303 Interrupted: not all files were restored below {}", target.display())]
    Interrupted {
        /// The target directory.
        target: PathBuf,
    },
    /// What was written did not all reach the disk.
    #[error("0590-302 Cannot bring to the disk what was written below {}", target.display())]
    Sync {
        /// The target directory.
        target: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Backup {
    /// Restores all files below `dest`, which exists, and brings them to the disk. A
    /// file that is there already is replaced in one step, when the new one is complete.
    /// Damage does not end it: the report names every file that is not as it was.
    /// Where only some are wanted, only the frames are read that hold them.
    ///
    /// # Errors
    /// [`ExtractError`] when nothing more can be written.
    pub fn extract(
        &self,
        dest: &Path,
        options: &ExtractOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ExtractReport, ExtractError> {
        let site = Site::open(dest, options)?;
        let manifest = self.manifest();
        if manifest.is_err() {
            site.lost(0, Finding::new(manifest::PATH, Trouble::ManifestDamaged));
        }
        let manifest = manifest.ok();
        let mut wanted = options.wanted();
        let plan = manifest
            .as_ref()
            .filter(|_| options.is_choosy())
            .map(|manifest| Plan::new(self, manifest, &mut wanted));
        let mut meter = Meter::new(Some(self.mark().manifest_offset), progress);
        let skipped = match (&manifest, plan) {
            (Some(manifest), Some(plan)) => {
                self.extract_some(&site, options, (manifest, &plan, wanted), &mut meter)
            }
            _ => self.extract_all(&site, options, manifest.as_ref(), wanted, &mut meter),
        };
        meter.finish();
        site.end(skipped?)
    }

    fn extract_all(
        &self,
        site: &Site<'_>,
        options: &ExtractOptions,
        manifest: Option<&Manifest>,
        wanted: Wanted,
        meter: &mut Meter<'_>,
    ) -> Result<u64, ExtractError> {
        extract(site, options, wanted, HashMap::new(), |extraction| {
            let mut ledger = Ledger::known(manifest);
            self.read(0..self.manifest_frame(), options.effort(), |stream| {
                read_members(stream, &mut ledger, extraction, meter)
            })?;
            ledger.finish(&mut |finding| site.lost(extraction.between(), finding));
            Ok(())
        })
    }

    fn extract_some(
        &self,
        site: &Site<'_>,
        options: &ExtractOptions,
        (manifest, plan, wanted): (&Manifest, &Plan, Wanted),
        meter: &mut Meter<'_>,
    ) -> Result<u64, ExtractError> {
        let again = options.wanted();
        let entries = manifest.entries().filter(|entry| plan.takes(&again, entry));
        let expected = Expected::these(entries);
        let frames = plan.frames.iter().copied();
        extract(
            site,
            options,
            wanted,
            plan.stand_ins.clone(),
            |extraction| {
                self.read(frames, options.effort(), |stream| {
                    read_expected(stream, expected, extraction, meter)
                })
            },
        )
        .map(|_| plan.skipped)
    }
}

/// Runs an extraction with its threads. How many members were not wanted.
fn extract(
    site: &Site<'_>,
    options: &ExtractOptions,
    wanted: Wanted,
    stand_ins: HashMap<Vec<u8>, Vec<u8>>,
    read: impl FnOnce(&mut Extraction<'_, '_, '_>) -> Result<(), Stopped>,
) -> Result<u64, ExtractError> {
    let failed = |source: io::Error| ExtractError::Target(site.error("open", source));
    crew::run(
        options.threads,
        |errand| make(site, errand),
        |crew| {
            let mut extraction = Extraction::new(site, crew, wanted, stand_ins).map_err(failed)?;
            extraction.each = options.each;
            match read(&mut extraction) {
                Ok(()) => extraction.end().map_err(failed),
                // The site knows why.
                Err(Stopped) => Ok(0),
            }
        },
    )
}

impl<R: Read + Send> Incoming<R> {
    /// Restores the files of the stream below `dest`, which exists, and brings them to
    /// the disk. Damage does not end it: the report names it, and a stream that ends
    /// early has that in the report's `damaged`. Files are written before anything
    /// can be said of the stream's end: only the report says whether they are right.
    ///
    /// # Errors
    /// [`ExtractError`] when nothing more can be written.
    pub fn extract(
        self,
        dest: &Path,
        options: &ExtractOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ExtractReport, ExtractError> {
        let site = Site::open(dest, options)?;
        let mut meter = Meter::new(None, progress);
        let mut notes = Notes::default();
        let mut ended = None;
        let wanted = options.wanted();
        let skipped = extract(&site, options, wanted, HashMap::new(), |extraction| {
            let (read, how) = self.read(options.effort(), |stream| {
                read_stream(stream, &mut notes, extraction, &mut meter)
            });
            ended = Some(how);
            read
        })?;
        if let Some(ended) = ended {
            for finding in ended.judge(notes) {
                site.disown(u64::MAX, finding);
            }
        }
        meter.finish();
        site.end(skipped)
    }
}

impl ExtractOptions {
    fn effort(&self) -> Effort {
        Effort {
            threads: self.threads,
            memory: self.memory,
        }
    }

    fn wanted(&self) -> Wanted {
        let skip = self.skip.iter().map(|path| path.as_os_str().as_bytes());
        Wanted::new(&self.only, skip)
    }

    /// True if not everything is wanted.
    fn is_choosy(&self) -> bool {
        !(self.only.is_empty() && self.skip.is_empty())
    }
}
