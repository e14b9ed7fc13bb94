//! Snapshots of btrfs subvolumes (linux/btrfs.h).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;

/// The inode number of every subvolume's root.
const ROOT_INODE: u64 = 256;

/// `BTRFS_SUBVOL_RDONLY`.
const READ_ONLY: u64 = 1 << 1;

/// `struct btrfs_ioctl_vol_args_v2`.
#[repr(C)]
struct Create {
    source: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

/// `struct btrfs_ioctl_vol_args`.
#[repr(C)]
struct Destroy {
    unused: i64,
    name: [u8; 4088],
}

mod raw {
    // The macros know Power's encoding of directions.
    nix::ioctl_write_ptr!(snap_create_v2, 0x94, 23, super::Create);
    nix::ioctl_write_ptr!(snap_destroy, 0x94, 15, super::Destroy);
}

/// Whether an open directory is the root of a subvolume, if it is on btrfs.
///
/// # Errors
/// What the kernel said.
pub fn is_subvolume(directory: &File) -> io::Result<bool> {
    Ok(directory.metadata()?.ino() == ROOT_INODE)
}

/// Makes a read-only snapshot of the subvolume whose root is open as `source`, called
/// `name`, in the directory `parent` of the same file system.
///
/// # Errors
/// What the kernel said: `ENOTTY` on other file systems, `EROFS` where nothing may be
/// written.
pub fn snapshot(source: &File, parent: &File, name: &str) -> io::Result<()> {
    let arguments = Create {
        source: i64::from(source.as_raw_fd()),
        transaction: 0,
        flags: READ_ONLY,
        unused: [0; 4],
        name: field(name)?,
    };
    // SAFETY: the kernel reads one struct of Create's form; its name ends in NUL.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::snap_create_v2(parent.as_raw_fd(), &raw const arguments)?;
    }
    Ok(())
}

/// Removes the subvolume `name` from the directory `parent`.
///
/// # Errors
/// What the kernel said.
pub fn destroy(parent: &File, name: &str) -> io::Result<()> {
    let arguments = Destroy {
        unused: 0,
        name: field(name)?,
    };
    // SAFETY: the kernel reads one struct of Destroy's form; its name ends in NUL.
    #[expect(unsafe_code, reason = "every ioctl is unsafe by signature")]
    unsafe {
        raw::snap_destroy(parent.as_raw_fd(), &raw const arguments)?;
    }
    Ok(())
}

/// A name with NULs up to the length of its field, one at least.
fn field<const LENGTH: usize>(name: &str) -> io::Result<[u8; LENGTH]> {
    let mut field = [0; LENGTH];
    let place = field[..LENGTH - 1].get_mut(..name.len());
    place
        .ok_or(Errno::ENAMETOOLONG)?
        .copy_from_slice(name.as_bytes());
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_have_the_kernels_form() {
        assert_eq!((size_of::<Create>(), size_of::<Destroy>()), (4096, 4096));
    }

    #[test]
    fn other_file_systems_have_no_subvolumes() {
        let proc = File::open("/proc/self").unwrap();
        let errors = [
            snapshot(&proc, &proc, "x").unwrap_err(),
            destroy(&proc, "x").unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.raw_os_error(), Some(Errno::ENOTTY as i32));
        }
        assert!(!is_subvolume(&proc).unwrap());
        assert!(snapshot(&proc, &proc, &"x".repeat(5000)).is_err());
    }
}
