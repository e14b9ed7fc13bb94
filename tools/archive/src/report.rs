//! What a person must know about single files of a backup.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::escape::escape;
use crate::ustar::Malformed;

/// How far a long operation has come, in bytes of the decompressed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, where that is known.
    pub total: Option<u64>,
}

/// Tells progress about once for every MiB.
pub(crate) struct Meter<'a> {
    total: Option<u64>,
    done: u64,
    told: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl<'a> Meter<'a> {
    pub fn new(total: Option<u64>, progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self {
            total,
            done: 0,
            told: 0,
            progress,
        }
    }

    /// This much is done.
    pub fn reach(&mut self, done: u64) {
        self.done = done;
        if done >= self.told + (1 << 20) {
            self.tell(done);
        }
    }

    /// All is done.
    pub fn finish(&mut self) {
        self.tell(self.total.unwrap_or(self.done));
    }

    fn tell(&mut self, done: u64) {
        self.told = done;
        (self.progress)(Progress {
            done,
            total: self.total,
        });
    }
}

/// A file and what happened to it.
#[derive(Debug)]
pub struct Finding {
    /// The file's path in the archive, beginning with `./`.
    pub path: PathBuf,
    /// What happened.
    pub trouble: Trouble,
}

impl Finding {
    pub(crate) fn new(path: &[u8], trouble: Trouble) -> Self {
        Self {
            path: PathBuf::from(OsStr::from_bytes(path)),
            trouble,
        }
    }

