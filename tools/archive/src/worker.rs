//! One member made in its directory, by any thread.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lifeboat_sys::openat::open_directory_below;
use nix::errno::Errno;
use nix::sys::stat::Mode;

use crate::directories::Directory;
use crate::escape::escape;
use crate::job::Job;
use crate::member::{Kind, Member};
use crate::metadata::{Handle, set_early_flags};
use crate::report::{Finding, Trouble};
use crate::site::{Site, count};
use crate::sparse::Placer;
use crate::target::{NewFile, Place, create_link, create_special, place};

/// A member for a worker, and the directory that it goes into.
pub(crate) type Errand<'s> = Job<Arc<Directory<'s>>>;

/// Makes what has no members of its own.
pub(crate) fn make(site: &Site<'_>, mut errand: Errand<'_>) {
    if site.is_stopped() {
        return;
    }
    let directory = Arc::clone(&errand.context);
    let path = errand.head.member.path.clone();
    // The path was checked when it was read.
    let Some(Place { name, .. }) = place(&path) else {
        return;
    };
    if matches!(errand.head.member.kind, Kind::File | Kind::Sparse { .. }) {
        make_file(site, &mut errand, directory.handle(), name);
        return;
    }
    let number = errand.number;
    let member = &errand.head.member;
    errand.head.check.verdict(member, &errand.hasher());
    let made = match &member.kind {
        Kind::HardLink { target } => link(site, &path, directory.handle(), name, target),
        kind => create_special(directory.handle(), name, kind)
            .map_err(|errno| Trouble::NotCreated(errno.into())),
    };
    match (made, &member.kind) {
        (Ok(()), Kind::HardLink { .. }) => count(&site.counts().links),
        (Ok(()), _) => {
            count(&site.counts().others);
            site.finish(number, member, Handle::Name(directory.handle(), name));
        }
        (Err(Trouble::NotCreated(error)), _) => site.failed(number, member, error),
        (Err(trouble), _) => site.lost(number, Finding::new(&path, trouble)),
    }
}

/// Gives a file that is there a further name.
fn link(
    site: &Site<'_>,
    path: &[u8],
    directory: BorrowedFd<'_>,
    name: &OsStr,
    target: &[u8],
) -> Result<(), Trouble> {
    if site.is_lost(target) {
        let target = escape(target);
        return Err(Trouble::LinkTarget { target });
    }
    let to = place(target).ok_or(Trouble::UnsafeName)?;
    let beside = place(path).is_some_and(|place| place.parent == to.parent);
    let linked = if beside {
        create_link(directory, name, (directory, to.name)).map_err(Errno::into)
    } else {
        open_directory_below(site.root(), to.parent)
            .and_then(|other| Ok(create_link(directory, name, (other.as_fd(), to.name))?))
    };
    linked.map_err(Trouble::NotCreated)
}

fn make_file(site: &Site<'_>, errand: &mut Errand<'_>, directory: BorrowedFd<'_>, name: &OsStr) {
    let number = errand.number;
    // What is there as a whole is checked before anything is written.
    let early = errand.verdict_now();
    let checked = early.is_some();
    if let Some(Some(trouble)) = early {
        site.lost(number, Finding::new(&errand.head.member.path, trouble));
        return;
    }
    let mode = Mode::from_bits_truncate(errand.head.member.mode & 0o777);
    let new = match NewFile::create(directory, name, mode, number) {
        Ok(new) => new,
        Err(errno) => {
            site.failed(number, &errand.head.member, errno.into());
            return;
        }
    };
    if site.attributes() {
        set_early_flags(new.file.as_fd(), &errand.head.member);
    }
    let verdict = match write(site, errand, &new.file, checked) {
        Ok(verdict) => verdict,
        Err(error) => {
            new.discard();
            site.stop(number, &errand.head.member, error);
            return;
        }
    };
    match verdict {
        Verdict::Right => {
            let member = &errand.head.member;
            site.finish(number, member, Handle::Open(new.file.as_fd()));
            match new.complete() {
                Ok(()) => count(&site.counts().files),
                Err(errno) => site.failed(number, member, errno.into()),
            }
        }
        Verdict::Wrong(trouble) => {
            new.discard();
            site.lost(number, Finding::new(&errand.head.member.path, trouble));
        }
        // Whoever read the stream knows what is damaged, and says it.
        Verdict::Cut => new.discard(),
    }
}

/// What came of a file.
enum Verdict {
    /// All of it is there, and right.
    Right,
    /// All of it is there.
    Wrong(Trouble),
    /// Its data did not come to their end.
    Cut,
}

fn write(
    site: &Site<'_>,
    errand: &mut Errand<'_>,
    file: &File,
    checked: bool,
) -> io::Result<Verdict> {
    let mut hasher = errand.hasher();
    let mut placer = Placer::new(&errand.head.segments);
    let mut bytes = 0;
    loop {
        let slice = match errand.next() {
            Ok(Some(slice)) => slice,
            Ok(None) => break,
            Err(_) => return Ok(Verdict::Cut),
        };
        if !checked {
            hasher.update(&slice);
        }
        placer.place(&slice, |offset, bytes| file.write_all_at(bytes, offset))?;
        bytes += slice.len() as u64;
        if site.is_stopped() {
            return Ok(Verdict::Cut);
        }
    }
    if !checked && let Some(trouble) = errand.verdict(&hasher) {
        return Ok(Verdict::Wrong(trouble));
    }
    let Member { kind, .. } = &errand.head.member;
    if let Kind::Sparse { length } = kind {
        file.set_len(*length)?;
    }
    site.counts().bytes.fetch_add(bytes, Ordering::Relaxed);
    Ok(Verdict::Right)
}
