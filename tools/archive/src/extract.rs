//! Restoring the files of a backup below a directory.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;

use lifeboat_sys::fs::{FsError, PathContext};
use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::syncfs;

use crate::escape::escape;
use crate::manifest;
use crate::member::{Kind, Member};
use crate::members::{Sink, read_members};
use crate::open::Backup;
use crate::report::{Finding, Meter, Progress, Trouble};
use crate::sparse::{Placer, Segment};
use crate::stream::{Effort, read};
use crate::target::{Handle, Place, Target, place, set_metadata};

/// How a backup is extracted.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// Threads that decompress.
    pub threads: usize,
    /// Bytes that frames in flight may take; three frames are in flight at least.
    pub memory: usize,
    /// Paths that are not written, with everything below them; as they are in the
    /// restored system (`/boot`, or `boot`).
    pub skip: Vec<PathBuf>,
}

impl Default for ExtractOptions {
    /// All processors, 48 MiB, everything.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads,
            memory: 48 << 20,
            skip: Vec::new(),
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
    /// Restores all files below `dest`, which exists, and brings them to the disk.
    /// Damage does not end it: the report names every file that is not as it was.
    ///
    /// # Errors
    /// [`ExtractError`] when nothing more can be written.
    pub fn extract(
        &self,
        dest: &Path,
        options: &ExtractOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ExtractReport, ExtractError> {
        let target = Target::open(dest).at("open directory", dest)?;
        let mut extraction = Extraction::new(dest, target, &options.skip);
        let manifest = self.manifest();
        if manifest.is_err() {
            extraction.lost(Finding::new(manifest::PATH, Trouble::ManifestDamaged));
        }
        let manifest = manifest.ok();
        // The first frame is the summary's: its members are not files of the system.
        let range = 1.min(self.manifest_frame())..self.manifest_frame();
        let effort = Effort {
            threads: options.threads,
            memory: options.memory,
        };
        let mut meter = Meter::new(self.mark().manifest_offset, progress);
        read(self, range, effort, |stream| {
            read_members(stream, manifest.as_ref(), &mut extraction, &mut meter)
        })?;
        extraction.finish()
    }
}

/// An extraction under way.
struct Extraction<'a> {
    dest: &'a Path,
    target: Target,
    skip: Vec<PathBuf>,
    /// The file that is being written.
    file: Option<(File, Placer)>,
    /// Whether the member that began was created.
    created: bool,
    /// Directories get their metadata last: files change their times, and a mode
    /// may forbid to create files.
    directories: Vec<Member>,
    /// Files that are not there, so that no link is made to an older one.
    lost: HashSet<Vec<u8>>,
    report: ExtractReport,
}

impl<'a> Extraction<'a> {
    fn new(dest: &'a Path, target: Target, skip: &[PathBuf]) -> Self {
        let relative = |path: &PathBuf| path.strip_prefix("/").unwrap_or(path).to_owned();
        Self {
            dest,
            target,
            skip: skip.iter().map(relative).collect(),
            file: None,
            created: false,
            directories: Vec::new(),
            lost: HashSet::new(),
            report: ExtractReport::default(),
        }
    }

    fn is_skipped(&self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let path = path.strip_prefix(".").unwrap_or(path);
        self.skip.iter().any(|skip| path.starts_with(skip))
    }

    fn create(
        &mut self,
        member: &Member,
        place: Place<'_>,
        segments: &[Segment],
    ) -> Result<(), Trouble> {
        match &member.kind {
            Kind::File | Kind::Sparse { .. } => {
                let file = self
                    .target
                    .create_file(place)
                    .map_err(Trouble::NotCreated)?;
                self.file = Some((file, Placer::new(segments)));
            }
            Kind::Directory => {
                self.target
                    .create_directory(place)
                    .map_err(Trouble::NotCreated)?;
            }
            Kind::HardLink { target } => {
                let to = crate::target::place(target).ok_or(Trouble::UnsafeName)?;
                if self.lost.contains(target) {
                    return Err(Trouble::LinkTarget {
                        target: escape(target),
                    });
                }
                self.target
                    .create_link(place, to)
                    .map_err(Trouble::NotCreated)?;
            }
            kind => {
                self.target
                    .create_special(place, kind)
                    .map_err(Trouble::NotCreated)?;
            }
        }
        Ok(())
    }

