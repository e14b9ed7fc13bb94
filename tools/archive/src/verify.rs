//! Reading a whole backup and writing nothing.

use std::convert::Infallible;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::crew::{self, Crew};
use crate::incoming::Incoming;
use crate::intake::Effort;
use crate::job::{Cut, Desk, Head, Job};
use crate::ledger::{Ledger, Notes};
use crate::manifest;
use crate::members::{Sink, read_members, read_stream};
use crate::open::Backup;
use crate::report::{Finding, Meter, Progress, Trouble};
use crate::stock::Slice;

/// What a verification found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Members that are as the manifest says.
    pub members: u64,
    /// Bytes of data in them.
    pub bytes: u64,
    /// Every file that is not.
    pub damaged: Vec<Finding>,
}

impl Backup {
    /// Reads everything: every frame's hash and checksum, every file's hash. The
    /// backup is sound if nothing is in the report's `damaged`.
    pub fn verify(&self, progress: &mut dyn FnMut(Progress)) -> VerifyReport {
        let checked = Checked::default();
        let manifest = self.manifest();
        if manifest.is_err() {
            let damaged = Finding::new(manifest::PATH, Trouble::ManifestDamaged);
            checked.lost(0, damaged);
        }
        let manifest = manifest.ok();
        let mut meter = Meter::new(Some(self.mark().manifest_offset), progress);
        let mut ledger = Ledger::known(manifest.as_ref());
        verify(&checked, |verification| {
            self.read(0..self.manifest_frame(), effort(), |stream| {
                read_members(stream, &mut ledger, verification, &mut meter)
            })
        });
        ledger.finish(&mut |finding| checked.lost(u64::MAX, finding));
        meter.finish();
        checked.report()
    }
}

impl<R: Read + Send> Incoming<R> {
    /// Reads the stream to its end: every file's hash, every frame's checksum and
    /// hash, seek table and end mark. The backup is sound if nothing is in the
    /// report's `damaged`; a stream that ends early has that there.
    pub fn verify(self, progress: &mut dyn FnMut(Progress)) -> VerifyReport {
        let checked = Checked::default();
        let mut meter = Meter::new(None, progress);
        let mut notes = Notes::default();
        let ended = verify(&checked, |verification| {
            let (read, ended) = self.read(effort(), |stream| {
                read_stream(stream, &mut notes, verification, &mut meter)
            });
            read.map(|()| ended)
        });
        for finding in ended.judge(notes) {
            checked.lost(u64::MAX, finding);
        }
        meter.finish();
        checked.report()
    }
}

/// All processors.
fn effort() -> Effort {
    let threads = threads();
    Effort {
        threads,
        memory: threads.saturating_mul(32 << 20),
    }
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What the threads of a verification found.
#[derive(Default)]
struct Checked(Mutex<(VerifyReport, Vec<(u64, Finding)>)>);

impl Checked {
    /// A file that is not as it should be, and the number of its member.
    fn lost(&self, number: u64, finding: Finding) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.1.push((number, finding));
    }

    /// Checks one member.
    fn check(&self, mut job: Job<()>) {
        let mut hasher = job.hasher();
        loop {
            match job.next() {
                Ok(Some(slice)) => drop(hasher.update(&slice)),
                Ok(None) => break,
                // Whoever read the stream knows what is damaged, and says it.
                Err(Cut) => return,
            }
        }
        let wrong = job.verdict(&hasher);
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (report, findings) = &mut *found;
        if let Some(trouble) = wrong {
            findings.push((job.number, Finding::new(&job.head.member.path, trouble)));
        } else {
            report.members += 1;
            report.bytes += job.head.member.stored;
        }
    }

    /// The report, in the order of the stream whichever thread was faster.
    fn report(self) -> VerifyReport {
        let found = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut report, mut findings) = found;
        findings.sort_by_key(|(number, _)| *number);
        report.damaged = findings.into_iter().map(|(_, finding)| finding).collect();
        report
    }
}

/// Runs a verification with its threads.
fn verify<T>(
    checked: &Checked,
    read: impl FnOnce(&mut Verification<'_, '_, '_>) -> Result<T, Infallible>,
) -> T {
    let lead = |crew: &mut Crew<'_, Job<()>>| {
        let desk = Desk::new(crew);
        let Ok(read) = read(&mut Verification { desk, checked });
        read
    };
    crew::run(threads(), |job| checked.check(job), lead)
}

/// A verification under way.
struct Verification<'c, 'f, 's> {
    desk: Desk<'c, 'f, ()>,
    checked: &'s Checked,
}

impl Sink for Verification<'_, '_, '_> {
    type Error = Infallible;

    fn begin(&mut self, head: Head) -> Result<(), Infallible> {
        self.desk.next_number();
        self.desk.begin(head, ());
        Ok(())
    }

    fn data(&mut self, slice: Slice) -> Result<(), Infallible> {
        self.desk.data(slice);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Infallible> {
        self.desk.end();
        Ok(())
    }

    fn abandon(&mut self) {
        self.desk.abandon();
    }

    fn lost(&mut self, finding: Finding) {
        self.checked.lost(self.desk.between(), finding);
    }

    fn settle(&mut self) {
        self.desk.crew.settle();
    }
}
