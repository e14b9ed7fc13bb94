//! Members on their way from the one thread that reads the stream to the several that
//! work on them.

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::crew::Crew;
use crate::ledger::Check;
use crate::member::Member;
use crate::report::Trouble;
use crate::sparse::Segment;
use crate::stock::Slice;

/// A member that begins.
pub(crate) struct Head {
    pub member: Member,
    /// Where in the file its data go.
    pub segments: Vec<Segment>,
    /// A sparse file's map as stored: the hash covers it.
    pub map: Vec<u8>,
    /// What its hash is checked against.
    pub check: Check,
    /// Bytes of data that come, and whether they come in one piece.
    pub length: u64,
    pub whole: bool,
}

/// A member for one thread, with what that thread needs for it.
pub(crate) struct Job<C> {
    /// Counted from the first member, for a report in order.
    pub number: u64,
    pub head: Head,
    pub context: C,
    data: Data,
}

/// The data of a member.
enum Data {
    /// In one piece, or none.
    Whole(Option<Slice>),
    /// Piece by piece; `None` after the last one. The memory for frames bounds how
    /// many wait.
    Coming(Receiver<Option<Slice>>),
}

/// The data of a member did not come to their end.
pub(crate) struct Cut;

impl<C> Job<C> {
    /// What is wrong with the data, where that can be said at once.
    pub fn verdict_now(&self) -> Option<Option<Trouble>> {
        let Data::Whole(slice) = &self.data else {
            return None;
        };
        let mut hasher = self.hasher();
        if let Some(slice) = slice {
            hasher.update(slice);
        }
        Some(self.verdict(&hasher))
    }

    /// What is wrong with the data, all of them being hashed.
    pub fn verdict(&self, hasher: &blake3::Hasher) -> Option<Trouble> {
        self.head.check.verdict(&self.head.member, hasher)
    }

    /// Where hashing begins.
    pub fn hasher(&self) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.head.map);
        hasher
    }

    /// The next piece of the data; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<Slice>, Cut> {
        match &mut self.data {
            Data::Whole(slice) => Ok(slice.take()),
            Data::Coming(slices) => slices.recv().map_err(|_| Cut),
        }
    }
}

/// Turns what is read in order into jobs for a crew.
pub(crate) struct Desk<'c, 'f, C> {
    pub crew: &'c mut Crew<'f, Job<C>>,
    number: u64,
    open: Open<C>,
}

/// The member that is being read.
enum Open<C> {
    /// None, or nobody wants it.
    Nothing,
    /// It waits for its data.
    Waiting(Box<Job<C>>),
    /// A thread has it and waits for its data.
    Given(Sender<Option<Slice>>),
}

impl<'c, 'f, C> Desk<'c, 'f, C> {
    pub fn new(crew: &'c mut Crew<'f, Job<C>>) -> Self {
        Self {
            crew,
            number: 0,
            open: Open::Nothing,
        }
    }

    /// The number of the member that begins now.
    pub fn next_number(&mut self) -> u64 {
        self.open = Open::Nothing;
        self.number += 2;
        self.number
    }

    /// The number of what is found between the member that began last and the next.
    pub fn between(&self) -> u64 {
        self.number + 1
    }

    /// A member for a thread: its data come next.
    pub fn begin(&mut self, head: Head, context: C) {
        let number = self.number;
        let whole = head.whole;
        let mut job = Job {
            number,
            head,
            context,
            data: Data::Whole(None),
        };
        if whole {
            self.open = Open::Waiting(Box::new(job));
        } else {
            let (sender, slices) = unbounded();
            job.data = Data::Coming(slices);
            self.crew.push(job, 0);
            // Nothing that comes later may keep the thread from it.
            self.crew.send();
            self.open = Open::Given(sender);
        }
    }

    /// The next piece of its data.
    pub fn data(&mut self, slice: Slice) {
        match &mut self.open {
            Open::Nothing => {}
            Open::Waiting(job) => job.data = Data::Whole(Some(slice)),
            // A thread that had to stop has told why.
            Open::Given(sender) => drop(sender.send(Some(slice))),
        }
    }

    /// Its data are complete.
    pub fn end(&mut self) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Waiting(job) => {
                let weight = usize::try_from(job.head.length).unwrap_or(usize::MAX);
                self.crew.push(*job, weight);
            }
            Open::Given(sender) => drop(sender.send(None)),
        }
    }

    /// Its data are damaged: nobody is to use them.
    pub fn abandon(&mut self) {
        self.open = Open::Nothing;
    }
}
