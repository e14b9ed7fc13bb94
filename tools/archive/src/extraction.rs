//! The part of an extraction that goes in order: which members are wanted, their
//! directories, and what must be done before what. The rest is the workers'.
//!
//! A backup's members come in the order of a walk: a directory before what is in it,
//! names sorted. As long as they do, no two of them have one name, and whatever is being
//! made at a time can be made in any order, but for further names of files. Where the
//! order is broken, as only a backup made to do harm has it, all that came before is
//! finished first: then, too, the outcome does not depend on which thread was faster.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use crate::crew::Crew;
use crate::directories::{Directories, Directory};
use crate::escape::escape;
use crate::job::{Desk, Head, Job};
use crate::member::Kind;
use crate::members::Sink;
use crate::report::{Finding, Trouble};
use crate::site::{Site, count};
use crate::stock::Slice;
use crate::summary::is_own;
use crate::target::place;
use crate::wanted::Wanted;

/// Batches that are remembered before it is asked which of them are finished.
const REMEMBERED: usize = 32;

/// Nothing more can be written; the site knows why.
pub(crate) struct Stopped;

/// An extraction under way.
pub(crate) struct Extraction<'c, 'f, 's> {
    site: &'s Site<'s>,
    desk: Desk<'c, 'f, Arc<Directory<'s>>>,
    directories: Directories<'s>,
    wanted: Wanted,
    /// Files that are not wanted, but by further names: those get the content.
    stand_ins: HashMap<Vec<u8>, Vec<u8>>,
    /// The member that was made last.
    last: Vec<u8>,
    /// The batches that may not be finished, and the first path in each.
    recent: VecDeque<(u64, Vec<u8>)>,
    skipped: u64,
    /// Told of each path that is made.
    pub each: Option<fn(&[u8])>,
}

impl<'c, 'f, 's> Extraction<'c, 'f, 's> {
    pub fn new(
        site: &'s Site<'s>,
        crew: &'c mut Crew<'f, Job<Arc<Directory<'s>>>>,
        wanted: Wanted,
        stand_ins: HashMap<Vec<u8>, Vec<u8>>,
    ) -> io::Result<Self> {
        Ok(Self {
            site,
            desk: Desk::new(crew),
            directories: Directories::new(site)?,
            wanted,
            stand_ins,
            last: Vec::new(),
            recent: VecDeque::new(),
            skipped: 0,
            each: None,
        })
    }

    /// Finishes what was begun, and says what is not in the backup. How many members
    /// were not wanted.
    pub fn end(mut self) -> io::Result<u64> {
        let number = self.desk.next_number();
        for finding in self.wanted.missing() {
            self.site.lost(number, finding);
        }
        let crew = self.desk.crew;
        crew.settle();
        self.directories.end(&mut || crew.settle())?;
        Ok(self.skipped)
    }

    /// The number of what is found after the member that came last.
    pub fn between(&self) -> u64 {
        self.desk.between()
    }

    /// Whether a member is made, and under which name.
    fn is_wanted(&mut self, head: &mut Head) -> bool {
        let member = &mut head.member;
        if self.wanted.takes(&member.path) {
            return true;
        }
        if let Some(path) = self.stand_ins.get(&member.path) {
            member.path.clone_from(path);
            return true;
        }
        if !is_own(&member.path) {
            self.skipped += 1;
        }
        false
    }

    /// What keeps a member from being made, if its own path or a link's says so;
    /// `None` for a link that has its content already.
    fn check_names(&self, head: &mut Head) -> Option<Result<(), Trouble>> {
        let member = &mut head.member;
        if place(&member.path).is_none() {
            return Some(Err(Trouble::UnsafeName));
        }
        let Kind::HardLink { target } = &mut member.kind else {
            return Some(Ok(()));
        };
        if let Some(path) = self.stand_ins.get(target) {
            if *path == member.path {
                return None;
            }
            target.clone_from(path);
        } else if place(target).is_none() {
            return Some(Err(Trouble::UnsafeName));
        } else if !self.wanted.has(target) {
            let target = escape(target);
            return Some(Err(Trouble::PassedBy { target }));
        }
        Some(Ok(()))
    }