    /// True for what is normal on a running system: the backup is complete all
    /// the same.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        matches!(self.trouble, Trouble::Reserved | Trouble::Vanished)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escape(self.path.as_os_str().as_bytes());
        write!(f, "{} {path}: {}", self.trouble.number(), self.trouble)?;
        match std::error::Error::source(&self.trouble) {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

/// What can happen to one file.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Its size changed under the reader.
    #[error("its size changed while it was read; {recorded} bytes are stored")]
    SizeChanged {
        /// The size when reading began.
        recorded: u64,
    },
    /// Its content may have changed under the reader.
    #[error("it was written to while it was read")]
    Changed,
    /// It could not be read, and is not in the backup.
    #[error("it cannot be read and is not in the backup")]
    Unreadable(#[source] io::Error),
    /// It was there when its directory was listed, but not any more.
    #[error("it was removed before it could be read and is not in the backup")]
    Vanished,
    /// It could not be read to its end.
    #[error("it cannot be read to its end; zeros are stored for the rest")]
    ReadPartly(#[source] io::Error),
    /// A file system whose directory is not in the backup.
    #[error("the backup has no directory for this file system; it is not in the backup")]
    NotReached,
    /// The backup has a member of that name of its own.
    #[error("its name belongs to the backup itself; it is not in the backup")]
    Reserved,
    /// An extended attribute could not be read, and is not in the backup.
    #[error("its attribute {name} cannot be read and is not in the backup")]
    AttributeUnreadable {
        /// The attribute, as a printable word.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A part of the backup that holds it is damaged.
    #[error("it lies in frame {frame} of the backup, which is damaged")]
    DamagedFrame {
        /// Counted from 0.
        frame: usize,
    },
    /// A part of the backup that holds it could not be read.
    #[error("it lies in frame {frame} of the backup, which cannot be read")]
    UnreadableFrame {
        /// Counted from 0.
        frame: usize,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its content is not the recorded one.
    #[error("its content is not what the manifest says")]
    WrongHash,
    /// The manifest names it, the archive does not have it.
    #[error("it is in the manifest, but not in the archive")]
    Missing,
    /// The archive has it, the manifest does not name it.
    #[error("it is in the archive, but not in the manifest")]
    Unlisted,
    /// Its header makes no sense.
    #[error("its header is broken")]
    Malformed(#[source] Malformed),
    /// The manifest itself is damaged.
    #[error("the manifest is damaged; damaged files cannot be named")]
    ManifestDamaged,
    /// Its name would lead out of the target directory.
    #[error("its name leads out of the target directory; it is not restored")]
    UnsafeName,
    /// It is another name of a file that could not be restored.
    #[error("it is another name of {target}, which could not be restored")]
    LinkTarget {
        /// The other name, as a printable word.
        target: String,
    },
    /// It could not be created.
    #[error("it cannot be created")]
    NotCreated(#[source] io::Error),
    /// An extended attribute could not be set.
    #[error("its attribute {name} cannot be set")]
    AttributeRefused {
        /// The attribute, as a printable word.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An inode flag could not be set.
    #[error("its flag {flag} cannot be set")]
    FlagRefused {
        /// The flag, in the archive's word.
        flag: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The project could not be set.
    #[error("its project {project} cannot be set")]
    ProjectRefused {
        /// The project's number.
        project: u32,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody asked for it, and the backup does not have it.
    #[error("it is not in the backup")]
    NotInBackup,
    /// It is another name of a file that passed by in the stream and was not wanted.
    #[error("it is another name of {target}, which has passed by in the stream; ask for both")]
    PassedBy {
        /// The other name, as a printable word.
        target: String,
    },
    /// The stream ends before its end mark.
    #[error("it is truncated: it ends after {length} bytes, without an end mark")]
    Truncated {
        /// How many bytes came.
        length: u64,
    },
    /// The stream ends in the middle of it.
    #[error("the backup ends in the middle of it")]
    CutOff,
    /// The stream could not be read on.
    #[error("it cannot be read on after {length} bytes")]
    StreamUnreadable {
        /// How many bytes came.
        length: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The stream has something that no backup has.
    #[error("after {length} bytes comes what is no part of a backup")]
    Foreign {
        /// How many bytes came.
        length: u64,
    },
    /// The end mark's own hash is wrong, or it contradicts the stream.
    #[error("its end mark is damaged")]
    EndMarkDamaged,
    /// The seek table is not the one that the end mark describes.
    #[error("its seek table is damaged")]
    SeekTableDamaged,
    /// The end mark is one of a later format.
    #[error("it has format version {version}, which this Lifeboat does not read")]
    Newer {
        /// The format version.
        version: u32,
    },
    /// Owner, mode or time could not be set.
    #[error("its {what} cannot be set")]
    MetadataRefused {
        /// "owner", "mode" or "time".
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Trouble {
    /// The message number.
    fn number(&self) -> &'static str {
        match self {
            Self::SizeChanged { .. } => "0590-140",
            Self::Changed => "0590-141",
            Self::Unreadable(_) => "0590-142",
            Self::ReadPartly(_) => "0590-143",
            Self::Reserved => "0590-144",
            Self::AttributeUnreadable { .. } => "0590-145",
            Self::Vanished => "0590-146",
            Self::NotReached => "0590-147",
            Self::DamagedFrame { .. } => "0590-150",
            Self::UnreadableFrame { .. } => "0590-151",
            Self::WrongHash => "0590-152",
            Self::Missing => "0590-153",
            Self::Unlisted => "0590-154",
            Self::Malformed(_) => "0590-155",
            Self::ManifestDamaged => "0590-156",
            Self::NotInBackup => "0590-170",
            Self::PassedBy { .. } => "0590-171",
            Self::Truncated { .. } => "0590-172",
            Self::CutOff => "0590-179",
            Self::StreamUnreadable { .. } => "0590-173",
            Self::Foreign { .. } => "0590-174",
            Self::EndMarkDamaged => "0590-175",
            Self::SeekTableDamaged => "0590-176",
            Self::Newer { .. } => "0590-177",
            Self::UnsafeName => "0590-310",
            Self::LinkTarget { .. } => "0590-311",
            Self::NotCreated(_) => "0590-312",
            Self::AttributeRefused { .. } => "0590-313",
            Self::MetadataRefused { .. } => "0590-314",
            Self::FlagRefused { .. } => "0590-315",
            Self::ProjectRefused { .. } => "0590-316",
        }
    }

    /// The one to tell of two that pieces of a large file met: bytes that are lost
    /// before a size that is wrong, before a mere change. A size is seen late by who
    /// looks while it is being changed.
    pub(crate) fn graver(earlier: Option<Self>, later: Option<Self>) -> Option<Self> {
        let gravity = |trouble: &Self| match trouble {
            Self::Changed => 0,
            Self::SizeChanged { .. } => 1,
            _ => 2,
        };
        match (earlier, later) {
            (Some(earlier), Some(later)) if gravity(&later) > gravity(&earlier) => Some(later),
            (earlier, later) => earlier.or(later),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_printable_line() {
        let source = io::Error::from_raw_os_error(5);
        let finding = Finding::new(b"./a\nb", Trouble::ReadPartly(source));
        let text = finding.to_string();
        assert!(
            text.starts_with("0590-143 ./a\\x0ab: it cannot be read to its end"),
            "{text}"
        );
        assert!(text.contains("(Input/output error"), "{text}");
    }

    #[test]
    fn lost_bytes_are_told_before_a_mere_change() {
        let size = || Some(Trouble::SizeChanged { recorded: 1 });
        let lost = || Some(Trouble::ReadPartly(io::Error::from_raw_os_error(5)));
        let changed = || Some(Trouble::Changed);
        for (earlier, later, told) in [
            (changed(), size(), "0590-140"),
            (size(), changed(), "0590-140"),
            (changed(), lost(), "0590-143"),
            (lost(), size(), "0590-143"),
            (None, changed(), "0590-141"),
            (changed(), None, "0590-141"),
        ] {
            let graver = Trouble::graver(earlier, later);
            assert_eq!(graver.as_ref().map(Trouble::number), Some(told));
        }
        assert!(Trouble::graver(None, None).is_none());
    }
}
