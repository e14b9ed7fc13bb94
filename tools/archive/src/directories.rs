//! The directories that are open while files are made in them. They come and go in the
//! order of the archive: what is in a directory follows it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use lifeboat_sys::openat::open_directory_below;

use crate::member::Member;
use crate::metadata::{Handle, set_early_flags};
use crate::site::Site;
use crate::target::{create_directory, find_directory};

/// More directories than this are not held open: a path may have thousands.
const OPEN: usize = 48;

/// An open directory. Files change its time, and its mode may forbid to make any: it
/// gets its metadata when nobody makes files in it any more.
pub(crate) struct Directory<'s> {
    site: &'s Site<'s>,
    handle: OwnedFd,
    /// Its number and its metadata, once nothing new comes into it.
    last: OnceLock<(u64, Member)>,
}

impl<'s> Directory<'s> {
    fn new(site: &'s Site<'s>, handle: OwnedFd) -> Arc<Self> {
        Arc::new(Self {
            site,
            handle,
            last: OnceLock::new(),
        })
    }

    pub fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Drop for Directory<'_> {
    fn drop(&mut self) {
        if let Some((number, member)) = self.last.take() {
            self.site
                .finish(number, &member, Handle::Open(self.handle.as_fd()));
        }
    }
}

/// A directory that is not complete.
struct Level<'s> {
    path: Vec<u8>,
    /// Nothing if it is not open now.
    open: Option<Arc<Directory<'s>>>,
    /// It was closed on the way: others may still have it open.
    was_closed: bool,
    /// Its metadata, if its member has come by.
    member: Option<(u64, Member)>,
}

/// The directory where the archive is, and those above it.
pub(crate) struct Directories<'s> {
    site: &'s Site<'s>,
    levels: Vec<Level<'s>>,
}

impl<'s> Directories<'s> {
    /// Only the root, which is there.
    pub fn new(site: &'s Site<'s>) -> io::Result<Self> {
        let mut directories = Self {
            site,
            levels: Vec::new(),
        };
        let handle = open_directory_below(site.root(), Path::new("."))?;
        directories.enter(b".".to_vec(), handle, None)?;
        Ok(directories)
    }

    /// The directory of this path if it is the one here or one above; those below it
    /// are complete then. `settle` waits until nothing is being made.
    pub fn back_to(
        &mut self,
        path: &[u8],
        settle: &mut dyn FnMut(),
    ) -> io::Result<Option<Arc<Directory<'s>>>> {
        let Some(index) = self.levels.iter().rposition(|level| level.path == path) else {
            return Ok(None);
        };
        self.leave_down_to(index + 1, settle)?;
        reopened(self.site, &mut self.levels[index]).map(Some)
    }

    /// Goes into a directory whose member did not come by, or is not wanted: it is
    /// made if it is not there.
    pub fn find(
        &mut self,
        path: &[u8],
        settle: &mut dyn FnMut(),
    ) -> io::Result<Arc<Directory<'s>>> {
        let is_above = |above: &[u8]| {
            path.strip_prefix(above)
                .is_some_and(|rest| rest.starts_with(b"/"))
        };
        // The root is above all.
        let above = self.levels.iter().rposition(|l| is_above(&l.path));
        self.leave_down_to(above.map_or(1, |index| index + 1), settle)?;
        let level = self.levels.last_mut().ok_or(io::ErrorKind::NotFound)?;
        let mut here = reopened(self.site, level)?;
        let mut end = level.path.len() + 1;
        for name in path[end.min(path.len())..].split(|&byte| byte == b'/') {
            end += name.len();
            let handle = find_directory(here.handle(), OsStr::from_bytes(name))?;
            here = self.enter(path[..end].to_vec(), handle, None)?;
            end += 1;
        }
        Ok(here)
    }

    /// Makes the directory of a member in its parent, and goes into it.
    pub fn make(
        &mut self,
        parent: &Directory<'s>,
        name: &OsStr,
        number: u64,
        member: Member,
    ) -> io::Result<()> {
        let handle = create_directory(parent.handle(), name)?;
        if self.site.attributes() {
            set_early_flags(handle.as_fd(), &member);
        }
        let path = member.path.clone();
        self.enter(path, handle, Some((number, member)))?;
        Ok(())
    }

    /// The root's own member.
    pub fn root_is(&mut self, number: u64, member: Member) {
        if let Some(root) = self.levels.first_mut() {
            root.member = Some((number, member));
        }
    }

    /// All directories are complete.
    pub fn end(mut self, settle: &mut dyn FnMut()) -> io::Result<()> {
        self.leave_down_to(0, settle)
    }

    fn enter(
        &mut self,
        path: Vec<u8>,
        handle: OwnedFd,
        member: Option<(u64, Member)>,
    ) -> io::Result<Arc<Directory<'s>>> {
        self.site.note_file_system(handle.as_fd())?;
        if let Some(far) = self.levels.len().checked_sub(OPEN) {
            let far = &mut self.levels[far];
            far.was_closed |= far.open.take().is_some();
        }
        let directory = Directory::new(self.site, handle);
        self.levels.push(Level {
            path,
            open: Some(Arc::clone(&directory)),
            was_closed: false,
            member,
        });
        Ok(directory)
    }

    /// Completes the directories of all levels from this one on.
    fn leave_down_to(&mut self, level: usize, settle: &mut dyn FnMut()) -> io::Result<()> {
        while self.levels.len() > level
            && let Some(mut level) = self.levels.pop()
        {
            let Some(member) = level.member.take() else {
                continue;
            };
            if level.was_closed {
                settle();
            }
            // Nobody else sets it.
            let _ = reopened(self.site, &mut level)?.last.set(member);
        }
        Ok(())
    }
}

/// The directory of a level, open.
fn reopened<'s>(site: &'s Site<'s>, level: &mut Level<'s>) -> io::Result<Arc<Directory<'s>>> {
    if let Some(open) = &level.open {
        return Ok(Arc::clone(open));
    }
    let path = Path::new(OsStr::from_bytes(&level.path));
    let directory = Directory::new(site, open_directory_below(site.root(), path)?);
    level.open = Some(Arc::clone(&directory));
    Ok(directory)
}
