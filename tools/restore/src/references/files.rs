//! The files of a system that name devices, read and written without leaving it:
//! no symbolic link is followed, and an inode keeps all that it has beside its text.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::inode;
use lifeboat_sys::openat::open_directory_below;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::lines::Edited;

/// How a file names devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Crypttab,
    Mdadm,
    Multipath,
    LvmConf,
    GrubEnvironment,
    Words,
}

/// Directory, name with a `*` for any characters, and kind.
pub(crate) type Place<K> = (&'static str, &'static str, K);

/// The files that name disks and what lies on them. `etc/fstab` is not here:
/// it goes by the plan.
pub(crate) const PLACES: [Place<Kind>; 29] = [
    ("etc", "crypttab", Kind::Crypttab),
    ("etc", "mdadm.conf", Kind::Mdadm),
    ("etc/mdadm", "mdadm.conf", Kind::Mdadm),
    ("etc/mdadm.conf.d", "*.conf", Kind::Mdadm),
    ("etc/mdadm/mdadm.conf.d", "*.conf", Kind::Mdadm),
    ("etc/multipath", "bindings", Kind::Multipath),
    ("etc/multipath", "wwids", Kind::Multipath),
    ("etc/multipath/conf.d", "*.conf", Kind::Multipath),
    ("etc", "multipath.conf", Kind::Multipath),
    ("etc/lvm", "lvm.conf", Kind::LvmConf),
    ("etc/lvm", "lvmlocal.conf", Kind::LvmConf),
    ("boot/grub", "grubenv", Kind::GrubEnvironment),
    ("boot/grub2", "grubenv", Kind::GrubEnvironment),
    ("boot/loader/entries", "*.conf", Kind::Words),
    ("etc/default", "grub", Kind::Words),
    ("etc/default/grub.d", "*.cfg", Kind::Words),
    ("etc/default", "grub_installdevice", Kind::Words),
    ("etc/kernel", "cmdline", Kind::Words),
    ("etc/kernel/cmdline.d", "*.conf", Kind::Words),
    ("etc/cmdline.d", "*.conf", Kind::Words),
    ("etc", "dracut.conf", Kind::Words),
    ("etc/dracut.conf.d", "*.conf", Kind::Words),
    ("etc/initramfs-tools", "initramfs.conf", Kind::Words),
    ("etc/initramfs-tools/conf.d", "*", Kind::Words),
    ("etc", "kdump.conf", Kind::Words),
    ("etc", "uswsusp.conf", Kind::Words),
    ("etc/systemd/system", "*.mount", Kind::Words),
    ("etc/systemd/system", "*.swap", Kind::Words),
    ("etc/systemd/system", "*.automount", Kind::Words),
];

/// A file of this kind is not larger; another is none.
const LARGEST: u64 = 4 << 20;

/// `FS_IMMUTABLE_FL` and `FS_APPEND_FL`: nobody can write to such a file.
const PROTECTED: u32 = 0x10 | 0x20;

/// The files in some places, in a fixed order. Directories that are links and names
/// that are no regular files are left out.
pub(crate) fn present<K: Copy>(
    root: &File,
    places: &[Place<K>],
) -> Result<Vec<(PathBuf, K)>, FsError> {
    let mut found = Vec::new();
    for &(directory, pattern, kind) in places {
        let directory = Path::new(directory);
        let Some(fd) = below(root, directory)? else {
            continue;
        };
        let mut entries = Dir::from_fd(fd).at("list", directory)?;
        let mut names = Vec::new();
        for entry in entries.iter() {
            let entry = entry.at("list", directory)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let wanted = match pattern.split_once('*') {
                Some((start, end)) => {
                    let rest = name.strip_prefix(start).unwrap_or_default();
                    rest.ends_with(end) && !rest.is_empty() && !name.starts_with('.')
                }
                None => name == pattern,
            };
            names.extend(wanted.then_some(name));
        }
        names.sort();
        found.extend(names.into_iter().map(|name| (directory.join(name), kind)));
    }
    Ok(found)
}

