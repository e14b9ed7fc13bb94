//! Where a backup goes: a file, a directory, standard output, a pipe, a tape.

mod room;
mod stream;

pub(crate) use room::{Room, room};
pub(crate) use stream::{Stream, rewound};

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::tape;
use nix::fcntl::OFlag;

/// How AIX's `-b` counts.
pub const BLOCK: u32 = 512;

/// AIX's default for `-b`.
pub const DEFAULT_BLOCKS: u32 = 100;

/// The suffix of every backup that is written into a directory.
pub(crate) const SUFFIX: &str = ".mksysb";

/// Of those of volume groups on their own, which no menu offers to install.
pub(crate) const GROUP_SUFFIX: &str = ".savevg";

/// Where a backup goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file, which is there or not; its directory is.
    File(PathBuf),
    /// A new file in this directory, named after the system and the time.
    Directory(PathBuf),
    /// Standard output, which is no terminal.
    Stdout,
    /// A named pipe.
    Pipe(PathBuf),
    /// A tape drive.
    Tape {
        /// Its device.
        device: PathBuf,
        /// Bytes of a record.
        record: u32,
    },
}

/// A target that cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Looking at it, or opening it.
    #[error(transparent)]
    File(#[from] FsError),
    /// A backup is nothing to look at.
    #[error(
        "0590-350 A backup is not written to a terminal; redirect standard output, or name a file"
    )]
    Terminal,
    /// A disk or partition.
    #[error(
        "0590-351 {} is a disk, and nothing is written over disks; name a file, a directory or a tape drive", .0.display()
    )]
    Disk(PathBuf),
    /// A character device that is no tape drive.
    #[error("0590-352 {} is a device, but not a tape drive", .0.display())]
    Device(PathBuf),
    /// A socket, or something new.
    #[error("0590-353 {} is neither a file nor a directory, pipe or tape drive", .0.display())]
    Kind(PathBuf),
    /// The file's directory.
    #[error("0590-354 There is no directory {}", .0.display())]
    NoDirectory(PathBuf),
    /// Nobody reads from the pipe.
    #[error("0590-355 Nobody reads from {}", .0.display())]
    NoReader(PathBuf),
    /// `-b` says too little or too much.
    #[error(
        "0590-356 Records of {0} blocks are not possible; choose 1 to {MAX_BLOCKS} (of 512 bytes)"
    )]
    Blocks(u32),
    /// Even well compressed it cannot fit.
    #[error(
        "0590-357 {} has {free} MiB free, and {needed} MiB are to be backed up", path.display()
    )]
    NoRoom {
        /// The directory.
        path: PathBuf,
        /// MiB.
        free: u64,
        /// MiB, before compression.
        needed: u64,
    },
    /// `ulimit -f`, or a file system with short files.
    #[error(
        "0590-358 A file may have at most {limit} MiB here ({why}), and {needed} MiB are to be backed up"
    )]
    FileSize {
        /// MiB.
        limit: u64,
        /// Who says so.
        why: &'static str,
        /// MiB, before compression.
        needed: u64,
    },
    /// The drive does not do what it is told.
    #[error("0590-359 The tape drive {} cannot be used", device.display())]
    Tape {
        /// Its device.
        device: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// Redirected, it would get records of any length.
    #[error("0590-373 Standard output is a tape drive; name the drive as the target instead")]
    TapeOnStdout,
    /// What went through a pipe cannot be read back.
    #[error("0590-360 What goes to {0} cannot be read back; verify it where it arrives")]
    NotReadable(String),
}

/// As many as st(4) takes on any adapter: 16 MiB.
const MAX_BLOCKS: u32 = 32768;

impl Target {
    /// Finds out what the operator means by a name. Tape records are of so many
    /// blocks of 512 bytes. Nothing is written yet.
    ///
    /// # Errors
    /// [`TargetError`] for what no backup is written to.
    pub fn look_at(name: &OsStr, blocks: u32) -> Result<Self, TargetError> {
        if !(1..=MAX_BLOCKS).contains(&blocks) {
            return Err(TargetError::Blocks(blocks));
        }
        let record = blocks * BLOCK;
        if name == "-" {
            if io::stdout().is_terminal() {
                return Err(TargetError::Terminal);
            }
            let output = io::stdout().as_fd().try_clone_to_owned();
            if output.is_ok_and(|output| tape::position(&output.into()).is_ok()) {
                return Err(TargetError::TapeOnStdout);
            }
            return Ok(Self::Stdout);
        }
        let given = Path::new(name);
        if given.symlink_metadata().is_err() {
            return Ok(Self::File(new_file(given)?));
        }
        // A name such as /dev/rmt0 may well be a link.
        let path = fs::canonicalize(given).at("find", given)?;
        let kind = path.metadata().at("look at", &path)?.file_type();
        if kind.is_file() {
            Ok(Self::File(path))
        } else if kind.is_dir() {
            Ok(Self::Directory(path))
        } else if kind.is_fifo() {
            Ok(Self::Pipe(path))
        } else if kind.is_block_device() {
            Err(TargetError::Disk(path))
        } else if kind.is_char_device() {
            if is_tape(&path) {
                let device = path;
                Ok(Self::Tape { device, record })
            } else {
                Err(TargetError::Device(path))
            }
        } else {
            Err(TargetError::Kind(path))
        }
    }

