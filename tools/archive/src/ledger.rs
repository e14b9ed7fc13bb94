//! Members against the manifest: it is known beforehand where a backup can be read at
//! any place, and comes last in a stream.

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
    /// The ledger of a stream that begins at `start` and whose manifest is this.
    pub fn known(manifest: Option<&'a Manifest>, start: u64) -> Self {
        manifest.map_or(Self::Unknown, |manifest| {
            Self::Known(Expected::from(manifest, start))
        })
    }

    /// What is wrong with a member that begins at `offset` and has this hash. Entries
    /// before it have no member: `lost` is told of them.
    pub fn check(
        &mut self,
        member: &Member,
        offset: u64,
        hash: blake3::Hash,
        lost: &mut dyn FnMut(Finding),
    ) -> Option<Trouble> {
        match self {
            Self::Known(expected) => expected.check(member, offset, hash, lost),
            Self::Unknown => None,
            Self::Later(notes) => {
                notes.add(member, offset, hash);
                None
            }
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

/// Said for the path of a file that nobody knows.
pub(crate) const UNKNOWN: &[u8] = b"(unknown)";

/// The manifest's entries that are still to come by.
pub(crate) struct Expected<'a> {
    entries: std::iter::Peekable<Box<dyn Iterator<Item = Entry> + 'a>>,
}

impl<'a> Expected<'a> {
    /// Those that are stored from this place of the stream on.
    fn from(manifest: &'a Manifest, start: u64) -> Self {
        let stored = move |entry: &Entry| entry.offset.is_some_and(|offset| offset >= start);
        Self::these(manifest.entries().filter(stored))
    }

    /// These alone.
    pub fn these(entries: impl Iterator<Item = Entry> + 'a) -> Self {
        let entries: Box<dyn Iterator<Item = Entry>> = Box::new(entries);
        Self {
            entries: entries.peekable(),
        }
    }

    fn check(
        &mut self,
        member: &Member,
        offset: u64,
        hash: blake3::Hash,
        lost: &mut dyn FnMut(Finding),
    ) -> Option<Trouble> {
        self.lost_before(offset, &Broken::Short, lost);
        let same = |entry: &Entry| entry.offset == Some(offset) && entry.path == member.path;
        let Some(entry) = self.entries.next_if(same) else {
            return Some(Trouble::Unlisted);
        };
        (entry != line(member, offset, hash)).then_some(Trouble::WrongHash)
    }

    /// Tells of all files before `offset`.
    fn lost_before(&mut self, offset: u64, why: &Broken, lost: &mut dyn FnMut(Finding)) {
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
struct Note {
    offset: u64,
    /// Of its line of the manifest, as it should be.
    digest: [u8; 16],
}

/// What came by in a stream before its manifest.
#[derive(Default)]
pub(crate) struct Notes {
    notes: Vec<Note>,
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

impl Notes {
    fn add(&mut self, member: &Member, offset: u64, hash: blake3::Hash) {
        let digest = digest(&line(member, offset, hash));
        self.notes.push(Note { offset, digest });
    }

    /// Compares with the manifest whose header begins at `offset` and whose text, of
    /// `length` bytes, is next in the stream.
    pub fn compare(
        &mut self,
        stream: &mut Stream<'_>,
        offset: u64,
        length: u64,
    ) -> Result<(), Broken> {
        let (mut hasher, mut lines) = (blake3::Hasher::new(), Lines::default());
        let mut compared = Compared {
            offset,
            length,
            ..Compared::default()
        };
        let mut notes = self.notes.iter().peekable();
        let gap = self.gap.as_ref();
        let (mut left, mut sound) = (length, true);
        while left > 0 {
            let text = stream.take(left)?;
            left -= text.len() as u64;
            hasher.update(text);
            sound &= lines.push(text, &mut |entry| {
                compared.lines += 1;
                let Some(offset) = entry.offset else {
                    return;
                };
                while notes.next_if(|note| note.offset < offset).is_some() {
                    let unlisted = Finding::new(UNKNOWN, Trouble::Unlisted);
                    compared.findings.push(unlisted);
                }
                let trouble = match notes.next_if(|note| note.offset == offset) {
                    Some(note) if note.digest == digest(&entry) => return,
                    Some(_) => Trouble::WrongHash,
                    None => gap
                        .filter(|gap| gap.from <= offset)
                        .map_or(Trouble::Missing, |gap| gap.why.trouble()),
                };
                compared.findings.push(Finding::new(&entry.path, trouble));
            });
        }
        for _ in notes {
            let unlisted = Finding::new(UNKNOWN, Trouble::Unlisted);
            compared.findings.push(unlisted);
        }
        compared.sound = sound && lines.at_end();
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

/// The line of the manifest that belongs to a member whose data has this hash.
fn line(member: &Member, offset: u64, hash: blake3::Hash) -> Entry {
    let is_file = matches!(member.kind, Kind::File | Kind::Sparse { .. });
    Entry::of(member, is_file.then_some(hash), offset)
}

fn digest(entry: &Entry) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(entry.to_string().as_bytes()).as_bytes()[..16]);
    half
}
