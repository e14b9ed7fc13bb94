//! Reading a whole backup and writing nothing.

use std::convert::Infallible;
use std::io::Read;
use std::thread;

use crate::incoming::Incoming;
use crate::ledger::{Ledger, Notes};
use crate::manifest;
use crate::member::Member;
use crate::members::{Sink, read_members, read_stream};
use crate::open::Backup;
use crate::report::{Finding, Meter, Progress, Trouble};
use crate::sparse::Segment;
use crate::stream::{Effort, read};

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
        let mut report = VerifyReport::default();
        let manifest = self.manifest();
        if manifest.is_err() {
            report
                .damaged
                .push(Finding::new(manifest::PATH, Trouble::ManifestDamaged));
        }
        let manifest = manifest.ok();
        let mut meter = Meter::new(Some(self.mark().manifest_offset), progress);
        let mut ledger = Ledger::known(manifest.as_ref(), 0);
        let Ok(()) = read(self, 0..self.manifest_frame(), effort(), |stream| {
            read_members(stream, &mut ledger, &mut report, &mut meter)
        });
        ledger.finish(&mut |finding| report.lost(finding));
        meter.finish();
        report
    }
}

impl<R: Read + Send> Incoming<R> {
    /// Reads the stream to its end: every file's hash, every frame's checksum and
    /// hash, seek table and end mark. The backup is sound if nothing is in the
    /// report's `damaged`; a stream that ends early has that there.
    pub fn verify(self, progress: &mut dyn FnMut(Progress)) -> VerifyReport {
        let mut report = VerifyReport::default();
        let mut meter = Meter::new(None, progress);
        let mut notes = Notes::default();
        let (Ok(()), ended) = self.read(effort(), |stream| {
            read_stream(stream, &mut notes, &mut report, &mut meter)
        });
        report.damaged.extend(ended.judge(notes));
        meter.finish();
        report
    }
}

/// All processors.
fn effort() -> Effort {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    Effort {
        threads,
        memory: threads.saturating_mul(32 << 20),
    }
}

impl Sink for VerifyReport {
    type Error = Infallible;

    fn begin(&mut self, _: &Member, _: &[Segment]) -> Result<(), Infallible> {
        Ok(())
    }

    fn data(&mut self, _: &Member, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn end(&mut self, member: &Member) -> Result<(), Infallible> {
        self.members += 1;
        self.bytes += member.stored;
        Ok(())
    }

    fn abandon(&mut self, _: &Member) {}

    fn lost(&mut self, finding: Finding) {
        self.damaged.push(finding);
    }
}
