//! Writing to the target, and reading back from it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat_archive::{
    CreateError, CreateOptions, CreateReport, Incoming, Progress, Source, create, create_file,
};
use lifeboat_sys::fs::{FsError, PathContext};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::error::BackupError;
use crate::target::{Stream, Target, TargetError, UNVERIFIED, rewound};

/// What was written, and does not have its name yet.
#[derive(Debug)]
pub(crate) enum Written {
    /// A file.
    File {
        /// What it is called until it is kept.
        path: PathBuf,
        /// Its name.
        name: PathBuf,
    },
    /// A file of a tape.
    Tape {
        device: PathBuf,
        record: u32,
        /// Filemarks before it.
        file: Option<u32>,
    },
    /// It is gone where the stream went.
    Stream,
}

/// Writes a backup to `target`, which is no directory. With `staged` a file does not
/// get its name until it is [kept](Written::keep).
pub(crate) fn write(
    source: &Source<'_>,
    target: &Target,
    options: &CreateOptions,
    staged: bool,
    stop: &Arc<AtomicBool>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(CreateReport, Written), BackupError> {
    let options = CreateOptions {
        multiple_of: target.multiple_of(),
        stop: Some(Arc::clone(stop)),
        ..options.clone()
    };
    let failed = |error| failure(error, stop);
    if let Target::File(name) | Target::Directory(name) = target {
        let mut path = OsString::from(name);
        if staged {
            path.push(UNVERIFIED);
        }
        let path = PathBuf::from(path);
        let report = create_file(&path, source, &options, progress).map_err(failed)?;
        let name = name.clone();
        return Ok((report, Written::File { path, name }));
    }
    let mut stream = Stream::open(target, stop)?;
    let file = stream.first_file();
    let report = create(&mut stream, source, &options, progress).map_err(failed)?;
    let finished = stream.finish().map_err(CreateError::Write);
    finished.map_err(failed)?;
    let written = match target {
        Target::Tape { device, record } => Written::Tape {
            device: device.clone(),
            record: *record,
            file,
        },
        _ => Written::Stream,
    };
    Ok((report, written))
}

/// Whatever went wrong after a signal went wrong because of it.
fn failure(error: CreateError, stop: &AtomicBool) -> BackupError {
    if stop.load(Ordering::Relaxed) || matches!(error, CreateError::Interrupted) {
        BackupError::Interrupted
    } else {
        BackupError::Create(error)
    }
}

impl Written {
    /// Reads everything back, from the disk or tape and not from memory, and hands
    /// out how many files are as they should be.
    pub fn verify(
        &self,
        stop: &Arc<AtomicBool>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, BackupError> {
        let (name, reader): (&Path, Box<dyn Read + Send>) = match self {
            Self::File { path, .. } => (path, Box::new(forgotten(path)?)),
            Self::Tape {
                device,
                record,
                file,
            } => {
                let lost = || TargetError::NotReadable(device.display().to_string());
                let file = file.ok_or_else(lost)?;
                (device, Box::new(rewound(device, *record, file)?))
            }
            Self::Stream => return Err(TargetError::NotReadable("a stream".to_owned()).into()),
        };
        let stop = Arc::clone(stop);
        let stopped = Arc::clone(&stop);
        let interrupted = || stopped.load(Ordering::Relaxed);
        let opened = Incoming::open(name, Stoppable { reader, stop });
        let report = match opened {
            Ok(incoming) => incoming.verify(progress),
            Err(_) if interrupted() => return Err(BackupError::Interrupted),
            Err(error) => return Err(BackupError::Unreadable(error)),
        };
        if interrupted() {
            return Err(BackupError::Interrupted);
        }
        for finding in &report.damaged {
            log::warn!("{finding}");
        }
        match report.damaged.len() {
            0 => Ok(report.members),
            findings => Err(BackupError::Damaged { findings }),
        }
    }

    /// Gives a file its name.
    pub fn keep(self) -> Result<(), FsError> {
        let Self::File { path, name } = self else {
            return Ok(());
        };
        if path == name {
            return Ok(());
        }
        fs::rename(&path, &name).at("rename", &path)?;
        let parent = name.parent().unwrap_or(Path::new("/"));
        let directory = File::open(parent).at("open", parent)?;
        directory.sync_all().at("sync", parent)
    }

    /// Removes a file that is not good. What is on a tape stays, and is told.
    pub fn discard(self) {
        if let Self::File { path, .. } = self
            && let Err(error) = fs::remove_file(&path).at("remove", &path)
        {
            log::warn!("{}", lifeboat_sys::error::chain(&error));
        }
    }
}

/// A file that the kernel reads from the disk again.
fn forgotten(path: &Path) -> Result<File, FsError> {
    let file = File::open(path).at("open", path)?;
    // It was synced, so every page of it can go. Where they stay, the test is weaker.
    if let Err(errno) = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED) {
        log::debug!("{} stays in memory: {errno}", path.display());
    }
    Ok(file)
}

/// A reader that a signal ends.
struct Stoppable {
    reader: Box<dyn Read + Send>,
    stop: Arc<AtomicBool>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ErrorKind::TimedOut.into());
        }
        self.reader.read(buffer)
    }
}
