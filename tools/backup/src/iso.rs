//! The CD: what the firmware boots, and room for a system backup.
//!
//! What boots is prepared beforehand, as a *CD tree*: a directory with the files
//! of [`FILES`] and the date of [`DATE`]. The package installs one, so that a
//! backed-up system needs no more than xorriso to make a CD.

use std::ffi::OsString;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use lifeboat_sys::fs::{FsError, PathContext as _, read_to_string};
use lifeboat_sys::run::{RunError, Tool};
use nix::fcntl::OFlag;
use nix::sys::statvfs::statvfs;

/// Where the package puts the CD tree.
pub const RESCUE: &str = "/usr/lib/lifeboat/rescue";

/// What the firmware boots, as it lies in the CD tree and on the CD.
pub const FILES: [&str; 5] = [
    "ppc/bootinfo.txt",
    "boot/grub/core.elf",
    "boot/grub/grub.cfg",
    "boot/vmlinuz",
    "boot/initrd.img",
];

/// The file of the CD tree with the date of all files on a CD, in seconds since
/// 1970. It does not go onto the CD.
pub const DATE: &str = "date";

/// How GRUB finds the rescue CD again, whatever device it is.
const VOLUME: &str = "LIFEBOAT";
/// A CD that does not boot must not be found in its place.
const VOLUME_OF_DATA: &str = "LIFEBOAT_DATA";
/// Where the menus look for backups, and for the `bosinst.data` that wins.
const PLACE: &str = "lifeboat";
const SUFFIX: &str = ".mksysb";

/// The kernel reads no file of more sections (`isofs_read_level3_size`), and a
/// section ends with the last whole block below 4 GiB.
const MOST: u64 = 100 * (u32::MAX as u64 - 2047);
/// xorriso's image may be this much larger than it says beforehand.
const SLACK: u64 = 1 << 20;
const BLOCK: u64 = 2048;
/// How much of a file's ends is read back.
const END: u64 = 1 << 20;

/// What goes onto the CD.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contents<'a> {
    /// The CD tree; without it the CD does not boot.
    pub rescue: Option<&'a Path>,
    /// A system backup.
    pub backup: Option<&'a Path>,
    /// Settings that win over those inside the backup.
    pub bosinst: Option<&'a Path>,
}

/// The CD image could not be written.
#[derive(Debug, thiserror::Error)]
pub enum IsoError {
    /// A file of the CD tree is not there.
    #[error("0590-840 {} is missing: the rescue image in {} is not whole; install the package lifeboat again", file.display(), tree.display())]
    Rescue {
        /// The CD tree.
        tree: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// The CD tree's date is no number.
    #[error("0590-841 {} does not hold a number of seconds", .0.display())]
    Date(PathBuf),
    /// A file is larger than Linux reads from a CD.
    #[error("0590-842 {} has {bytes} bytes; Linux reads no file above {MOST} from a CD", file.display())]
    Large {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Too little room for the image.
    #[error("0590-843 The image needs {} MB, {} has {} MB free", needed.div_ceil(1 << 20), directory.display(), free >> 20)]
    Space {
        /// Where the image is to be written.
        directory: PathBuf,
        /// Bytes of the image.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The image's name is taken by a device or a directory.
    #[error("0590-844 {} is no file; an image is written to a file, and burnt from there", .0.display())]
    NotAFile(PathBuf),
    /// The image is being written already.
    #[error("0590-847 {} is being written by another process", .0.display())]
    Busy(PathBuf),
    /// The program that writes images is not installed.
    #[error(
        "0590-845 Images are written by xorriso, which is not installed; install the package xorriso"
    )]
    NoXorriso,
    /// Its answer was not understood.
    #[error("0590-846 xorriso said no size for the image, but {said:?}")]
    Size {
        /// What it said.
        said: String,
    },
    /// The image does not hold a file as it is.
    #[error("0590-848 {} is not in the image as it is on the disk; it was changed meanwhile, or the disk fails", .0.display())]
    ReadBack(PathBuf),
    /// It failed.
    #[error(transparent)]
    Run(RunError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

impl From<RunError> for IsoError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Start { source, .. } if source.kind() == ErrorKind::NotFound => {
                Self::NoXorriso
            }
            other => Self::Run(other),
        }
    }
}

