//! What an inode has beside mode, owner, times and extended attributes: flags
//! (`chattr`) and the project that its space is counted for.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc::c_long;

/// `struct fsxattr` of <linux/fs.h>.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
struct Extended {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    cow_extent_size: u32,
    padding: [u8; 8],
}

mod raw {
    use super::{Extended, c_long};

    // <linux/fs.h>: _IOR('f', 1, long) and _IOW('f', 2, long), and yet the kernel
    // reads and writes an int. The macros know Power's encoding.
    nix::ioctl_read_bad!(
        get_flags,
        nix::request_code_read!(b'f', 1, size_of::<c_long>()),
        [u32; 2]
    );
    nix::ioctl_write_ptr_bad!(
        set_flags,
        nix::request_code_write!(b'f', 2, size_of::<c_long>()),
        [u32; 2]
    );
    nix::ioctl_read!(get_extended, b'X', 31, Extended);
    nix::ioctl_write_ptr!(set_extended, b'X', 32, Extended);
}

/// The flags of an open file or directory, as `FS_*_FL` of <linux/fs.h>.
///
/// # Errors
/// `ENOTTY` or `EOPNOTSUPP` where the file system has no flags.
pub fn flags(file: BorrowedFd<'_>) -> io::Result<u32> {
    let mut flags = [0; 2];
    // SAFETY: the kernel writes an int, or at most the long that the request
    // speaks of: `flags` has room for it.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::get_flags(file.as_raw_fd(), &raw mut flags)?;
    }
    Ok(flags[0])
}

/// Sets the flags of an open file or directory, all of them.
///
/// # Errors
/// `EPERM` for flags that only root may change, `EOPNOTSUPP` for flags that the
/// file system does not have.
pub fn set_flags(file: BorrowedFd<'_>, flags: u32) -> io::Result<()> {
    let flags = [flags, 0];
    // SAFETY: the kernel reads an int, or at most the long that the request
    // speaks of, from `flags`.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::set_flags(file.as_raw_fd(), &raw const flags)?;
    }
    Ok(())
}

fn extended(file: BorrowedFd<'_>) -> io::Result<Extended> {
    let mut extended = Extended::default();
    // SAFETY: the kernel writes a structure of this layout.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::get_extended(file.as_raw_fd(), &raw mut extended)?;
    }
    Ok(extended)
}

/// The project of an open file or directory; 0 is none.
///
/// # Errors
/// `ENOTTY` or `EOPNOTSUPP` where the file system has no projects.
pub fn project(file: BorrowedFd<'_>) -> io::Result<u32> {
    extended(file).map(|extended| extended.project)
}

/// Sets the project of an open file or directory.
///
/// # Errors
/// `EOPNOTSUPP` where the file system has no projects, `EPERM` or `EINVAL` for
/// who may not.
pub fn set_project(file: BorrowedFd<'_>, project: u32) -> io::Result<()> {
    let extended = Extended {
        project,
        ..extended(file)?
    };
    // SAFETY: the kernel reads a structure of this layout.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::set_extended(file.as_raw_fd(), &raw const extended)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    /// `FS_NODUMP_FL`: whoever owns a file may set it.
    const NODUMP: u32 = 0x40;

    #[test]
    fn the_kernels_structure_has_28_bytes() {
        assert_eq!(size_of::<Extended>(), 28);
    }

    #[test]
    fn flags_that_are_set_are_read_back() {
        let path = std::env::temp_dir().join(format!("lifeboat-inode-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let Ok(before) = flags(file.as_fd()) else {
            eprintln!("skipped: {} has no flags", path.display());
            return;
        };
        if let Err(error) = set_flags(file.as_fd(), before | NODUMP) {
            eprintln!("skipped: {}: {error}", path.display());
            return;
        }
        assert_eq!(flags(file.as_fd()).unwrap(), before | NODUMP);
        set_flags(file.as_fd(), before).unwrap();
        assert_eq!(flags(file.as_fd()).unwrap(), before);
    }

    #[test]
    fn a_project_is_set_where_there_are_projects() {
        let path = std::env::temp_dir().join(format!("lifeboat-project-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let set = set_project(file.as_fd(), 77);
        match project(file.as_fd()) {
            Ok(project) => assert_eq!(project, if set.is_ok() { 77 } else { 0 }),
            Err(error) => eprintln!("skipped: {}: {error}", path.display()),
        }
    }

    #[test]
    fn a_device_has_no_flags() {
        let null = File::open("/dev/null").unwrap();
        assert!(flags(null.as_fd()).is_err() && project(null.as_fd()).is_err());
    }
}
