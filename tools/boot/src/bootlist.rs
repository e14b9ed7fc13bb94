//! The firmware's boot list: the variable `boot-device` in NVRAM, Open Firmware
//! paths separated by blanks, tried in order.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext, read as read_file};

use crate::nvram::{Common, NvramError};

/// The kernel's door to NVRAM (module `nvram`).
pub const DEVICE: &str = "/dev/nvram";
const VARIABLE: &str = "boot-device";
/// The firmware's limit, below `/sys`.
const MOST: &str = "firmware/devicetree/base/ibm,max-boot-devices";
/// An NVRAM is some KiB; a device that gives more is not one.
const LARGEST: u64 = 1024 * 1024;

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
}

/// The present boot list, first path first.
///
/// # Errors
/// [`BootListError`] when NVRAM cannot be read.
pub fn get(device: &Path) -> Result<Vec<String>, BootListError> {
    let image = read(device)?;
    let common = Common::parse(&image).map_err(BootListError::Content)?;
    let value = common.get(VARIABLE).unwrap_or_default();
    Ok(value.split_whitespace().map(str::to_owned).collect())
}

/// Puts `paths` first, in their order; other paths keep theirs behind. No more
/// than `most` are kept, the first ones.
///
/// Returns the list as read back from NVRAM.
///
/// # Errors
/// [`BootListError`], also when NVRAM did not keep what was written.
pub fn put_first(
    device: &Path,
    paths: &[String],
    most: Option<usize>,
) -> Result<Vec<String>, BootListError> {
    let others = get(device)?.into_iter();
    let mut list = paths.to_vec();
    list.extend(others.filter(|other| !paths.contains(other)));
    list.truncate(most.unwrap_or(usize::MAX));
    set(device, &list)?;
    get(device)
}

/// How many paths the firmware takes; `None` if it does not say. A longer list
/// stops some firmware with an error code (LoPAR, properties of the root node).
#[must_use]
pub fn most(sysfs: &Path) -> Option<usize> {
    let bytes = read_file(sysfs.join(MOST)).ok()?;
    let number = u32::from_be_bytes(bytes.try_into().ok()?);
    usize::try_from(number).ok().filter(|number| *number > 0)
}

/// Replaces the boot list and reads it back.
///
/// # Errors
/// [`BootListError`], also when NVRAM did not keep what was written.
pub fn set(device: &Path, list: &[String]) -> Result<(), BootListError> {
    let mut common = Common::parse(&read(device)?).map_err(BootListError::Content)?;
    common.set(VARIABLE, &list.join(" "));
    let (offset, content) = common.content().map_err(BootListError::Content)?;
    write(device, offset, &content)?;
    let found = get(device)?;
    if found != list {
        return Err(BootListError::NotKept {
            device: device.to_owned(),
            wanted: list.join(" "),
            found: found.join(" "),
        });
    }
    Ok(())
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
mod tests {
    use super::*;

    /// What SLOF 20220719 made of an empty 64 KiB NVRAM in QEMU 7.2.
    const SLOF: &[u8] = include_bytes!("../tests/slof-nvram.bin");

    #[test]
    fn the_first_path_moves_to_the_front_and_the_rest_is_untouched() {
        let directory = tempfile::tempdir().unwrap();
        let device = directory.path().join("nvram");
        std::fs::write(&device, SLOF).unwrap();
        let first = |paths: &[&str], most| {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            put_first(&device, &paths, most).unwrap()
        };
        assert_eq!(first(&["/a"], None), ["/a"]);
        assert_eq!(first(&["/b"], None), ["/b", "/a"]);
        assert_eq!(first(&["/c", "/a"], Some(3)), ["/c", "/a", "/b"]);
        assert_eq!(first(&["/d", "/b"], Some(3)), ["/d", "/b", "/c"]);
        let after = std::fs::read(&device).unwrap();
        assert_eq!(after.len(), SLOF.len());
        let changed: Vec<usize> = (0..SLOF.len()).filter(|i| SLOF[*i] != after[*i]).collect();
        let common = crate::nvram::partitions(SLOF).unwrap();
        let common = common.iter().find(|p| p.name == "common").unwrap();
        let inside = common.offset + 16..common.offset + common.length;
        assert!(changed.iter().all(|i| inside.contains(i)), "{changed:?}");
    }

    #[test]
    fn a_missing_device_is_said() {
        let error = put_first(Path::new("/no/nvram"), &["/a".to_owned()], None).unwrap_err();
        assert!(error.to_string().starts_with("0590-421"));
    }

    #[test]
    fn the_firmwares_limit_is_read() {
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(most(sys.path()), None);
        let property = sys.path().join(MOST);
        std::fs::create_dir_all(property.parent().unwrap()).unwrap();
        for (bytes, limit) in [(&[0, 0, 0, 5][..], Some(5)), (&[0; 4], None), (b"5", None)] {
            std::fs::write(&property, bytes).unwrap();
            assert_eq!(most(sys.path()), limit);
        }
    }
}