    /// Metadata of everything but directories, and the counts.
    fn complete(&mut self, member: &Member, place: Place<'_>) -> io::Result<()> {
        let refused = &mut self.report.refused;
        match &member.kind {
            Kind::File | Kind::Sparse { .. } => {
                self.report.files += 1;
                if let Some((file, _)) = self.file.take() {
                    if member.length() != member.stored {
                        file.set_len(member.length())?;
                    }
                    set_metadata(Handle::Open(file.as_fd()), member, refused);
                }
            }
            Kind::Directory => {
                self.report.directories += 1;
                self.directories.push(member.clone());
            }
            Kind::HardLink { .. } => self.report.links += 1,
            _ => {
                self.report.others += 1;
                set_metadata(self.target.by_name(place)?, member, refused);
            }
        }
        Ok(())
    }

    fn write_error(&self, member: &Member, source: io::Error) -> ExtractError {
        let (member, target) = (escape(&member.path), self.dest.to_owned());
        ExtractError::Write {
            member,
            target,
            source,
        }
    }

    /// Metadata of directories, those within others first; then everything to the disk.
    fn finish(mut self) -> Result<ExtractReport, ExtractError> {
        let sync = |source| ExtractError::Sync {
            target: self.dest.to_owned(),
            source,
        };
        let mut file_systems: HashMap<u64, OwnedFd> = HashMap::new();
        for member in self.directories.iter().rev() {
            let path = Path::new(OsStr::from_bytes(&member.path));
            match self.target.directory(path) {
                Ok(directory) => {
                    set_metadata(
                        Handle::Open(directory.as_fd()),
                        member,
                        &mut self.report.refused,
                    );
                    let device = fstat(&directory)
                        .map_err(|errno| sync(errno.into()))?
                        .st_dev;
                    file_systems.entry(device).or_insert(directory);
                }
                Err(error) => {
                    let trouble = Trouble::NotCreated(error);
                    self.report
                        .damaged
                        .push(Finding::new(&member.path, trouble));
                }
            }
        }
        for directory in file_systems.values() {
            syncfs(directory).map_err(|errno| sync(errno.into()))?;
        }
        Ok(self.report)
    }
}

impl Sink for Extraction<'_> {
    type Error = ExtractError;

    fn begin(&mut self, member: &Member, segments: &[Segment]) -> Result<(), ExtractError> {
        (self.file, self.created) = (None, false);
        if self.is_skipped(&member.path) {
            self.report.skipped += 1;
            return Ok(());
        }
        let created = match place(&member.path) {
            Some(place) => self.create(member, place, segments),
            None => Err(Trouble::UnsafeName),
        };
        match created {
            Ok(()) => self.created = true,
            Err(Trouble::NotCreated(error)) if ends_everything(&error) => {
                return Err(self.write_error(member, error));
            }
            Err(trouble) => self.lost(Finding::new(&member.path, trouble)),
        }
        Ok(())
    }

    fn data(&mut self, member: &Member, bytes: &[u8]) -> Result<(), ExtractError> {
        let Some((file, placer)) = &mut self.file else {
            return Ok(());
        };
        let written = placer.place(bytes, |offset, bytes| file.write_all_at(bytes, offset));
        self.report.bytes += bytes.len() as u64;
        written.map_err(|error| self.write_error(member, error))
    }

    fn end(&mut self, member: &Member) -> Result<(), ExtractError> {
        if !self.created {
            return Ok(());
        }
        match place(&member.path) {
            Some(place) => self
                .complete(member, place)
                .map_err(|error| self.write_error(member, error)),
            None => Ok(()),
        }
    }

    fn abandon(&mut self, member: &Member) {
        self.file = None;
        if self.created
            && member.kind != Kind::Directory
            && let Some(place) = place(&member.path)
        {
            // It is reported as lost in any case.
            let _ = self.target.remove(place);
        }
    }

    fn lost(&mut self, finding: Finding) {
        self.lost
            .insert(finding.path.as_os_str().as_bytes().to_vec());
        self.report.damaged.push(finding);
    }
}

/// True for errors that the next file would meet as well.
fn ends_everything(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(
            Errno::ENOSPC
                | Errno::EDQUOT
                | Errno::EROFS
                | Errno::EIO
                | Errno::ENXIO
                | Errno::ENODEV
                | Errno::EMFILE
                | Errno::ENFILE
                | Errno::ENOMEM
        )
    )
}
