//! What all threads of an extraction share: the target, what went wrong, what is left
//! for the end.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::openat::open_directory_below;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::syncfs;

use crate::escape::escape;
use crate::extract::{ExtractError, ExtractOptions, ExtractReport};
use crate::member::{Kind, Member};
use crate::metadata::{Handle, Keep, last_flags, set_flags, set_metadata};
use crate::report::{Finding, Trouble};
use crate::target::place;
use crate::write::file_type;

/// The place where a backup is extracted.
pub(crate) struct Site<'a> {
    dest: &'a Path,
    root: OwnedFd,
    keep: Keep,
    /// Somebody else's wish to stop.
    stop: Option<Arc<AtomicBool>>,
    found: Mutex<Found>,
    counts: Counts,
    /// Whether anything was lost: hardly ever.
    any_lost: AtomicBool,
    /// Nothing more can be written.
    stopped: AtomicBool,
}

/// What was restored.
#[derive(Default)]
pub(crate) struct Counts {
    pub files: AtomicU64,
    pub directories: AtomicU64,
    pub links: AtomicU64,
    pub others: AtomicU64,
    pub bytes: AtomicU64,
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[derive(Default)]
struct Found {
    /// With the number of the member, so that the report does not depend on which
    /// thread was first.
    damaged: Vec<(u64, Finding)>,
    refused: Vec<(u64, Finding)>,
    /// Files that are not there, so that no link is made to an older one.
    lost: HashSet<Vec<u8>>,
    /// Flags that come last of all.
    flags: Vec<(u64, Member)>,
    /// A directory of each file system that was written to, by device.
    file_systems: HashMap<u64, OwnedFd>,
    failure: Option<(u64, ExtractError)>,
}

impl<'a> Site<'a> {
    pub fn open(dest: &'a Path, options: &ExtractOptions) -> Result<Self, ExtractError> {
        let root = File::open(dest).at("open directory", dest)?;
        let is_directory = root.metadata().at("read", dest)?.is_dir();
        if !is_directory {
            Err(Errno::ENOTDIR).at("open directory", dest)?;
        }
        Ok(Self {
            dest,
            root: root.into(),
            keep: Keep {
                attributes: options.attributes,
                times: options.times,
            },
            stop: options.stop.clone(),
            found: Mutex::default(),
            counts: Counts::default(),
            any_lost: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        })
    }

    /// The target's own error.
    pub fn error(&self, operation: &'static str, source: io::Error) -> FsError {
        FsError {
            operation,
            path: self.dest.to_owned(),
            source,
        }
    }

    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        // Nothing is left half done where this is held.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file is not there, or not as it was.
    pub fn lost(&self, number: u64, finding: Finding) {
        let mut found = self.found();
        let path = finding.path.as_os_str().as_bytes().to_vec();
        // What has its name now is another file.
        found.flags.retain(|(_, member)| member.path != path);
        found.lost.insert(path);
        found.damaged.push((number, finding));
        self.any_lost.store(true, Ordering::Release);
    }

    /// Whether a file that came earlier is not there.
    pub fn is_lost(&self, path: &[u8]) -> bool {
        self.any_lost.load(Ordering::Acquire) && self.found().lost.contains(path)
    }

    /// A file could not be made or written: it is lost, and perhaps all that follows.
    pub fn failed(&self, number: u64, member: &Member, source: io::Error) {
        if ends_everything(&source) {
            self.stop(number, member, source);
        } else {
            let trouble = Trouble::NotCreated(source);
            self.lost(number, Finding::new(&member.path, trouble));
        }
    }

    /// Nothing more can be written.
    pub fn stop(&self, number: u64, member: &Member, source: io::Error) {
        let error = ExtractError::Write {
            member: escape(&member.path),
            target: self.dest.to_owned(),
            source,
        };
        let mut found = self.found();
        if found
            .failure
            .as_ref()
            .is_none_or(|(first, _)| number < *first)
        {
            found.failure = Some((number, error));
        }
        self.stopped.store(true, Ordering::Release);
    }

    /// Whether nothing more is to be written.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) || self.is_interrupted()
    }

