//! The boot record itself: bytes that the firmware loads from a PReP partition,
//! checked before they are written and read back afterwards.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

/// What SLOF and PowerVM load from a PReP partition: a 32-bit big-endian ELF.
const ELF: [u8; 6] = [0x7f, b'E', b'L', b'F', 1, 2];
/// Offsets and values of the ELF header (System V ABI): an executable for PowerPC.
const KIND: (usize, u16) = (16, 2);
const MACHINE: (usize, u16) = (18, 20);
const HEADERS_AT: usize = 28;
const HEADER_SIZE_AT: usize = 42;
const HEADER_COUNT_AT: usize = 44;
/// The end of a file with an appended signature.
const SIGNATURE: &[u8] = b"~Module signature appended~\n";

/// A boot record is not what it should be, or not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Nothing that a firmware would start.
    #[error("0590-404 The new boot record cannot be used: {0}")]
    NotLoadable(&'static str),
    /// It has no room.
    #[error(
        "0590-405 The PReP partition {} has {has} bytes and the new boot record {needed}; nothing was written",
        prep.display()
    )]
    TooSmall {
        /// The PReP partition.
        prep: PathBuf,
        /// Bytes of the partition.
        has: u64,
        /// Bytes of the boot record.
        needed: u64,
    },
    /// The partition cannot be written.
    #[error("0590-406 The boot record was not written")]
    Write(#[source] FsError),
    /// The partition cannot be read.
    #[error("0590-443 The boot record cannot be checked")]
    Read(#[source] FsError),
    /// The partition does not hold what was written.
    #[error("0590-444 The PReP partition {} does not hold the new boot record", prep.display())]
    NotWritten {
        /// The PReP partition.
        prep: PathBuf,
    },
}

/// Whether a firmware can load this: an executable for PowerPC, none of its parts cut
/// off.
///
/// # Errors
/// [`RecordError::NotLoadable`] with what is wrong.
pub fn check(record: &[u8]) -> Result<(), RecordError> {
    loadable(record).map_err(RecordError::NotLoadable)
}

fn loadable(record: &[u8]) -> Result<(), &'static str> {
    if !record.starts_with(&ELF) {
        return Err("it is not a 32-bit big-endian ELF file");
    }
    let short = |at: usize| Some(u16::from_be_bytes(record.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| {
        let bytes = record.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    if short(KIND.0) != Some(KIND.1) || short(MACHINE.0) != Some(MACHINE.1) {
        return Err("it is not a program for PowerPC");
    }
    let parts = || {
        let (at, size) = (word(HEADERS_AT)?, usize::from(short(HEADER_SIZE_AT)?));
        let count = usize::from(short(HEADER_COUNT_AT)?);
        // Where a part begins in the file, and how long it is there.
        let part = |number: usize| {
            let header = at.checked_add(number.checked_mul(size)?)?;
            word(header.checked_add(4)?)?.checked_add(word(header.checked_add(16)?)?)
        };
        let ends = (0..count).map(part).collect::<Option<Vec<usize>>>()?;
        (!ends.is_empty() && ends.iter().all(|end| *end <= record.len())).then_some(())
    };
    parts().ok_or("its end is missing")
}

/// Whether a signature is appended.
#[must_use]
pub fn is_signed(record: &[u8]) -> bool {
    record.ends_with(SIGNATURE)
}

/// Whether the record has room in the partition.
///
/// # Errors
/// [`RecordError::TooSmall`] with the numbers.
pub fn check_room(record: &[u8], prep: &Path) -> Result<(), RecordError> {
    let size = File::open(prep).and_then(|mut device| device.seek(SeekFrom::End(0)));
    let has = size.at("read", prep).map_err(RecordError::Read)?;
    let needed = record.len() as u64;
    if needed <= has {
        return Ok(());
    }
    let prep = prep.to_owned();
    Err(RecordError::TooSmall { prep, has, needed })
}

/// Writes a checked record, blanks what is left of an older one behind it, and reads
/// the partition back.
///
/// # Errors
/// [`RecordError`]; nothing was written if the record cannot be used or has no room.
pub fn write(record: &[u8], prep: &Path) -> Result<(), RecordError> {
    check(record)?;
    check_room(record, prep)?;
    fill(record, prep)?;
    if holds(record, &contents(prep)?) {
        return Ok(());
    }
    let prep = prep.to_owned();
    Err(RecordError::NotWritten { prep })
}

/// Writes these bytes and blanks the rest of the partition.
pub(crate) fn fill(bytes: &[u8], prep: &Path) -> Result<(), RecordError> {
    OpenOptions::new()
        .write(true)
        .open(prep)
        .and_then(|mut device| {
            let size = device.seek(SeekFrom::End(0))?;
            device.rewind()?;
            device.write_all(bytes)?;
            let behind = size.saturating_sub(bytes.len() as u64);
            std::io::copy(&mut std::io::repeat(0).take(behind), &mut device)?;
            device.sync_all()
        })
        .at("write", prep)
        .map_err(RecordError::Write)
}

/// Whether what a partition holds is this record and nothing behind it.
#[must_use]
pub fn holds(record: &[u8], contents: &[u8]) -> bool {
    contents
        .strip_prefix(record)
        .is_some_and(|behind| behind.iter().all(|byte| *byte == 0))
}

/// Everything in a PReP partition, from the disk, not from memory.
///
/// # Errors
/// [`RecordError::Read`].
pub fn contents(prep: &Path) -> Result<Vec<u8>, RecordError> {
    let read = || {
        let mut device = File::open(prep).at("read", prep)?;
        posix_fadvise(&device, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).at("read", prep)?;
        let mut bytes = Vec::new();
        device.read_to_end(&mut bytes).at("read", prep)?;
        Ok(bytes)
    };
    read().map_err(RecordError::Read)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A program for PowerPC of one part, as long as it says.
    pub(crate) fn program(content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 84];
        bytes[..6].copy_from_slice(&ELF);
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(16, &2u16.to_be_bytes());
        put(18, &20u16.to_be_bytes());
        put(28, &52u32.to_be_bytes());
        put(42, &32u16.to_be_bytes());
        put(44, &1u16.to_be_bytes());
        put(56, &84u32.to_be_bytes());
        put(68, &u32::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes
    }

    #[test]
    fn only_a_whole_program_for_power_is_loaded() {
        let whole = program(b"content");
        assert!(check(&whole).is_ok());
        let mut other = whole.clone();
        other[19] = 21;
        let mut little = whole.clone();
        little[5] = 1;
        for bad in [
            &whole[..whole.len() - 1],
            &whole[..60],
            &other,
            &little,
            b"",
        ] {
            assert!(check(bad).is_err(), "{}", bad.len());
        }
        assert!(!is_signed(&whole));
        assert!(is_signed(&program(SIGNATURE)));
    }

    #[test]
    fn a_partition_holds_the_record_and_nothing_old() {
        let place = tempfile::tempdir().unwrap();
        let prep = place.path().join("prep");
        std::fs::write(&prep, [b'x'; 4096]).unwrap();
        let record = program(b"content");
        write(&record, &prep).unwrap();
        let found = std::fs::read(&prep).unwrap();
        assert_eq!(found.len(), 4096);
        assert!(holds(&record, &found));
        assert!(!holds(&record, &[&record[..], b"x"].concat()));
        assert!(!holds(&record, &record[1..]));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let prep = place.path().join("prep");
        std::fs::write(&prep, [b'x'; 100]).unwrap();
        let error = write(&program(&[1; 100]), &prep).unwrap_err();
        assert!(error.to_string().contains("has 100 bytes"), "{error}");
        assert!(write(b"no program", &prep).is_err());
        assert_eq!(std::fs::read(&prep).unwrap(), [b'x'; 100]);
    }
}
