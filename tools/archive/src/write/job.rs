//! What goes through the pipeline: jobs, each of which becomes a frame, and what
//! there is to tell when it is done.

use std::ops::Range;
use std::sync::Arc;

use blake3::hazmat::ChainingValue;
use nix::sys::stat::FileStat;

use super::large::Large;
use super::listing;
use crate::manifest::Entry;
use crate::member::Member;
use crate::report::{Finding, Trouble};

/// A piece of the stream, long enough for a frame.
#[derive(Default)]
pub(crate) struct Job {
    pub parts: Vec<Part>,
    /// Store it as it is, without compression.
    pub unpacked: bool,
}

/// What the stream consists of.
pub(crate) enum Part {
    /// A member of the backup's own.
    Own(Member, Vec<u8>),
    /// The headers of a member whose data come in other parts.
    Header(Vec<u8>),
    /// A piece of the manifest.
    Lines(listing::Piece),
    /// Anything else.
    Bytes(Vec<u8>),
    /// A whole file.
    File(Item),
    /// A piece of a large file.
    Piece(Piece),
    /// A file that is not stored.
    LeftOut(Finding),
}

/// A file that is read when its turn comes.
pub(crate) struct Item {
    /// Which of the roots it is below.
    pub root: usize,
    /// Its path in the backup.
    pub path: Vec<u8>,
    /// What the walk saw.
    pub stat: FileStat,
    pub what: What,
}

/// What is done with a file.
pub(crate) enum What {
    /// Everything of it is stored.
    Whole,
    /// A directory that nobody must open.
    Covered,
    /// A further name of the file that has this path.
    Link(Vec<u8>),
}

/// Some grains of a large file.
pub(crate) struct Piece {
    pub file: Arc<Large>,
    pub grains: Range<u64>,
}

/// A job that is done.
pub(crate) struct Done {
    /// Usually one.
    pub frames: Vec<Packed>,
    pub notes: Vec<Note>,
}

/// A compressed frame.
pub(crate) struct Packed {
    pub bytes: Vec<u8>,
    /// The length of its content.
    pub raw: u32,
    pub hash: [u8; 16],
    /// Where in its content the first member begins.
    pub first_member: Option<u64>,
}

/// What there is to tell of a job, in the order of the stream. Offsets count from
/// the job's first byte.
pub(crate) enum Note {
    /// A member is stored.
    Stored(Entry),
    /// A large file begins; its hash is not known yet.
    Begun(Entry),
    /// A piece of it was read, with these hashes of its grains.
    Read {
        file: Arc<Large>,
        grains: Vec<ChainingValue>,
        trouble: Option<Trouble>,
        is_last: bool,
    },
    Changed(Finding),
    LeftOut(Finding),
}
