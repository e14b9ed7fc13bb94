//! Restoring the files of a backup below a directory.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
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
use crate::incoming::Incoming;
use crate::ledger::{Ledger, Notes};
use crate::manifest;
use crate::member::{Kind, Member};
use crate::members::{Sink, read_members, read_stream};
use crate::open::Backup;
use crate::report::{Finding, Meter, Progress, Trouble};
use crate::sparse::{Placer, Segment};
use crate::stream::{Effort, read};
use crate::summary::is_own;
use crate::target::{Handle, Place, Target, place, set_metadata};
use crate::wanted::Wanted;

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
    /// Paths that alone are written, with everything below them, in any way that
    /// [`member_path`](crate::member_path) takes; empty for everything. One that is
    /// not in the backup is reported as damage.
    pub only: Vec<Vec<u8>>,
    /// Whether files get their extended attributes, ACLs, inode flags and project
    /// numbers back.
    pub attributes: bool,
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
        let mut extraction = Extraction::new(dest, options)?;
        let manifest = self.manifest();
        if manifest.is_err() {
            extraction.lost(Finding::new(manifest::PATH, Trouble::ManifestDamaged));
        }
        let manifest = manifest.ok();
        let mut meter = Meter::new(Some(self.mark().manifest_offset), progress);
        let mut ledger = Ledger::known(manifest.as_ref(), 0);
        read(self, 0..self.manifest_frame(), options.effort(), |stream| {
            read_members(stream, &mut ledger, &mut extraction, &mut meter)
        })?;
        ledger.finish(&mut |finding| extraction.lost(finding));
        meter.finish();
        extraction.finish()
    }
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
        let mut extraction = Extraction::new(dest, options)?;
        let mut meter = Meter::new(None, progress);
        let mut notes = Notes::default();
        let (result, ended) = self.read(options.effort(), |stream| {
            read_stream(stream, &mut notes, &mut extraction, &mut meter)
        });
        result?;
        for finding in ended.judge(notes) {
            extraction.disown(finding);
        }
        meter.finish();
        extraction.finish()
    }
}

impl ExtractOptions {
    fn effort(&self) -> Effort {
        Effort {
            threads: self.threads,
            memory: self.memory,
        }
    }
}

/// An extraction under way.
struct Extraction<'a> {
    dest: &'a Path,
    target: Target,
    wanted: Wanted,
    attributes: bool,
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
    fn new(dest: &'a Path, options: &ExtractOptions) -> Result<Self, ExtractError> {
        let skip = options.skip.iter().map(|path| path.as_os_str().as_bytes());
        Ok(Self {
            dest,
            target: Target::open(dest).at("open directory", dest)?,
            wanted: Wanted::new(&options.only, skip),
            attributes: options.attributes,
            file: None,
            created: false,
            directories: Vec::new(),
            lost: HashSet::new(),
            report: ExtractReport::default(),
        })
    }

    /// A file that was written turns out to be wrong.
    fn disown(&mut self, finding: Finding) {
        if matches!(finding.trouble, Trouble::WrongHash)
            && let Some(place) = place(finding.path.as_os_str().as_bytes())
        {
            // It is reported in any case.
            let _ = self.target.remove(place);
        }
        self.lost(finding);
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
                if !self.wanted.has(target) {
                    return Err(Trouble::PassedBy {
                        target: escape(target),
                    });
                }
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
                    set_metadata(Handle::Open(file.as_fd()), member, self.attributes, refused);
                }
            }
            Kind::Directory => {
                self.report.directories += 1;
                self.directories.push(member.clone());
            }
            Kind::HardLink { .. } => self.report.links += 1,
            _ => {
                self.report.others += 1;
                set_metadata(
                    self.target.by_name(place)?,
                    member,
                    self.attributes,
                    refused,
                );
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
        self.report.damaged.extend(self.wanted.missing());
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
                        self.attributes,
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
        if !self.wanted.takes(&member.path) {
            if !is_own(&member.path) {
                self.report.skipped += 1;
            }
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
