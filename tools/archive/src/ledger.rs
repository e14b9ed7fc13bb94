//! Members against the manifest: it is known beforehand where a backup can be read at
//! any place, and comes last in a stream.

use std::iter::Peekable;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use crate::endmark::EndMark;
use crate::manifest::{self, Entry, Lines, Manifest};
use crate::member::{Kind, Member};
use crate::report::{Finding, Trouble};
use crate::stream::{Broken, Stream};

/// What members are checked against.
pub(crate) enum Ledger<'a> {
    /// The manifest's entries, consumed as their members come by.
    Known(Expected<'a>),
    /// Nothing: the manifest is damaged, and the frames' hashes must do.
    Unknown,
    /// The manifest at the end of the stream; until then, what came by is noted.
    Later(Notes),
}

impl<'a> Ledger<'a> {
    /// The ledger of a whole stream whose manifest is this.
    pub fn known(manifest: Option<&'a Manifest>) -> Self {
        manifest.map_or(Self::Unknown, |manifest| {
            Self::Known(Expected::these(manifest.entries()))
        })
    }

    /// What the data of a member are checked against whose header is at `offset`, or
    /// why it is not to be used. Entries before it have no member: `lost` is told of
    /// them.
    pub fn announce(
        &mut self,
        member: &Member,
        offset: u64,
        lost: &mut dyn FnMut(Finding),
    ) -> Result<Check, Trouble> {
        match self {
            Self::Known(expected) => expected.check(member, offset, lost),
            Self::Unknown => Ok(Check::Nothing),
            Self::Later(notes) => Ok(Check::Note {
                offset,
                book: Arc::clone(&notes.book),
            }),
        }
    }

    /// The data of the member that was announced have come to their end.
    pub fn complete(&mut self) {
        if let Self::Known(expected) = self {
            expected.entries.next();
        }
    }

    /// Notes that the stream was broken from `from` to `to`, in `member` if one had
    /// begun there.
    pub fn broken(
        &mut self,
        (from, to): (u64, u64),
        member: Option<Vec<u8>>,
        why: &Broken,
        lost: &mut dyn FnMut(Finding),
    ) {
        match self {
            Self::Known(expected) => expected.lost_before(to, why, lost),
            Self::Unknown => lost(Finding::new(UNKNOWN, why.trouble())),
            Self::Later(notes) => {
                notes.gap.get_or_insert(Gap {
                    from,
                    member,
                    why: why.clone(),
                });
            }
        }
    }

    /// Names the files of the manifest that have no member.
    pub fn finish(self, lost: &mut dyn FnMut(Finding)) {
        if let Self::Known(expected) = self {
            for entry in expected.entries {
                lost(Finding::new(&entry.path, Trouble::Missing));
            }
        }
    }
}

/// What the data of one member are checked against.
pub(crate) enum Check {
    /// The hash that the manifest has, if it has one.
    Hash(Option<blake3::Hash>),
    /// Nothing.
    Nothing,
    /// Nothing yet: they are noted.
    Note {
        /// Where the member's header is.
        offset: u64,
        /// Where it is noted.
        book: Arc<Mutex<Vec<Note>>>,
    },
}

impl Check {
    /// What is wrong with a member whose data were all given to `hasher`.
    pub fn verdict(&self, member: &Member, hasher: &blake3::Hasher) -> Option<Trouble> {
        match self {
            Self::Hash(Some(hash)) => (*hash != hasher.finalize()).then_some(Trouble::WrongHash),
            Self::Hash(None) | Self::Nothing => None,
            Self::Note { offset, book } => {
                note(book, *offset, digest(&line(member, *offset, hasher)));
                None
            }
        }
    }

    /// The member is not used.
    pub fn pass(&self) {
        if let Self::Note { offset, book } = self {
            note(book, *offset, PASSED);
        }
    }
}

/// Said for the path of a file that nobody knows.
pub(crate) const UNKNOWN: &[u8] = b"(unknown)";

/// The manifest's entries that are still to come by.
pub(crate) struct Expected<'a> {
    entries: std::iter::Peekable<Box<dyn Iterator<Item = Entry> + 'a>>,
}

impl<'a> Expected<'a> {
    /// These, in the order of the stream. Sockets are passed over.
    pub fn these(entries: impl Iterator<Item = Entry> + 'a) -> Self {
        let stored = entries.filter(|entry| entry.offset.is_some());
        let entries: Box<dyn Iterator<Item = Entry>> = Box::new(stored);
        Self {
            entries: entries.peekable(),
        }
    }

    /// Where the next one's header is.
    pub fn next_offset(&mut self) -> Option<u64> {
        self.entries.peek().and_then(|entry| entry.offset)
    }

    fn check(
        &mut self,
        member: &Member,
        offset: u64,
        lost: &mut dyn FnMut(Finding),
    ) -> Result<Check, Trouble> {
        self.lost_before(offset, &Broken::Short, lost);
        let same = |entry: &Entry| entry.offset == Some(offset) && entry.path == member.path;
        let Some(entry) = self.entries.peek().filter(|entry| same(entry)) else {
            return Err(Trouble::Unlisted);
        };
        let hash = entry.hash;
        if *entry == Entry::of(member, hash, offset) {
            return Ok(Check::Hash(hash));
        }
        self.entries.next();
        Err(Trouble::WrongHash)
    }

    /// Tells of all files before `offset`.
    pub fn lost_before(&mut self, offset: u64, why: &Broken, lost: &mut dyn FnMut(Finding)) {
        while let Some(entry) = self.entries.next_if(|e| e.offset < Some(offset)) {
            lost(Finding::new(&entry.path, why.trouble()));
        }
    }
}

