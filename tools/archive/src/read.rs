//! Single members: the manifest, or a file that somebody asks for.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::escape::escape;
use crate::incoming::Incoming;
use crate::manifest::{self, EntryKind, Manifest};
use crate::member::Member;
use crate::members::{Failure, Sink, next_member, read_data, read_one};
use crate::open::Backup;
use crate::report::{Finding, Trouble};
use crate::sparse::{Placer, Segment};
use crate::stream::{Broken, Effort, Stream, read};
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
        let range = self.manifest_frame()..self.frames().len();
        let text = read(self, range, EFFORT, |stream| self.manifest_text(stream));
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
        if let Some(target) = entry.as_ref().and_then(|entry| entry.target.as_ref())
            && entry
                .as_ref()
                .is_some_and(|entry| entry.kind == EntryKind::Link)
        {
            entry = manifest.find(target);
        }
        let entry = entry.ok_or_else(|| ReadError::NotThere {
            backup: backup(),
            member: name(),
        })?;
        let offset = match (entry.kind, entry.offset) {
            (EntryKind::File | EntryKind::Sparse, Some(offset)) => offset,
            _ => {
                return Err(ReadError::NotAFile {
                    backup: backup(),
                    member: name(),
                });
            }
        };
        let damaged = |trouble| ReadError::Damaged {
            backup: backup(),
            member: name(),
            trouble,
        };
        let frames = self.frames();
        let first = frames.partition_point(|frame| frame.end() <= offset);
        let Some(before) = frames.get(first).map(|frame| offset - frame.offset) else {
            return Err(damaged(Trouble::Missing));
        };
        let mut copy = Copy {
            out,
            placer: Placer::default(),
            written: 0,
            trouble: None,
        };
        let result = read(self, first..self.manifest_frame(), EFFORT, |stream| {
            stream.skip(before)?;
            read_one(stream, entry, &mut copy)
        });
        match (result, copy.trouble) {
            (Err(Failure::Sink(source)), _) => Err(ReadError::Write {
                member: name(),
                source,
            }),
            (Err(Failure::Stream(broken)), _) => Err(damaged(broken.trouble())),
            (Ok(()), Some(trouble)) => Err(damaged(trouble)),
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
    placer: Placer,
    written: u64,
    trouble: Option<Trouble>,
}

impl Copy<'_> {
    fn zeros_up_to(&mut self, offset: u64) -> io::Result<()> {
        let missing = offset.saturating_sub(self.written);
        self.written += io::copy(&mut io::repeat(0).take(missing), &mut self.out)?;
        Ok(())
    }
}

impl Sink for Copy<'_> {
    type Error = io::Error;

    fn begin(&mut self, _: &Member, segments: &[Segment]) -> io::Result<()> {
        self.placer = Placer::new(segments);
        Ok(())
    }

    fn data(&mut self, _: &Member, bytes: &[u8]) -> io::Result<()> {
        let mut placer = std::mem::take(&mut self.placer);
        placer.place(bytes, |offset, bytes| {
            self.zeros_up_to(offset)?;
            self.written += bytes.len() as u64;
            self.out.write_all(bytes)
        })?;
        self.placer = placer;
        Ok(())
    }

    fn end(&mut self, member: &Member) -> io::Result<()> {
        self.zeros_up_to(member.length())
    }

    fn abandon(&mut self, _: &Member) {}

    fn lost(&mut self, finding: Finding) {
        self.trouble = Some(finding.trouble);
    }
}