/// Writes the CD image and hands back its size. It is complete when it has its
/// name. `progress` is told the bytes written and those expected; `stop` becomes
/// true when the image is to be given up.
///
/// The same files give the same bytes: every date is that of the CD tree (of the
/// backup, without one), nobody owns anything, no volume id is random.
///
/// # Errors
/// [`IsoError`]; then nothing is left of the image.
pub fn write(
    contents: &Contents<'_>,
    out: &Path,
    stop: &Arc<AtomicBool>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, IsoError> {
    let request = Request::new(contents)?;
    let needed = request.size()?;
    room(out, needed)?;
    let partial = Partial::create(out, contents.backup.is_some())?;
    request.write(&partial.path, needed, stop, progress)?;
    request.read_back(&partial.path)?;
    partial.finish(out)
}

/// Bytes that the image of these contents will have.
///
/// # Errors
/// [`IsoError`] when something is missing.
pub fn size(contents: &Contents<'_>) -> Result<u64, IsoError> {
    Request::new(contents)?.size()
}

/// What xorriso is asked for.
struct Request {
    /// Pairs of a path on the CD and the file that goes there.
    grafts: Vec<(String, PathBuf)>,
    date: u64,
    boots: bool,
}

impl Request {
    fn new(contents: &Contents<'_>) -> Result<Self, IsoError> {
        let mut grafts = Vec::new();
        let mut date = 0;
        if let Some(tree) = contents.rescue {
            for name in FILES {
                let file = tree.join(name);
                if !file.is_file() {
                    let tree = tree.to_owned();
                    return Err(IsoError::Rescue { tree, file });
                }
                grafts.push((format!("/{name}"), file));
            }
            date = read_date(&tree.join(DATE))?;
        }
        if let Some(backup) = contents.backup {
            let metadata = fs::metadata(backup).at("examine", backup)?;
            if metadata.len() > MOST {
                let (file, bytes) = (backup.to_owned(), metadata.len());
                return Err(IsoError::Large { file, bytes });
            }
            if contents.rescue.is_none() {
                let modified = metadata.modified().at("examine", backup)?;
                date = modified
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs());
            }
            grafts.push((
                format!("/{PLACE}/{}", name_on_cd(backup)),
                backup.to_owned(),
            ));
        }
        if let Some(bosinst) = contents.bosinst {
            grafts.push((format!("/{PLACE}/bosinst.data"), bosinst.to_owned()));
        }
        for (_, file) in &mut grafts {
            // xorriso would put a symbolic link itself onto the CD.
            *file = fs::canonicalize(&*file).at("find", &*file)?;
        }
        Ok(Self {
            grafts,
            date,
            boots: contents.rescue.is_some(),
        })
    }

    fn xorriso(&self) -> Tool {
        let volume = if self.boots { VOLUME } else { VOLUME_OF_DATA };
        let mut tool = Tool::new("xorriso")
            .env("SOURCE_DATE_EPOCH", self.date.to_string())
            .args(["-no_rc", "-as", "mkisofs", "-quiet"])
            // Level 3 holds files of 4 GiB and more; Rock Ridge keeps long names.
            .args(["-iso-level", "3", "-r", "-V", volume])
            .args(["--set_all_file_dates", &format!("={}", self.date)])
            .arg("-graft-points");
        if self.boots {
            // One partition of type 0x96 over the whole image: SLOF looks for it.
            tool = tool.arg("-chrp-boot-part");
        }
        tool
    }

    fn with_grafts(&self, tool: Tool) -> Tool {
        tool.args(self.grafts.iter().map(|(path, file)| {
            let mut graft = OsString::from(path);
            graft.push("=");
            graft.push(escaped(file));
            graft
        }))
    }

    fn size(&self) -> Result<u64, IsoError> {
        let output = self
            .with_grafts(self.xorriso().args(["-print-size", "-o", "/dev/null"]))
            .run()?;
        let said = output.text();
        let blocks: Option<u64> = said.lines().rev().find_map(|line| line.trim().parse().ok());
        blocks
            .map(|blocks| blocks * BLOCK + SLACK)
            .ok_or(IsoError::Size { said })
    }

    fn write(
        &self,
        out: &Path,
        expected: u64,
        stop: &Arc<AtomicBool>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), IsoError> {
        // An hour, and one for every 18 GB: a slow disk writes 5 MB a second.
        let limit = Duration::from_secs(3600 + expected / 5_000_000);
        let tool = self
            .with_grafts(self.xorriso().arg("-o").arg(out))
            .deadline(limit)
            .stop_when(stop);
        thread::scope(|scope| {
            let running = scope.spawn(|| tool.run());
            while !running.is_finished() {
                thread::sleep(Duration::from_millis(50));
                let done = fs::metadata(out).map_or(0, |metadata| metadata.len());
                progress(done.min(expected), expected);
            }
            let ended = running
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ended.map(drop).map_err(IsoError::from)
        })
    }

    /// Compares both ends of every file with what the image has in its place.
    fn read_back(&self, image: &Path) -> Result<(), IsoError> {
        let output = Tool::new("xorriso")
            .args(["-no_rc", "-indev"])
            .arg(image)
            .args(["-find", "/", "-type", "f", "-exec", "report_lba"])
            .run()?;
        let report = output.text();
        let written = File::open(image).at("open", image)?;
        for (path, file) in &self.grafts {
            let differs = || IsoError::ReadBack(file.clone());
            let start = first_block(&report, path).ok_or_else(differs)? * BLOCK;
            let original = File::open(file).at("open", file)?;
            let length = original.metadata().at("examine", file)?.len();
            for at in [0, length.saturating_sub(END)] {
                let there = piece(&written, start + at, length - at).at("read", image)?;
                if there != piece(&original, at, length - at).at("read", file)? {
                    return Err(differs());
                }
            }
        }
        Ok(())
    }
}

