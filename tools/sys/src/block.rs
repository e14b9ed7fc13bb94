//! What only an ioctl can do to a block device.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

mod raw {
    // <linux/fs.h>: _IO(0x12, 95). The macro knows Power's encoding of _IO.
    nix::ioctl_none!(blkrrpart, 0x12, 95);
}

/// Makes the kernel read the partition table of a disk again.
///
/// # Errors
/// `EBUSY` while a partition is open or in use, `EINVAL` for what has no
/// partitions, `ENOTTY` for what is no block device.
pub fn reread_partitions(disk: &File) -> io::Result<()> {
    // SAFETY: the ioctl takes no argument and the descriptor is open for as
    // long as `disk` is borrowed.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::blkrrpart(disk.as_raw_fd())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_disk_has_no_partitions() {
        let null = File::open("/dev/null").unwrap();
        let error = reread_partitions(&null).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(nix::errno::Errno::ENOTTY as i32));
    }
}
