//! The CD: what the firmware boots, and room for a system backup.
//!
//! What boots is prepared beforehand, as a *CD tree*: a directory with the files
//! of [`FILES`] and the date of [`DATE`]. The package installs one, so that a
//! backed-up system needs no more than xorriso to make a CD.

mod partial;
mod xorriso;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lifeboat_sys::fs::{FsError, PathContext as _};
use lifeboat_sys::run::RunError;
use nix::sys::statvfs::statvfs;

use partial::Partial;
use xorriso::Image;

/// Where the package puts the CD tree.
pub const RESCUE: &str = "/usr/lib/lifeboat/rescue";

/// What the firmware boots, as it lies in the CD tree and on the CD.
pub const FILES: [&str; 5] = [
    "ppc/bootinfo.txt",
    "boot/grub/core.elf",
    "boot/grub/grub.cfg",
    "boot/vmlinuz",
    "boot/initrd.img",
];

/// The file of the CD tree with the date of all files on a CD, in seconds since
/// 1970. It does not go onto the CD.
pub const DATE: &str = "date";

/// The kernel reads no file of more sections (`isofs_read_level3_size`), and a
/// section ends with the last whole block below 4 GiB.
const MOST: u64 = 100 * (u32::MAX as u64 - 2047);

/// What goes onto the CD.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contents<'a> {
    /// The CD tree; without it the CD does not boot.
    pub rescue: Option<&'a Path>,
    /// A system backup.
    pub backup: Option<&'a Path>,
    /// Settings that win over those inside the backup.
    pub bosinst: Option<&'a Path>,
}

/// The CD image could not be written.
#[derive(Debug, thiserror::Error)]
pub enum IsoError {
    /// A file of the CD tree is not there.
    #[error("0590-840 {} is missing: the rescue image in {} is not whole; install the package lifeboat again", file.display(), tree.display())]
    Rescue {
        /// The CD tree.
        tree: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// The CD tree's date is no number.
    #[error("0590-841 {} does not hold a number of seconds", .0.display())]
    Date(PathBuf),
    /// A file is larger than Linux reads from a CD.
    #[error("0590-842 {} has {bytes} bytes; Linux reads no file above {MOST} from a CD", file.display())]
    Large {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Too little room for the image.
    #[error("0590-843 The image needs {} MB, {} has {} MB free", needed.div_ceil(1 << 20), directory.display(), free >> 20)]
    Space {
        /// Where the image is to be written.
        directory: PathBuf,
        /// Bytes of the image.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The image's name is taken by a device or a directory.
    #[error("0590-844 {} is no file; an image is written to a file, and burnt from there", .0.display())]
    NotAFile(PathBuf),
    /// The image is being written already.
    #[error("0590-847 {} is being written by another process", .0.display())]
    Busy(PathBuf),
    /// The program that writes images is not installed.
    #[error(
        "0590-845 Images are written by xorriso, which is not installed; install the package xorriso"
    )]
    NoXorriso,
    /// Its answer was not understood.
    #[error("0590-846 xorriso said no size for the image, but {said:?}")]
    Size {
        /// What it said.
        said: String,
    },
    /// The image does not hold a file as it is.
    #[error("0590-848 {} is not in the image as it is on the disk; it was changed meanwhile, or the disk fails", .0.display())]
    ReadBack(PathBuf),
    /// It failed.
    #[error(transparent)]
    Run(RunError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

impl From<RunError> for IsoError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Start { source, .. } if source.kind() == ErrorKind::NotFound => {
                Self::NoXorriso
            }
            other => Self::Run(other),
        }
    }
}

/// Writes the CD image and hands back its size. It is complete when it has its
/// name. `progress` is told the bytes written and those expected; `stop` becomes
/// true when the image is to be given up.
///
/// The same files give the same bytes: every date is that of the CD tree (of the
/// backup, without one), nobody owns anything, no volume id is random.
///
/// # Errors
/// [`IsoError`]; then nothing is left of the image.
pub fn write(
    contents: &Contents<'_>,
    out: &Path,
    stop: &Arc<AtomicBool>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, IsoError> {
    let image = Image::new(contents)?;
    let needed = image.size()?;
    room(out, needed)?;
    let partial = Partial::create(out, contents.backup.is_some())?;
    image.write(&partial.path, needed, stop, progress)?;
    image.read_back(&partial.path)?;
    partial.finish(out)
}

/// Bytes that the image of these contents will have.
///
/// # Errors
/// [`IsoError`] when something is missing.
pub fn size(contents: &Contents<'_>) -> Result<u64, IsoError> {
    Image::new(contents)?.size()
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn room(out: &Path, needed: u64) -> Result<(), IsoError> {
    let directory = parent(out);
    let stat = statvfs(directory).at("examine", directory)?;
    let free = stat.blocks_available() * stat.fragment_size();
    if free >= needed {
        return Ok(());
    }
    let directory = directory.to_owned();
    Err(IsoError::Space {
        directory,
        needed,
        free,
    })
}

#[cfg(test)]
mod tests;