    /// For people and for the log.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stdout => "-".to_owned(),
            Self::File(path) | Self::Directory(path) | Self::Pipe(path) => {
                path.display().to_string()
            }
            Self::Tape { device, .. } => device.display().to_string(),
        }
    }

    /// The length of the backup must be a multiple of this.
    pub(crate) fn multiple_of(&self) -> u32 {
        match self {
            Self::Tape { record, .. } => *record,
            _ => 1,
        }
    }

    /// The directory whose file system takes the backup.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Self::File(path) => path.parent(),
            Self::Directory(path) => Some(path),
            _ => None,
        }
    }

    /// The backup's own files, as they are being written or were written before; one
    /// path may stand for several.
    pub(crate) fn own_files(&self) -> Option<OwnFiles> {
        match self {
            Self::File(path) => Some(OwnFiles::Of(path.clone())),
            Self::Directory(path) => Some(OwnFiles::In(path.clone())),
            Self::Stdout => {
                // What standard output is redirected to.
                let path = fs::read_link("/proc/self/fd/1").ok()?;
                path.metadata()
                    .is_ok_and(|there| there.is_file())
                    .then_some(OwnFiles::Of(path))
            }
            Self::Pipe(_) | Self::Tape { .. } => None,
        }
    }
}

/// Files that are never in a backup: its own output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnFiles {
    /// A file, under its name and those it has while it is being written.
    Of(PathBuf),
    /// The backups in a directory.
    In(PathBuf),
}

/// The names that a file has before it is complete, and before it is verified.
const UNFINISHED: [&str; 4] = ["", ".partial", UNVERIFIED, ".unverified.partial"];

/// What a backup is called until it was read back.
pub(crate) const UNVERIFIED: &str = ".unverified";

impl OwnFiles {
    /// Whether the file of this absolute path is one of them.
    pub fn contains(&self, path: &Path) -> bool {
        let bare = |path: &Path| {
            let text = path.as_os_str().as_encoded_bytes();
            let bare = UNFINISHED.map(|suffix| text.strip_suffix(suffix.as_bytes()));
            bare.map(|bare| bare.map(<[u8]>::to_vec))
        };
        match self {
            Self::Of(own) => {
                let own = own.as_os_str().as_encoded_bytes();
                bare(path).iter().flatten().any(|bare| bare == own)
            }
            Self::In(directory) => {
                let suffixes = [SUFFIX, GROUP_SUFFIX].map(str::as_bytes);
                let backup = |bare: &Vec<u8>| suffixes.iter().any(|suffix| bare.ends_with(suffix));
                path.parent() == Some(directory) && bare(path).iter().flatten().any(backup)
            }
        }
    }

    /// The same files as seen by one whose `/` is this directory; `None` where they
    /// are not below it.
    pub fn below(&self, root: &Path) -> Option<Self> {
        let below = |path: &Path| Some(Path::new("/").join(path.strip_prefix(root).ok()?));
        Some(match self {
            Self::Of(path) => Self::Of(below(path)?),
            Self::In(directory) => Self::In(below(directory)?),
        })
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        match self {
            Self::Of(path) => path.parent().unwrap_or(path),
            Self::In(directory) => directory,
        }
    }
}

/// The absolute path of a file that is not there yet.
fn new_file(path: &Path) -> Result<PathBuf, TargetError> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let parent = parent.unwrap_or(Path::new("."));
    let missing = || TargetError::NoDirectory(parent.to_owned());
    // `dir/` and `..` name no file.
    let ends_in_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let name = path.file_name().filter(|_| !ends_in_slash);
    let name = name.ok_or_else(|| TargetError::NoDirectory(path.to_owned()))?;
    let parent = fs::canonicalize(parent).map_err(|_| missing())?;
    if parent.is_dir() {
        Ok(parent.join(name))
    } else {
        Err(missing())
    }
}

/// Whether a character device is a tape drive: st's major number, or one that
/// answers a tape drive's question, as those of other drivers do.
fn is_tape(path: &Path) -> bool {
    const ST: u64 = 9;
    let major = path
        .metadata()
        .map(|there| nix::sys::stat::major(there.rdev()));
    if major.is_ok_and(|major| major == ST) {
        return true;
    }
    // Not waiting for a tape to be put in, nor taking a terminal as ours.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits());
    options
        .open(path)
        .is_ok_and(|file| tape::position(&file).is_ok())
}

#[cfg(test)]
mod tests;
