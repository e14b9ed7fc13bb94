//! Single members: the manifest, or a file that somebody asks for.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::escape::escape;
use crate::incoming::Incoming;
use crate::intake::Effort;
use crate::job::Head;
use crate::ledger::Expected;
use crate::manifest::{self, Entry, EntryKind, Manifest};
use crate::members::{Sink, next_member, read_data, read_expected};
use crate::open::Backup;
use crate::plan::with_ranges;
use crate::report::{Finding, Meter, Trouble};
use crate::sparse::Placer;
use crate::stock::Slice;
use crate::stream::{Broken, Stream};
use crate::wanted::member_path;

/// Why a member cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The manifest's bytes are wrong.
    #[error("0590-136 The manifest of {} is damaged", backup.display())]
    Manifest {
        /// The backup.
        backup: PathBuf,
    },
    /// It comes as a stream that has no sound end.
    #[error("0590-178 The manifest of {} cannot be had", backup.display())]
    Stream {
        /// The stream.
        backup: PathBuf,
        /// What is wrong.
        #[source]
        trouble: Trouble,
    },
    /// No member has this path.
    #[error("0590-137 {member} is not in {}", backup.display())]
    NotThere {
        /// The backup.
        backup: PathBuf,
        /// The path that was asked for, as a printable word.
        member: String,
    },
    /// It is something without content.
    #[error("0590-138 {member} in {} is not a regular file", backup.display())]
    NotAFile {
        /// The backup.
        backup: PathBuf,
        /// The path that was asked for, as a printable word.
        member: String,
    },
    /// It cannot be read whole.
    #[error("0590-139 {member} in {} is damaged", backup.display())]
    Damaged {
        /// The backup.
        backup: PathBuf,
        /// The path that was asked for, as a printable word.
        member: String,
        /// What is wrong.
        #[source]
        trouble: Trouble,
    },
    /// The output did not take it.
    #[error("0590-128 Cannot write the content of {member}")]
    Write {
        /// The path that was asked for, as a printable word.
        member: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Little: a member is read in the calling thread's own time.
const EFFORT: Effort = Effort {
    threads: 1,
    memory: 16 << 20,
};

impl Backup {
    /// The manifest, its hash checked.
    ///
    /// # Errors
    /// [`ReadError::Manifest`].
    pub fn manifest(&self) -> Result<Manifest, ReadError> {
        let range = self.mark().manifest_offset..u64::MAX;
        let frames = self.frames_of(range);
        let text = self.read(frames, EFFORT, |stream| self.manifest_text(stream));
        let text = text.ok().flatten();
        text.and_then(Manifest::parse)
            .ok_or_else(|| ReadError::Manifest {
                backup: self.path().to_owned(),
            })
    }

    fn manifest_text(&self, stream: &mut Stream<'_>) -> Result<Option<Vec<u8>>, Broken> {
        let Some(member) = next_member(stream)? else {
            return Ok(None);
        };
        let mark = self.mark();
        if member.path != manifest::PATH || member.stored != mark.manifest_length {
            return Ok(None);
        }
        let text = read_data(stream, member.stored)?;
        Ok((blake3::hash(&text) == mark.manifest_hash).then_some(text))
    }

    /// Writes the content of one file (`./etc/passwd`, or as
    /// [`member_path`](crate::member_path) takes it) to `out`, reading only the
    /// manifest and the frames that hold the file. Returns its length in bytes.
    ///
    /// # Errors
    /// [`ReadError`]; what was written until then is not to be used.
    pub fn read_member(&self, path: &[u8], out: &mut dyn Write) -> Result<u64, ReadError> {
        let path = &member_path(path);
        let (backup, name) = (|| self.path().to_owned(), || escape(path));
        let manifest = self.manifest()?;
        let mut entry = manifest.find(path);
        if let Some(Entry {
            kind: EntryKind::Link,
            target: Some(target),
            ..
        }) = &entry
        {
            entry = manifest.find(target);
        }
        let entry = entry.ok_or_else(|| ReadError::NotThere {
            backup: backup(),
            member: name(),
        })?;
        if !matches!(entry.kind, EntryKind::File | EntryKind::Sparse) {
            return Err(ReadError::NotAFile {
                backup: backup(),
                member: name(),
            });
        }
        let mut copy = Copy {
            out,
            current: None,
            written: 0,
            trouble: None,
        };
        let range = with_ranges(self, &manifest).find(|(found, _)| found.offset == entry.offset);
        let frames = range.map_or(0..0, |(_, range)| self.frames_of(range));
        let expected = Expected::these(std::iter::once(entry));
        let progress = &mut |_| {};
        let mut meter = Meter::new(None, progress);
        let result = self.read(frames, EFFORT, |stream| {
            read_expected(stream, expected, &mut copy, &mut meter)
        });
        match (result, copy.trouble) {
            (Err(source), _) => Err(ReadError::Write {
                member: name(),
                source,
            }),
            (Ok(()), Some(trouble)) => Err(ReadError::Damaged {
                backup: backup(),
                member: name(),
                trouble,
            }),
            (Ok(()), None) => Ok(copy.written),
        }
    }
}

impl<R: Read + Send> Incoming<R> {
    /// Reads the stream to its end for its manifest, whose hash is checked.
    ///
    /// # Errors
    /// [`ReadError::Manifest`], and [`ReadError::Stream`] if the stream does not come
    /// to a sound end.
    pub fn manifest(self) -> Result<Manifest, ReadError> {
        let backup = self.path().to_owned();
        let (text, ended) = self.read(EFFORT, |stream| {
            // The summary's frame is passed over, and then all up to the manifest.
            stream.resync();
            let member = next_member(stream).ok().flatten()?;
            read_data(stream, member.stored).ok()
        });
        let mark = match ended.mark() {
            Ok((mark, _)) => Some(mark),
            Err(Some(trouble)) => return Err(ReadError::Stream { backup, trouble }),
            Err(None) => None,
        };
        let listed =
            |text: &Vec<u8>| mark.is_some_and(|mark| blake3::hash(text) == mark.manifest_hash);
        text.filter(listed)
            .and_then(Manifest::parse)
            .ok_or(ReadError::Manifest { backup })
    }
}

/// Writes one member's content, holes as zeros.
struct Copy<'a> {
    out: &'a mut dyn Write,
    /// The member, the place of its data, and their hash so far.
    current: Option<(Head, Placer, blake3::Hasher)>,
    written: u64,
    trouble: Option<Trouble>,
}

