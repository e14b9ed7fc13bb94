//! SCSI tape drives (st(4)): where the tape stands, and moving it.
//!
//! A drive is opened, read and written like a file. In variable mode, which
//! [`set_variable`] chooses, one `write` is one record, and one `read` takes one
//! record, whose length its buffer must have. Closing after writing sets a filemark.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;

/// <linux/mtio.h>: `struct mtop`.
#[repr(C)]
struct Operation {
    code: i16,
    count: i32,
}

/// <linux/mtio.h>: `struct mtget`.
#[repr(C)]
#[derive(Default)]
struct Report {
    kind: libc::c_long,
    residual: libc::c_long,
    drive: libc::c_long,
    state: libc::c_long,
    errors: libc::c_long,
    file: i32,
    block: i32,
}

const FORWARD_FILES: i16 = 1;
const BACK_RECORDS: i16 = 4;
const REWIND: i16 = 6;
const SET_BLOCK_SIZE: i16 = 20;

mod raw {
    // <linux/mtio.h>; the macros know Power's encoding of directions.
    nix::ioctl_write_ptr!(mtioctop, b'm', 1, super::Operation);
    nix::ioctl_read!(mtiocget, b'm', 2, super::Report);
}

/// Where a tape stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Filemarks before it; `None` where the drive has lost count.
    pub file: Option<u32>,
    /// Bytes of a record, 0 in variable mode.
    pub record: u32,
}

/// Asks a drive where its tape stands.
///
/// # Errors
/// `ENOTTY` for what is no tape drive, `ENODEV` and others for one without a tape.
pub fn position(tape: &File) -> io::Result<Position> {
    let mut report = Report::default();
    // SAFETY: the kernel writes one `struct mtget`, whose form Report has.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::mtiocget(tape.as_raw_fd(), &raw mut report)?;
    }
    // The low 24 bits are the size of a record, the upper ones the density.
    let record = u32::try_from(report.drive & 0x00ff_ffff).unwrap_or(0);
    Ok(Position {
        file: u32::try_from(report.file).ok(),
        record,
    })
}

/// Moves the tape to its beginning.
///
/// # Errors
/// What the drive said.
pub fn rewind(tape: &File) -> io::Result<()> {
    operate(tape, REWIND, 1)
}

/// Moves the tape past this many filemarks.
///
/// # Errors
/// What the drive said: `EIO` where the tape has fewer.
pub fn forward_files(tape: &File, count: u32) -> io::Result<()> {
    if count == 0 {
        return Ok(());
    }
    operate(tape, FORWARD_FILES, count)
}

/// Moves the tape back before this many records.
///
/// # Errors
/// What the drive said: `EIO` where the file of the tape has fewer.
pub fn back_records(tape: &File, count: u32) -> io::Result<()> {
    if count == 0 {
        return Ok(());
    }
    operate(tape, BACK_RECORDS, count)
}

/// Makes one write one record. The drive keeps the mode for its next user.
///
/// # Errors
/// What the drive said.
pub fn set_variable(tape: &File) -> io::Result<()> {
    operate(tape, SET_BLOCK_SIZE, 0)
}

fn operate(tape: &File, code: i16, count: u32) -> io::Result<()> {
    let count = i32::try_from(count).map_err(|_| Errno::EINVAL)?;
    let operation = Operation { code, count };
    // SAFETY: the kernel reads one `struct mtop`, whose form Operation has.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::mtioctop(tape.as_raw_fd(), &raw const operation)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_tape_drive_says_so() {
        let null = File::open("/dev/null").unwrap();
        for error in [position(&null).unwrap_err(), rewind(&null).unwrap_err()] {
            assert_eq!(error.raw_os_error(), Some(Errno::ENOTTY as i32));
        }
    }

    #[test]
    fn the_structures_have_the_kernels_form() {
        assert_eq!(size_of::<Operation>(), 8);
        assert_eq!(size_of::<Report>(), 5 * size_of::<libc::c_long>() + 8);
    }
}
