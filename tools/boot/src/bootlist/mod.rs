//! The firmware's boot lists: the variables `boot-device` and `diag-device` in NVRAM,
//! Open Firmware paths separated by blanks (IEEE 1275, section 7.4.3.5; SLOF and
//! `PowerVM` alike), tried in order.

mod present;
mod spread;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext, attribute, read as read_file};

use crate::machine::Machine;
use crate::nvram::{Common, NvramError};
use crate::ofpath::{TREE, same};

pub use present::{Entry, Present};
pub use spread::spread;

/// The kernel's door to NVRAM (module `nvram`).
pub const DEVICE: &str = "/dev/nvram";
/// An NVRAM is some KiB; a device that gives more is not one.
const LARGEST: u64 = 1024 * 1024;

/// Which of the firmware's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The list of every day.
    Normal,
    /// That of a start in service mode.
    Service,
}

impl List {
    /// The name of its variable.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Normal => "boot-device",
            Self::Service => "diag-device",
        }
    }
}

/// The boot list could not be read or set.
#[derive(Debug, thiserror::Error)]
pub enum BootListError {
    /// No NVRAM, or the kernel refuses.
    #[error("0590-421 The NVRAM cannot be reached; at the firmware prompt, boot by the path given")]
    Device(#[source] FsError),
    /// Its content is not what it should be.
    #[error("0590-422 The boot list cannot be changed")]
    Content(#[source] NvramError),
    /// Written, but read back differently.
    #[error("0590-423 {} kept the boot list {found:?} instead of {wanted:?}", device.display())]
    NotKept {
        /// The device.
        device: PathBuf,
        /// What was written.
        wanted: String,
        /// What was read back.
        found: String,
    },
    /// The firmware has no such list.
    #[error(
        "0590-424 This machine has no boot list: petitboot looks for systems on all disks; \
         set the order in its menu, System configuration"
    )]
    NoList,
}

/// What became of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The list, as read back from NVRAM.
    pub list: Vec<String>,
    /// What the firmware would not take any more.
    pub dropped: Vec<String>,
    /// What was in the list, and names nothing that this machine has.
    pub stale: Vec<String>,
}

/// "/a /b, read back; no longer there: /c; beyond what the firmware takes: /d".
impl fmt::Display for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, read back", self.list.join(" "))?;
        if !self.stale.is_empty() {
            write!(f, "; no longer there: {}", self.stale.join(" "))?;
        }
        if !self.dropped.is_empty() {
            let dropped = self.dropped.join(" ");
            write!(f, "; beyond what the firmware takes: {dropped}")?;
        }
        Ok(())
    }
}

/// A boot list, first path first.
///
/// # Errors
/// [`BootListError`] when NVRAM cannot be read.
pub fn get(device: &Path, list: List) -> Result<Vec<String>, BootListError> {
    let image = read(device)?;
    let common = Common::parse(&image).map_err(BootListError::Content)?;
    let value = common.get(list.variable()).unwrap_or_default();
    Ok(value.split_whitespace().map(str::to_owned).collect())
}

/// Puts `paths` first in the normal list, in their order; other paths keep theirs
/// behind, but for those that name nothing any more. No more are kept than the
/// firmware takes, the first ones.
///
/// # Errors
/// [`BootListError`], also when NVRAM did not keep what was written.
pub fn put_first(device: &Path, sysfs: &Path, paths: &[String]) -> Result<Merged, BootListError> {
    ensure_list(sysfs)?;
    let present = Present::probe(sysfs);
    let others = get(device, List::Normal)?.into_iter();
    let others = others.filter(|other| !paths.iter().any(|path| same(path, other)));
    let (stale, others): (Vec<_>, Vec<_>) =
        others.partition(|other| present.find(other) == Entry::Stale);
    let mut list = [paths, &others].concat();
    let dropped = list.split_off(most(sysfs).unwrap_or(usize::MAX).min(list.len()));
    Ok(Merged {
        list: set(device, List::Normal, &list)?,
        dropped,
        stale,
    })
}

/// How many paths the firmware takes; `None` if it does not say. A longer list
/// stops some firmware with an error code (LoPAR, properties of the root node).
#[must_use]
pub fn most(sysfs: &Path) -> Option<usize> {
    let bytes = read_file(sysfs.join(TREE).join("ibm,max-boot-devices")).ok()?;
    let number = u32::from_be_bytes(bytes.try_into().ok()?);
    usize::try_from(number).ok().filter(|number| *number > 0)
}

/// The path that the firmware has booted from, if it says so.
#[must_use]
pub fn booted_from(sysfs: &Path) -> Option<String> {
    attribute(sysfs.join(TREE).join("chosen/bootpath")).filter(|path| !path.is_empty())
}

/// That the firmware of this machine boots by a list in NVRAM: petitboot has settings of
/// its own.
///
/// # Errors
/// [`BootListError::NoList`].
pub fn ensure_list(sysfs: &Path) -> Result<(), BootListError> {
    if Machine::of(&sysfs.join(TREE)).reads_configuration {
        return Err(BootListError::NoList);
    }
    Ok(())
}

/// Replaces a boot list. Returns it as read back from NVRAM.
///
/// # Errors
/// [`BootListError`], also when NVRAM did not keep what was written.
pub fn set(device: &Path, which: List, list: &[String]) -> Result<Vec<String>, BootListError> {
    let mut common = Common::parse(&read(device)?).map_err(BootListError::Content)?;
    common.set(which.variable(), &list.join(" "));
    let (offset, content) = common.content().map_err(BootListError::Content)?;
    write(device, offset, &content)?;
    let found = get(device, which)?;
    if found != list {
        return Err(BootListError::NotKept {
            device: device.to_owned(),
            wanted: list.join(" "),
            found: found.join(" "),
        });
    }
    Ok(found)
}

fn read(device: &Path) -> Result<Vec<u8>, BootListError> {
    let mut image = Vec::new();
    File::open(device)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut image))
        .at("read", device)
        .map_err(BootListError::Device)?;
    Ok(image)
}

fn write(device: &Path, offset: usize, content: &[u8]) -> Result<(), BootListError> {
    OpenOptions::new()
        .write(true)
        .open(device)
        .and_then(|mut file| {
            file.seek(SeekFrom::Start(offset as u64))?;
            file.write_all(content)
        })
        .at("write", device)
        .map_err(BootListError::Device)
}

#[cfg(test)]
mod tests;