/// Where a stream was broken. What came after it was not read, but for the manifest.
struct Gap {
    from: u64,
    /// The member that had begun.
    member: Option<Vec<u8>>,
    why: Broken,
}

/// A member that came by, in a few bytes: there may be millions.
pub(crate) struct Note {
    offset: u64,
    /// Of its line of the manifest, as it should be.
    digest: [u8; 16],
}

/// Stands for a member that nobody wanted: whatever its line says.
const PASSED: [u8; 16] = [0; 16];

fn note(book: &Mutex<Vec<Note>>, offset: u64, digest: [u8; 16]) {
    let mut notes = book.lock().unwrap_or_else(PoisonError::into_inner);
    notes.push(Note { offset, digest });
}

/// What came by in a stream before its manifest.
#[derive(Default)]
pub(crate) struct Notes {
    book: Arc<Mutex<Vec<Note>>>,
    gap: Option<Gap>,
    /// What the manifest said of it, once it has come.
    compared: Option<Compared>,
}

/// What a manifest says of the members before it.
#[derive(Default)]
struct Compared {
    /// Where its header is.
    offset: u64,
    length: u64,
    lines: u64,
    hash: [u8; 32],
    /// Whether every line is one.
    sound: bool,
    findings: Vec<Finding>,
}

impl Compared {
    /// True if it is the manifest that the end mark means.
    fn is_listed(&self, mark: &EndMark) -> bool {
        let own = (self.offset, self.length, self.lines, self.hash);
        let marked = (
            mark.manifest_offset,
            mark.manifest_length,
            mark.totals.members,
            mark.manifest_hash,
        );
        self.sound && own == marked
    }
}

/// A manifest being compared with what came by.
struct Comparison<'a> {
    notes: Peekable<slice::Iter<'a, Note>>,
    gap: Option<&'a Gap>,
    /// The offset in the last line that had one: they ascend.
    last: Option<u64>,
    compared: Compared,
}

impl Comparison<'_> {
    fn line(&mut self, entry: &Entry) {
        self.compared.lines += 1;
        let Some(offset) = entry.offset else {
            return;
        };
        self.compared.sound &= self.last < Some(offset);
        self.last = Some(offset);
        while self.notes.next_if(|note| note.offset < offset).is_some() {
            self.found(UNKNOWN, Trouble::Unlisted);
        }
        let trouble = match self.notes.next_if(|note| note.offset == offset) {
            Some(note) if note.digest == PASSED || note.digest == digest(entry) => return,
            Some(_) => Trouble::WrongHash,
            None => self
                .gap
                .filter(|gap| gap.from <= offset)
                .map_or(Trouble::Missing, |gap| gap.why.trouble()),
        };
        self.found(&entry.path, trouble);
    }

    fn end(mut self) -> Compared {
        while self.notes.next().is_some() {
            self.found(UNKNOWN, Trouble::Unlisted);
        }
        self.compared
    }

    fn found(&mut self, path: &[u8], trouble: Trouble) {
        self.compared.findings.push(Finding::new(path, trouble));
    }
}

impl Notes {
    /// Compares with the manifest whose header begins at `offset` and whose text, of
    /// `length` bytes, is next in the stream. All that came by has been noted.
    pub fn compare(
        &mut self,
        stream: &mut Stream<'_>,
        offset: u64,
        length: u64,
    ) -> Result<(), Broken> {
        let mut notes = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        // Several threads wrote them.
        notes.sort_unstable_by_key(|note| note.offset);
        let mut comparison = Comparison {
            notes: notes.iter().peekable(),
            gap: self.gap.as_ref(),
            last: None,
            compared: Compared {
                offset,
                length,
                sound: true,
                ..Compared::default()
            },
        };
        let (mut hasher, mut lines) = (blake3::Hasher::new(), Lines::default());
        let (mut left, mut sound) = (length, true);
        while left > 0 {
            let text = stream.take(left)?;
            left -= text.len() as u64;
            hasher.update(text);
            sound &= lines.push(text, &mut |entry| comparison.line(&entry));
        }
        sound &= lines.end(&mut |entry| comparison.line(&entry));
        let mut compared = comparison.end();
        compared.sound &= sound;
        compared.hash = *hasher.finalize().as_bytes();
        self.compared = Some(compared);
        Ok(())
    }

    /// What is to be said in the end. Without a sound end mark nothing that the stream
    /// said is known to be true.
    pub fn findings(self, mark: Option<&EndMark>) -> Vec<Finding> {
        let trusted = |compared: &Compared| mark.is_some_and(|mark| compared.is_listed(mark));
        if let Some(compared) = self.compared.filter(trusted) {
            return compared.findings;
        }
        let broken = self.gap.map(|gap| {
            let trouble = match gap.why {
                Broken::Short => Trouble::CutOff,
                why => why.trouble(),
            };
            Finding::new(gap.member.as_deref().unwrap_or(UNKNOWN), trouble)
        });
        let damaged = || Finding::new(manifest::PATH, Trouble::ManifestDamaged);
        broken.into_iter().chain(mark.map(|_| damaged())).collect()
    }
}

/// The line of the manifest that belongs to a member whose data were hashed.
fn line(member: &Member, offset: u64, hasher: &blake3::Hasher) -> Entry {
    let is_file = matches!(member.kind, Kind::File | Kind::Sparse { .. });
    Entry::of(member, is_file.then(|| hasher.finalize()), offset)
}

fn digest(entry: &Entry) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(entry.to_string().as_bytes()).as_bytes()[..16]);
    half
}