fn below(root: &File, directory: &Path) -> Result<Option<std::os::fd::OwnedFd>, FsError> {
    match open_directory_below(root.as_fd(), directory) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if is_elsewhere(&error) => Ok(None),
        Err(error) => Err(error).at("open", directory),
    }
}

/// Not there, or a link to somewhere.
fn is_elsewhere(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP))
}

/// Opens a regular file below `root`; `None` if there is none of that name.
fn open(root: &File, path: &Path, access: OFlag) -> Result<Option<File>, FsError> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let (Some(directory), Some(name)) = (below(root, directory)?, path.file_name()) else {
        return Ok(None);
    };
    // Not to wait for whom a FIFO may wait.
    let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match openat(&directory, name, flags, Mode::empty()) {
        Ok(fd) => {
            let file = File::from(fd);
            let metadata = file.metadata().at("read", path)?;
            let usable = metadata.is_file() && metadata.len() <= LARGEST;
            Ok(usable.then_some(file))
        }
        Err(Errno::ENOENT | Errno::ELOOP | Errno::EISDIR | Errno::ENXIO) => Ok(None),
        Err(errno) => Err(io::Error::from(errno)).at("open", path),
    }
}

/// Reads a regular file below `root`; `None` if there is none of that name.
pub(crate) fn read(root: &File, path: &Path) -> Result<Option<Vec<u8>>, FsError> {
    let Some(mut file) = open(root, path, OFlag::O_RDONLY)? else {
        return Ok(None);
    };
    let mut text = Vec::new();
    file.read_to_end(&mut text).at("read", path)?;
    Ok(Some(text))
}

/// Makes a directory and those above it.
pub(crate) fn create_directory(root: &File, path: &Path) -> Result<(), FsError> {
    let mut above = PathBuf::new();
    for part in path {
        let directory = open_directory_below(root.as_fd(), &above).at("open", &above)?;
        above.push(part);
        let mode = Mode::from_bits_truncate(0o755);
        match mkdirat(&directory, part, mode) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(io::Error::from(errno)).at("create directory", &above),
        }
    }
    Ok(())
}

/// Makes a file; `false` if something else has its name.
pub(crate) fn create(root: &File, path: &Path, text: &[u8]) -> Result<bool, FsError> {
    let (directory, name) = (path.parent(), path.file_name());
    let fd =
        open_directory_below(root.as_fd(), directory.unwrap_or(Path::new(""))).at("open", path)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o644);
    match openat(&fd, name.unwrap_or_default(), flags, mode) {
        Ok(fd) => {
            File::from(fd).write_all(text).at("write", path)?;
            Ok(true)
        }
        Err(Errno::EEXIST) => Ok(false),
        Err(errno) => Err(io::Error::from(errno)).at("create", path),
    }
}

/// Removes a regular file; `false` if there is none of that name.
pub(crate) fn remove(root: &File, path: &Path) -> Result<bool, FsError> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let (Some(directory), Some(name)) = (below(root, directory)?, path.file_name()) else {
        return Ok(false);
    };
    let stat = fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW);
    if !stat
        .is_ok_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG)
    {
        return Ok(false);
    }
    unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir).at("remove", path)?;
    Ok(true)
}

/// Changes a file in its place, so that owner, mode and attributes stay. `None` if
/// there is no regular file of that name.
pub(crate) fn edit(
    root: &File,
    path: &Path,
    change: impl FnOnce(&[u8]) -> Edited,
) -> Result<Option<Edited>, FsError> {
    let Some(text) = read(root, path)? else {
        log::info!("{} is no regular file and stays", path.display());
        return Ok(None);
    };
    let edited = change(&text);
    if edited.text != text {
        overwrite(root, path, &edited.text)?;
    }
    Ok(Some(edited))
}

