//! Extended attributes (xattr(7)): ACLs, capabilities, SELinux labels and
//! `user.*` all live here. `nix` has no calls for them.

use std::ffi::{CString, c_char, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

/// The file whose attributes are meant.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An open file; not one opened with `O_PATH`.
    Open(BorrowedFd<'a>),
    /// A path; a symbolic link at its end is meant itself, not followed.
    Path(&'a Path),
}

/// The names of all attributes, sorted; empty where the file system has none.
///
/// # Errors
/// What the kernel said.
pub fn list(subject: Subject<'_>) -> io::Result<Vec<Vec<u8>>> {
    let bytes = match read_grown(|buffer, size| list_call(subject, buffer, size)) {
        Ok(bytes) => bytes,
        Err(error) if error.raw_os_error() == Some(libc::ENOTSUP) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = bytes.split(|&byte| byte == 0);
    let mut names: Vec<_> = names
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// One attribute's value; `None` if the file does not have it.
///
/// # Errors
/// What the kernel said.
pub fn get(subject: Subject<'_>, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let name = CString::new(name)?;
    match read_grown(|buffer, size| get_call(subject, &name, buffer, size)) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.raw_os_error() == Some(libc::ENODATA) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets one attribute, replacing its value.
///
/// # Errors
/// What the kernel said: `ENOTSUP` where the file system has no such attributes.
pub fn set(subject: Subject<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    let name = CString::new(name)?;
    let (data, size) = (value.as_ptr().cast::<c_void>(), value.len());
    let result = match subject {
        // SAFETY: `name` is NUL-terminated, `data` is readable for `size` bytes.
        #[expect(unsafe_code, reason = "nix lacks fsetxattr")]
        Subject::Open(fd) => unsafe {
            libc::fsetxattr(fd.as_raw_fd(), name.as_ptr(), data, size, 0)
        },
        Subject::Path(path) => {
            let path = CString::new(path.as_os_str().as_bytes())?;
            // SAFETY: as above; `path` is NUL-terminated too.
            #[expect(unsafe_code, reason = "nix lacks lsetxattr")]
            unsafe {
                libc::lsetxattr(path.as_ptr(), name.as_ptr(), data, size, 0)
            }
        }
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

fn list_call(subject: Subject<'_>, buffer: *mut c_void, size: usize) -> io::Result<isize> {
    let buffer = buffer.cast::<c_char>();
    Ok(match subject {
        // SAFETY: `read_grown` hands out a buffer that is writable for `size` bytes.
        #[expect(unsafe_code, reason = "nix lacks flistxattr")]
        Subject::Open(fd) => unsafe { libc::flistxattr(fd.as_raw_fd(), buffer, size) },
        Subject::Path(path) => {
            let path = CString::new(path.as_os_str().as_bytes())?;
            // SAFETY: as above; `path` is NUL-terminated.
            #[expect(unsafe_code, reason = "nix lacks llistxattr")]
            unsafe {
                libc::llistxattr(path.as_ptr(), buffer, size)
            }
        }
    })
}

fn get_call(
    subject: Subject<'_>,
    name: &CString,
    buffer: *mut c_void,
    size: usize,
) -> io::Result<isize> {
    Ok(match subject {
        // SAFETY: `read_grown` hands out a buffer that is writable for `size`
        // bytes; `name` is NUL-terminated.
        #[expect(unsafe_code, reason = "nix lacks fgetxattr")]
        Subject::Open(fd) => unsafe {
            libc::fgetxattr(fd.as_raw_fd(), name.as_ptr(), buffer, size)
        },
        Subject::Path(path) => {
            let path = CString::new(path.as_os_str().as_bytes())?;
            // SAFETY: as above; `path` is NUL-terminated too.
            #[expect(unsafe_code, reason = "nix lacks lgetxattr")]
            unsafe {
                libc::lgetxattr(path.as_ptr(), name.as_ptr(), buffer, size)
            }
        }
    })
}

/// Calls with a buffer on which most answers fit, and with the largest that the
/// kernel fills (64 KiB) where they do not.
fn read_grown(call: impl Fn(*mut c_void, usize) -> io::Result<isize>) -> io::Result<Vec<u8>> {
    let mut result = Err(Errno::ERANGE.into());
    for size in [512, 65536] {
        let mut buffer = vec![0_u8; size];
        match Errno::result(call(buffer.as_mut_ptr().cast(), size)?) {
            Ok(length) => {
                buffer.truncate(length.unsigned_abs());
                return Ok(buffer);
            }
            Err(errno) => result = Err(errno.into()),
        }
        if result
            .as_ref()
            .is_err_and(|e: &io::Error| e.raw_os_error() != Some(libc::ERANGE))
        {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::path::PathBuf;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let file = format!("lifeboat-xattr-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(file))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    #[test]
    fn what_is_set_is_listed_and_read_back() {
        let scratch = Scratch::new("set");
        let path = &scratch.0;
        let file = File::create(path).unwrap();
        let open = Subject::Open(file.as_fd());
        let long = vec![b'x'; 2000];
        match set(open, b"user.b", &long) {
            Err(error) if error.raw_os_error() == Some(libc::ENOTSUP) => {
                eprintln!("skipped: {} has no user attributes", path.display());
                return;
            }
            result => result.unwrap(),
        }
        set(Subject::Path(path), b"user.a", b"\0\xff=").unwrap();
        let names = list(open).unwrap();
        assert_eq!(names, list(Subject::Path(path)).unwrap());
        let ours: Vec<_> = names
            .iter()
            .filter(|name| name.starts_with(b"user."))
            .collect();
        assert_eq!(ours, [b"user.a", b"user.b"]);
        assert_eq!(get(Subject::Path(path), b"user.b").unwrap(), Some(long));
        assert_eq!(
            get(open, b"user.a").unwrap().as_deref(),
            Some(&b"\0\xff="[..])
        );
        assert_eq!(get(open, b"user.c").unwrap(), None);
    }

    #[test]
    fn a_link_is_not_followed() {
        let link = Scratch::new("link");
        std::os::unix::fs::symlink("nowhere", &link.0).unwrap();
        assert!(list(Subject::Path(&link.0)).is_ok());
    }
}