/// Writes zeros from `written` up to `offset`.
fn zeros(out: &mut dyn Write, written: &mut u64, offset: u64) -> io::Result<()> {
    let missing = offset.saturating_sub(*written);
    *written += io::copy(&mut io::repeat(0).take(missing), out)?;
    Ok(())
}

impl Sink for Copy<'_> {
    type Error = io::Error;

    fn begin(&mut self, head: Head) -> io::Result<()> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&head.map);
        let placer = Placer::new(&head.segments);
        self.current = Some((head, placer, hasher));
        Ok(())
    }

    fn data(&mut self, slice: Slice) -> io::Result<()> {
        let Some((_, placer, hasher)) = &mut self.current else {
            return Ok(());
        };
        hasher.update(&slice);
        let (out, written) = (&mut self.out, &mut self.written);
        placer.place(&slice, |offset, bytes| {
            zeros(out, written, offset)?;
            *written += bytes.len() as u64;
            out.write_all(bytes)
        })
    }

    fn end(&mut self) -> io::Result<()> {
        let Some((head, _, hasher)) = self.current.take() else {
            return Ok(());
        };
        self.trouble = head.check.verdict(&head.member, &hasher);
        zeros(self.out, &mut self.written, head.member.length())
    }

    fn abandon(&mut self) {
        self.current = None;
    }

    fn lost(&mut self, finding: Finding) {
        self.trouble.get_or_insert(finding.trouble);
    }

    fn settle(&mut self) {}
}