/// Writes a file anew. One that is protected by its flags (`chattr +i`) is so again
/// afterwards.
fn overwrite(root: &File, path: &Path, text: &[u8]) -> Result<(), FsError> {
    let Some(reader) = open(root, path, OFlag::O_RDONLY)? else {
        return Err(io::Error::from(io::ErrorKind::NotFound)).at("open", path);
    };
    // Not every file system has flags.
    let flags = inode::flags(reader.as_fd()).unwrap_or(0);
    if flags & PROTECTED != 0 {
        inode::set_flags(reader.as_fd(), flags & !PROTECTED).at("unprotect", path)?;
    }
    let written = open(root, path, OFlag::O_WRONLY | OFlag::O_TRUNC).and_then(|file| {
        let Some(mut file) = file else {
            return Err(io::Error::from(io::ErrorKind::NotFound)).at("open", path);
        };
        file.write_all(text)
            .and_then(|()| file.sync_all())
            .at("write", path)
    });
    if flags & PROTECTED != 0 {
        inode::set_flags(reader.as_fd(), flags).at("protect", path)?;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn links_are_not_followed_and_inodes_stay() {
        let place = tempfile::tempdir().unwrap();
        let outside = place.path().join("outside");
        let system = place.path().join("system");
        fs::create_dir_all(&outside).unwrap();
        fs::create_dir_all(system.join("etc/dracut.conf.d")).unwrap();
        fs::write(outside.join("crypttab"), "a UUID=1\n").unwrap();
        symlink(outside.join("crypttab"), system.join("etc/crypttab")).unwrap();
        symlink(&outside, system.join("etc/mdadm")).unwrap();
        symlink(&outside, system.join("boot")).unwrap();
        fs::write(outside.join("mdadm.conf"), "ARRAY x\n").unwrap();
        let plain = system.join("etc/dracut.conf.d/a.conf");
        fs::write(&plain, "long before\n").unwrap();
        fs::write(system.join("etc/dracut.conf.d/a.conf~"), "").unwrap();
        let before = fs::metadata(&plain).unwrap().ino();

        let root = File::open(&system).unwrap();
        let found = present(&root, &PLACES).unwrap();
        let paths: Vec<_> = found.iter().map(|(path, _)| path.as_path()).collect();
        let dracut = Path::new("etc/dracut.conf.d/a.conf");
        assert_eq!(paths, [Path::new("etc/crypttab"), dracut]);
        let to = |text: &str| Edited {
            text: text.into(),
            edits: Vec::new(),
        };
        for path in ["etc/crypttab", "etc/mdadm/mdadm.conf", "etc/none"] {
            let done = edit(&root, Path::new(path), |_| to("overwritten")).unwrap();
            assert_eq!(done, None, "{path}");
        }
        edit(&root, dracut, |_| to("new\n")).unwrap().unwrap();
        assert_eq!(fs::read(&plain).unwrap(), b"new\n");
        assert_eq!(fs::metadata(&plain).unwrap().ino(), before);
        assert_eq!(fs::read(outside.join("crypttab")).unwrap(), b"a UUID=1\n");
    }

    #[test]
    fn a_protected_file_is_changed_and_protected_again() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("crypttab");
        fs::write(&path, "old\n").unwrap();
        let file = File::open(&path).unwrap();
        let protect = |flags| inode::set_flags(file.as_fd(), flags);
        let before = inode::flags(file.as_fd()).unwrap_or(0);
        if protect(before | 0x10).is_err() {
            println!("not tested: only root protects files, and not everywhere");
            return;
        }
        let root = File::open(place.path()).unwrap();
        let done = edit(&root, Path::new("crypttab"), |_| Edited {
            text: b"new\n".to_vec(),
            edits: Vec::new(),
        });
        let after = inode::flags(file.as_fd()).unwrap();
        protect(before).unwrap();
        assert!(done.unwrap().is_some());
        assert_eq!(fs::read(&path).unwrap(), b"new\n");
        assert_eq!(after, before | 0x10);
    }
}