    /// Waits for whatever must be done before the member of this path.
    fn keep_order(&mut self, path: &[u8], kind: &Kind) {
        let crew = &mut *self.desk.crew;
        let target = match kind {
            Kind::HardLink { target } => Some(target),
            _ => None,
        };
        // A link to what comes later is a link to nothing.
        let in_order =
            comes_after(path, &self.last) && target.is_none_or(|target| comes_after(path, target));
        if !in_order {
            crew.settle();
            self.recent.clear();
        } else if let Some(target) = target {
            let holds = |(_, first): &&(u64, Vec<u8>)| !comes_after(first, target);
            if let Some((batch, _)) = self.recent.iter().rev().find(holds)
                && *batch != crew.batch()
            {
                crew.wait_for(*batch);
            }
        }
        self.last.clear();
        self.last.extend_from_slice(path);
    }

    /// Remembers in which batch the member is that is given away next.
    fn remember(&mut self, path: &[u8]) {
        let batch = self.desk.crew.batch();
        if self.recent.back().is_some_and(|(last, _)| *last == batch) {
            return;
        }
        if self.recent.len() >= REMEMBERED {
            let all_before = self.desk.crew.all_before();
            self.recent.retain(|(batch, _)| *batch >= all_before);
        }
        self.recent.push_back((batch, path.to_vec()));
    }

    /// The open directory in which a member is made.
    fn parent(&mut self, path: &[u8]) -> io::Result<Arc<Directory<'s>>> {
        let crew = &mut *self.desk.crew;
        let mut settle = || crew.settle();
        if let Some(directory) = self.directories.back_to(path, &mut settle)? {
            return Ok(directory);
        }
        // What has this name may just be being made.
        settle();
        self.directories.find(path, &mut settle)
    }

    fn make(&mut self, number: u64, head: Head) {
        let Some(place) = place(&head.member.path) else {
            return;
        };
        if head.member.kind == Kind::Directory {
            let member = head.member.clone();
            let made = if place.name == "." {
                self.directories.root_is(number, member);
                Ok(())
            } else {
                self.parent(place.parent.as_os_str().as_bytes())
                    .and_then(|parent| self.directories.make(&parent, place.name, number, member))
            };
            match made {
                Ok(()) => count(&self.site.counts().directories),
                Err(error) => self.site.failed(number, &head.member, error),
            }
            head.check.verdict(&head.member, &blake3::Hasher::new());
            return;
        }
        match self.parent(place.parent.as_os_str().as_bytes()) {
            Ok(parent) => {
                let path = head.member.path.clone();
                self.remember(&path);
                self.desk.begin(head, parent);
            }
            Err(error) => {
                head.check.pass();
                self.site.failed(number, &head.member, error);
            }
        }
    }
}

/// True if a walk comes to `path` after `other`.
fn comes_after(path: &[u8], other: &[u8]) -> bool {
    // What is in a directory follows it at once: the slash comes before all letters.
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    path.iter().map(rank).gt(other.iter().map(rank))
}

impl Sink for Extraction<'_, '_, '_> {
    type Error = Stopped;

    fn begin(&mut self, mut head: Head) -> Result<(), Stopped> {
        if self.site.is_stopped() {
            return Err(Stopped);
        }
        let number = self.desk.next_number();
        if !self.is_wanted(&mut head) {
            head.check.pass();
            return Ok(());
        }
        match self.check_names(&mut head) {
            Some(Ok(())) => {
                let path = head.member.path.clone();
                self.keep_order(&path, &head.member.kind);
                if let Some(each) = self.each {
                    each(&path);
                }
                self.make(number, head);
            }
            Some(Err(trouble)) => {
                head.check.pass();
                self.site
                    .lost(number, Finding::new(&head.member.path, trouble));
            }
            None => count(&self.site.counts().links),
        }
        Ok(())
    }

    fn data(&mut self, slice: Slice) -> Result<(), Stopped> {
        self.desk.data(slice);
        if self.site.is_stopped() {
            return Err(Stopped);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stopped> {
        self.desk.end();
        Ok(())
    }

    fn abandon(&mut self) {
        self.desk.abandon();
    }

    fn lost(&mut self, finding: Finding) {
        self.site.lost(self.desk.between(), finding);
    }

    fn settle(&mut self) {
        self.desk.crew.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_has_an_order() {
        let walk = [
            ".", "./a", "./a/b", "./a/b/c", "./a/z", "./a!", "./a-b", "./a.b", "./ab", "./b",
        ];
        for (i, path) in walk.iter().enumerate() {
            for (j, other) in walk.iter().enumerate() {
                assert_eq!(comes_after(path.as_bytes(), other.as_bytes()), i > j);
            }
        }
        assert!(comes_after(b".", b""));
    }
}