/// Where a file begins, from the lines of xorriso's `report_lba`, one for every
/// section: `File data lba:  0 ,   33 ,   1 ,   1221 , '/lifeboat/bosinst.data'`.
fn first_block(report: &str, path: &str) -> Option<u64> {
    report.lines().find_map(|line| {
        let mut fields = line.strip_prefix("File data lba:")?.splitn(5, ',');
        let (section, block) = (fields.next()?.trim(), fields.next()?.trim());
        let name = fields.nth(2)?.trim();
        (section == "0" && name == format!("'{path}'")).then(|| block.parse().ok())?
    })
}

/// At most [`END`] bytes from `at` on.
fn piece(file: &File, at: u64, most: u64) -> std::io::Result<Vec<u8>> {
    let mut file = file;
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(most.min(END)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The name of a backup on the CD: one that every reader shows, with the suffix
/// by which the menus know it.
fn name_on_cd(backup: &Path) -> String {
    let name = backup.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@,:".contains(c);
    let mut name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if !name.ends_with(SUFFIX) {
        name += SUFFIX;
    }
    name
}

/// A path as xorriso wants it behind the `=` of a graft point.
fn escaped(path: &Path) -> OsString {
    let mut bytes = Vec::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte == b'=' || byte == b'\\' {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    OsString::from_vec(bytes)
}

fn read_date(path: &Path) -> Result<u64, IsoError> {
    read_to_string(path)?
        .trim()
        .parse()
        .map_err(|_| IsoError::Date(path.to_owned()))
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn room(out: &Path, needed: u64) -> Result<(), IsoError> {
    let directory = parent(out);
    let stat = statvfs(directory).at("examine", directory)?;
    let free = stat.blocks_available() * stat.fragment_size();
    if free >= needed {
        return Ok(());
    }
    let directory = directory.to_owned();
    Err(IsoError::Space {
        directory,
        needed,
        free,
    })
}

/// `NAME.partial`, removed unless it becomes `NAME`.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    /// Creates it, empty. With a backup only its owner may read it: a backup holds
    /// password hashes and keys.
    fn create(out: &Path, private: bool) -> Result<Self, IsoError> {
        if out.symlink_metadata().is_ok_and(|there| !there.is_file()) {
            return Err(IsoError::NotAFile(out.to_owned()));
        }
        let mut path = out.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let mode = if private { 0o600 } else { 0o644 };
        let mut options = File::options();
        options
            .write(true)
            .create(true)
            .mode(mode)
            .custom_flags(OFlag::O_NOFOLLOW.bits());
        let file = options.open(&path).at("create", &path)?;
        // Of two writers the first to end would give the other's half the name.
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(IsoError::Busy(path)),
            // A file system without locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error).at("lock", &path)?,
        }
        // One that an interrupted run has left may be longer, and open to others.
        file.set_len(0).at("empty", &path)?;
        file.set_permissions(Permissions::from_mode(mode))
            .at("protect", &path)?;
        Ok(Self { path, file })
    }

    /// Brings the image to the disk, and then its name.
    fn finish(self, out: &Path) -> Result<u64, IsoError> {
        self.file.sync_all().at("sync", &self.path)?;
        let bytes = self.file.metadata().at("examine", &self.path)?.len();
        fs::rename(&self.path, out).at("rename", &self.path)?;
        let directory = parent(out);
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .at("sync", directory)?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `finish` there is nothing of this name; else there is an error to tell already.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A CD tree and a backup, all written at this time.
    fn made(place: &Path, time: &str) -> (PathBuf, PathBuf) {
        let tree = place.join("tree");
        let backup = place.join("a=b\\c d.mksysb");
        let mut files: Vec<PathBuf> = FILES.iter().map(|name| tree.join(name)).collect();
        files.push(backup.clone());
        for file in &files {
            fs::create_dir_all(parent(file)).unwrap();
            fs::write(file, file.file_name().unwrap().as_bytes().repeat(999)).unwrap();
        }
        fs::write(tree.join(DATE), "1787977149\n").unwrap();
        Tool::new("touch")
            .args(["-d", time])
            .args(&files)
            .run()
            .unwrap();
        (tree, backup)
    }

    fn written(contents: &Contents<'_>, out: &Path) -> Result<u64, IsoError> {
        write(contents, out, &Arc::default(), &mut |_, _| {})
    }

    fn read_back(image: &Path, path: &str, to: &Path) -> Vec<u8> {
        Tool::new("xorriso")
            .args(["-no_rc", "-osirrox", "on", "-indev"])
            .arg(image)
            .args(["-extract", path])
            .arg(to)
            .run()
            .unwrap();
        fs::read(to).unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_image_whenever_they_were_written() {
        let place = tempfile::tempdir().unwrap();
        let image = |name: &str, time: &str| {
            let (tree, backup) = made(place.path(), time);
            let out = place.path().join(name);
            let contents = Contents {
                rescue: Some(&tree),
                backup: Some(&backup),
                bosinst: None,
            };
            let bytes = written(&contents, &out).unwrap();
            assert!(bytes <= size(&contents).unwrap());
            fs::read(out).unwrap()
        };
        let first = image("first.iso", "@1000000000");
        assert!(first == image("second.iso", "@1500000000"));
        // The MBR's only partition has type 0x96 and the volume its name.
        assert_eq!(first[450], 0x96);
        assert!(first[16 * 2048..].starts_with(b"\x01CD001"));
        assert!(first[16 * 2048 + 40..].starts_with(b"LIFEBOAT "));
    }

    #[test]
    fn a_backup_behind_a_link_with_an_odd_name_is_on_the_cd_and_private() {
        let place = tempfile::tempdir().unwrap();
        let (_, backup) = made(place.path(), "@1000000000");
        let link = place.path().join("nightly ü");
        std::os::unix::fs::symlink(&backup, &link).unwrap();
        let out = place.path().join("x.iso");
        let contents = Contents {
            backup: Some(&link),
            ..Contents::default()
        };
        written(&contents, &out).unwrap();
        let found = read_back(
            &out,
            "/lifeboat/nightly__.mksysb",
            &place.path().join("back"),
        );
        assert_eq!(found, fs::read(backup).unwrap());
        assert_eq!(
            fs::metadata(&out).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let image = fs::read(out).unwrap();
        assert!(image[16 * 2048 + 40..].starts_with(b"LIFEBOAT_DATA "));
        assert_ne!(image[450], 0x96);
    }

    #[test]
    fn an_image_that_lost_a_files_end_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let (_, backup) = made(place.path(), "@1000000000");
        let contents = Contents {
            backup: Some(&backup),
            ..Contents::default()
        };
        let request = Request::new(&contents).unwrap();
        let out = place.path().join("x.iso");
        written(&contents, &out).unwrap();
        request.read_back(&out).unwrap();
        let mut bytes = fs::read(&backup).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&backup, bytes).unwrap();
        let noticed = request.read_back(&out).unwrap_err();
        assert!(matches!(noticed, IsoError::ReadBack(_)), "{noticed}");
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (tree, _) = made(place.path(), "@1000000000");
        let contents = Contents {
            rescue: Some(&tree),
            ..Contents::default()
        };
        let out = place.path().join("x.iso");
        let partial = Partial::create(&out, false).unwrap();
        let busy = written(&contents, &out).unwrap_err();
        assert!(matches!(busy, IsoError::Busy(_)), "{busy}");
        drop(partial);
        let on_directory = written(&contents, place.path()).unwrap_err();
        assert!(
            matches!(on_directory, IsoError::NotAFile(_)),
            "{on_directory}"
        );
        let stop = Arc::new(AtomicBool::new(true));
        let stopped = write(&contents, &out, &stop, &mut |_, _| {}).unwrap_err();
        assert!(matches!(stopped, IsoError::Run(RunError::Stopped { .. })));
        fs::remove_file(tree.join("boot/vmlinuz")).unwrap();
        let missing = written(&contents, &out).unwrap_err();
        assert!(
            missing.to_string().contains("tree/boot/vmlinuz is missing"),
            "{missing}"
        );
        let left: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().contains("iso"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn too_much_is_refused_before_it_is_written() {
        let place = tempfile::tempdir().unwrap();
        let backup = place.path().join("b.mksysb");
        let file = File::create(&backup).unwrap();
        let contents = Contents {
            backup: Some(&backup),
            ..Contents::default()
        };
        // Sparse: more than any disk here has, in as few sections as there may be.
        file.set_len(MOST).unwrap();
        assert!(size(&contents).unwrap() > MOST);
        let refused = written(&contents, &place.path().join("x.iso")).unwrap_err();
        assert!(matches!(refused, IsoError::Space { .. }), "{refused}");
        file.set_len(MOST + 1).unwrap();
        assert!(matches!(size(&contents), Err(IsoError::Large { .. })));
    }
}
