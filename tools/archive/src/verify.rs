//! Reading a whole backup and writing nothing.

use std::convert::Infallible;
use std::thread;

use crate::manifest;
use crate::member::Member;
use crate::members::{Sink, read_members};
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
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut report = VerifyReport::default();
        let manifest = self.manifest();
        if manifest.is_err() {
            report
                .damaged
                .push(Finding::new(manifest::PATH, Trouble::ManifestDamaged));
        }
        let manifest = manifest.ok();
        let effort = Effort {
            threads,
            memory: threads.saturating_mul(32 << 20),
        };
        let mut meter = Meter::new(self.mark().manifest_offset, progress);
        let Ok(()) = read(self, 0..self.manifest_frame(), effort, |stream| {
            read_members(stream, manifest.as_ref(), &mut report, &mut meter)
        });
        report
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