    fn is_interrupted(&self) -> bool {
        let stop = self.stop.as_ref();
        stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Gives what was made its metadata; the flags that forbid everything are kept for
    /// the end.
    pub fn finish(&self, number: u64, member: &Member, handle: Handle<'_>) {
        set_metadata(handle, member, self.keep, &mut |trouble| {
            self.refused(number, member, trouble);
        });
        if self.keep.attributes && last_flags(member.flags) != 0 {
            let bare = Member {
                attributes: Vec::new(),
                ..member.clone()
            };
            self.found().flags.push((number, bare));
        }
    }

    /// Whether flags are to be set that must be there before a file's content.
    pub fn attributes(&self) -> bool {
        self.keep.attributes
    }

    fn refused(&self, number: u64, member: &Member, trouble: Trouble) {
        let finding = Finding::new(&member.path, trouble);
        self.found().refused.push((number, finding));
    }

    /// Notes the file system of a directory in which something is made.
    pub fn note_file_system(&self, directory: BorrowedFd<'_>) -> Result<(), Errno> {
        let device = fstat(directory)?.st_dev;
        let mut found = self.found();
        if let Entry::Vacant(place) = found.file_systems.entry(device) {
            let kept = directory.try_clone_to_owned();
            place.insert(kept.map_err(|_| Errno::EMFILE)?);
        }
        Ok(())
    }

    /// Ends the extraction, when all threads are done: last flags, everything to the
    /// disk, the report.
    pub fn end(self, skipped: u64) -> Result<ExtractReport, ExtractError> {
        let mut found = mem::take(&mut *self.found());
        if let Some((_, error)) = found.failure {
            return Err(error);
        }
        if self.is_interrupted() {
            return Err(ExtractError::Interrupted {
                target: self.dest.to_owned(),
            });
        }
        for (number, member) in &found.flags {
            let result = self.last_flags(member, &mut |trouble| {
                let finding = Finding::new(&member.path, trouble);
                found.refused.push((*number, finding));
            });
            if let Err(source) = result {
                let flag = "schg".to_owned();
                let finding = Finding::new(&member.path, Trouble::FlagRefused { flag, source });
                found.refused.push((*number, finding));
            }
        }
        for directory in found.file_systems.values() {
            syncfs(directory).map_err(|errno| ExtractError::Sync {
                target: self.dest.to_owned(),
                source: errno.into(),
            })?;
        }
        let in_order = |mut findings: Vec<(u64, Finding)>| {
            findings.sort_by_key(|(number, _)| *number);
            findings.into_iter().map(|(_, finding)| finding).collect()
        };
        let Counts {
            files,
            directories,
            links,
            others,
            bytes,
        } = self.counts;
        Ok(ExtractReport {
            files: files.into_inner(),
            directories: directories.into_inner(),
            links: links.into_inner(),
            others: others.into_inner(),
            skipped,
            bytes: bytes.into_inner(),
            damaged: in_order(found.damaged),
            refused: in_order(found.refused),
        })
    }

    fn last_flags(&self, member: &Member, refuse: &mut dyn FnMut(Trouble)) -> io::Result<()> {
        let place = place(&member.path).ok_or(Errno::EINVAL)?;
        let directory = open_directory_below(self.root(), place.parent)?;
        // Should a pipe have the name, opening it must not wait for its writer.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(&directory, place.name, flags, Mode::empty())?;
        let kind = match member.kind {
            Kind::Directory => SFlag::S_IFDIR,
            _ => SFlag::S_IFREG,
        };
        if file_type(&fstat(&file)?) != kind {
            return Err(Errno::ENOENT.into());
        }
        set_flags(file.as_fd(), last_flags(member.flags), refuse);
        Ok(())
    }

    /// A file that was restored turns out to be wrong.
    pub fn disown(&self, number: u64, finding: Finding) {
        if matches!(finding.trouble, Trouble::WrongHash)
            && let Some(place) = place(finding.path.as_os_str().as_bytes())
            && let Ok(directory) = open_directory_below(self.root(), place.parent)
        {
            // It is reported in any case.
            let _ = crate::target::remove(directory.as_fd(), place.name);
        }
        self.lost(number, finding);
    }
}

/// True for errors that the next file would meet as well.
fn ends_everything(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(
            Errno::ENOSPC
                | Errno::EDQUOT
                | Errno::EROFS
                | Errno::EIO
                | Errno::ENXIO
                | Errno::ENODEV
                | Errno::EMFILE
                | Errno::ENFILE
                | Errno::ENOMEM
        )
    )
}
