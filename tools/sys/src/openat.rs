//! Directories below a root that nothing in their name can leave.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use linux_raw_sys::general::{
    __NR_openat2, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, open_how,
};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

/// Set once the kernel (before Linux 5.6), an emulator or a seccomp filter has
/// refused openat2.
static NO_OPENAT2: AtomicBool = AtomicBool::new(false);

/// Opens the directory `path` below `root`.
///
/// The kernel resolves with `root` as its root and refuses every symbolic link
/// on the way; where it has no openat2, each component is opened alone and not
/// followed, which refuses the same.
///
/// # Errors
/// `InvalidInput` for an absolute path or one with `..`; otherwise what the kernel
/// said: `ELOOP` or `ENOTDIR` where a component is a symbolic link.
pub fn open_directory_below(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(plain) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if !NO_OPENAT2.load(Ordering::Relaxed) {
        match in_steps(root, path) {
            Err(Errno::ENOSYS | Errno::EPERM) => NO_OPENAT2.store(true, Ordering::Relaxed),
            result => return Ok(result?),
        }
    }
    Ok(by_component(root, path)?)
}

/// The longest path that is given to the kernel.
const LONGEST: usize = 4000;

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// The kernel takes no path of more than 4095 bytes: a longer one goes step by step.
fn in_steps(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    let mut rest = path.as_os_str().as_bytes();
    let mut above: Option<OwnedFd> = None;
    while rest.len() > LONGEST {
        let slash = rest[..LONGEST].iter().rposition(|&byte| byte == b'/');
        let (step, after) = rest.split_at(slash.ok_or(Errno::ENAMETOOLONG)?);
        let here = above.as_ref().map_or(root, AsFd::as_fd);
        above = Some(with_openat2(here, Path::new(OsStr::from_bytes(step)))?);
        rest = &after[1..];
    }
    let here = above.as_ref().map_or(root, AsFd::as_fd);
    with_openat2(here, Path::new(OsStr::from_bytes(rest)))
}

fn with_openat2(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let how = open_how {
        flags: u64::from(DIRECTORY.bits().unsigned_abs()),
        mode: 0,
        resolve: u64::from(RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS),
    };
    // SAFETY: `path` is NUL-terminated, `how` is the structure of the size given,
    // and both outlive the call.
    #[expect(unsafe_code, reason = "neither nix nor libc wraps openat2")]
    let result = unsafe {
        libc::syscall(
            i64::from(__NR_openat2),
            root.as_raw_fd(),
            path.as_ptr(),
            &raw const how,
            size_of::<open_how>(),
        )
    };
    let fd = i32::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else owns it.
    #[expect(unsafe_code, reason = "a new descriptor gets its owner")]
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn by_component(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    let mut directory = openat(root, ".", DIRECTORY, Mode::empty())?;
    for part in path.components() {
        directory = openat(
            directory.as_fd(),
            part.as_os_str(),
            DIRECTORY,
            Mode::empty(),
        )?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::PathBuf;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("openat-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("a/b")).unwrap();
            symlink("a", path.join("inner")).unwrap();
            symlink("/", path.join("outer")).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn check(scratch: &Scratch, open: impl Fn(BorrowedFd<'_>, &Path) -> io::Result<OwnedFd>) {
        let root = File::open(&scratch.0).unwrap();
        let inode = |fd: OwnedFd| File::from(fd).metadata().unwrap().ino();
        let below = fs::metadata(scratch.0.join("a/b")).unwrap().ino();
        assert_eq!(
            inode(open(root.as_fd(), Path::new("./a/b")).unwrap()),
            below
        );
        let here = fs::metadata(&scratch.0).unwrap().ino();
        assert_eq!(inode(open(root.as_fd(), Path::new("")).unwrap()), here);
        for path in ["inner/b", "inner", "outer", "outer/etc"] {
            let errno = open(root.as_fd(), Path::new(path))
                .unwrap_err()
                .raw_os_error();
            assert!(
                matches!(errno, Some(libc::ELOOP | libc::ENOTDIR)),
                "{path}: {errno:?}"
            );
        }
    }

    #[test]
    fn links_are_refused() {
        check(&Scratch::new("links"), open_directory_below);
    }

    #[test]
    fn links_are_refused_without_openat2() {
        let open = |root: BorrowedFd<'_>, path: &Path| Ok(by_component(root, path)?);
        check(&Scratch::new("parts"), open);
    }

    #[test]
    fn a_path_may_be_longer_than_the_kernel_takes() {
        let scratch = Scratch::new("long");
        let root = File::open(&scratch.0).unwrap();
        let name = "n".repeat(200);
        let mut here = OwnedFd::from(root.try_clone().unwrap());
        let mut path = PathBuf::from(".");
        for _ in 0..50 {
            nix::sys::stat::mkdirat(&here, name.as_str(), Mode::S_IRWXU).unwrap();
            here = by_component(here.as_fd(), Path::new(&name)).unwrap();
            path.push(&name);
        }
        let inode = |fd: OwnedFd| File::from(fd).metadata().unwrap().ino();
        let below = open_directory_below(root.as_fd(), &path).unwrap();
        assert_eq!(inode(below), inode(here));
        let there = path.join("none");
        let error = open_directory_below(root.as_fd(), &there).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_name_cannot_leave_the_root() {
        let scratch = Scratch::new("leave");
        let root = File::open(&scratch.0).unwrap();
        for path in ["/", "/etc", "..", "a/../../etc"] {
            let error = open_directory_below(root.as_fd(), Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
        }
    }
}
