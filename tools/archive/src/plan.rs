//! Which frames hold what somebody wants, so that no others are read.

use std::collections::HashMap;
use std::ops::Range;

use crate::manifest::{Entry, EntryKind, Manifest};
use crate::open::Backup;
use crate::summary::is_own;
use crate::wanted::Wanted;

/// What is read of a backup.
pub(crate) struct Plan {
    /// The frames, ascending.
    pub frames: Vec<usize>,
    /// The members that are not wanted themselves, but by a further name, and the
    /// first such name.
    pub stand_ins: HashMap<Vec<u8>, Vec<u8>>,
    /// Members of the system that are not read.
    pub skipped: u64,
}

impl Plan {
    pub fn new(backup: &Backup, manifest: &Manifest, wanted: &mut Wanted) -> Self {
        let mut stand_ins = HashMap::new();
        for entry in manifest.entries() {
            // A socket is in the backup, though there is nothing to make.
            wanted.saw(&entry.path);
            if let (EntryKind::Link, Some(target)) = (entry.kind, entry.target)
                && wanted.has(&entry.path)
                && !wanted.has(&target)
            {
                stand_ins.entry(target).or_insert(entry.path);
            }
        }
        let mut plan = Self {
            frames: Vec::new(),
            stand_ins,
            skipped: 0,
        };
        for (entry, range) in with_ranges(backup, manifest) {
            if plan.takes(wanted, &entry) {
                let next = plan.frames.last().map_or(0, |last| last + 1);
                let frames = backup.frames_of(range);
                plan.frames.extend(frames.start.max(next)..frames.end);
            } else if !is_own(&entry.path) {
                plan.skipped += 1;
            }
        }
        plan
    }

    /// Whether this entry's member is read.
    pub fn takes(&self, wanted: &Wanted, entry: &Entry) -> bool {
        entry.offset.is_some()
            && (wanted.has(&entry.path) || self.stand_ins.contains_key(&entry.path))
    }
}

/// The members of a manifest, each with its place in the stream.
pub(crate) fn with_ranges(
    backup: &Backup,
    manifest: &Manifest,
) -> impl Iterator<Item = (Entry, Range<u64>)> {
    let end = backup.mark().manifest_offset;
    let stored = |entry: Entry| entry.offset.map(|offset| (entry, offset));
    let mut entries = manifest.entries().filter_map(stored).peekable();
    std::iter::from_fn(move || {
        let (entry, offset) = entries.next()?;
        let next = entries.peek().map_or(end, |(_, next)| *next);
        Some((entry, offset..next.max(offset)))
    })
}
