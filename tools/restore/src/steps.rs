//! The steps of a restore: each is announced, done, and recorded in the verdict.

use std::error::Error;
use std::fs::File;

use lifeboat_archive::{ExtractError, ExtractReport, Progress};
use lifeboat_sys::fs::{FsError, PathContext, create_dir_all};
use nix::fcntl::{Flock, FlockArg};

use crate::verdict::Verdict;

/// Of the lock and the places where things are mounted.
pub(crate) const RUN: &str = "/run/lifeboat";
/// Held while a restore runs.
const LOCK: &str = "/run/lifeboat/restore.lock";

/// Who watches a restore.
pub trait Observer {
    /// A step begins; `what` follows "now:".
    fn begin(&mut self, what: &str);
    /// The step that restores files has done this many of so many bytes; of a stream
    /// nobody knows how many there are.
    fn progress(&mut self, done: u64, total: Option<u64>);
}

/// A step failed; the verdict has the details.
pub(crate) struct Stopped;

/// The files are not all there.
#[derive(Debug, thiserror::Error)]
enum FilesError {
    #[error(transparent)]
    Extract(#[from] ExtractError),
    #[error("0590-459 {0} findings: files are missing or not as they were; each is named below")]
    NotAsTheyWere(usize),
}

/// Another restore is running.
#[derive(Debug, thiserror::Error)]
pub enum AloneError {
    /// The lock cannot be taken.
    #[error(transparent)]
    File(#[from] FsError),
    /// Somebody else has it.
    #[error("0590-458 Another console of this machine is restoring; nothing was written from here")]
    Other,
}

/// Takes the lock that only one restore can hold.
pub(crate) fn alone() -> Result<Flock<File>, AloneError> {
    create_dir_all(RUN)?;
    let file = File::create(LOCK).at("create", LOCK)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| AloneError::Other)
}

/// What has been done so far, and who is told of it.
pub(crate) struct Steps<'a> {
    pub(crate) observer: &'a mut dyn Observer,
    pub(crate) verdict: Verdict,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(observer: &'a mut dyn Observer, verdict: Verdict) -> Self {
        Self { observer, verdict }
    }

    /// Does one step and records how it came out.
    pub(crate) fn step<T, E: Error + 'static>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<(T, String), E>,
    ) -> Result<T, Stopped> {
        self.observer.begin(what);
        log::info!("step: {what}");
        match work(self) {
            Ok((value, found)) => {
                self.verdict.pass(what, found);
                Ok(value)
            }
            Err(error) => {
                self.verdict.fail(what, &error);
                Err(Stopped)
            }
        }
    }

    /// The step that restores files. Every one that is missing, or not as it was, is
    /// named in the verdict. `total` bytes will have been read at its end.
    pub(crate) fn files(
        &mut self,
        total: Option<u64>,
        extract: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<ExtractReport, ExtractError>,
    ) -> Result<(), Stopped> {
        let mut findings = Vec::new();
        let restored = self.step("files", |steps| {
            let mut progress = |p: Progress| steps.observer.progress(p.done, p.total.or(total));
            let report = extract(&mut progress)?;
            findings.extend(report.damaged);
            findings.extend(report.refused);
            if findings.is_empty() {
                Ok((
                    (),
                    format!(
                        "{} files, {} bytes, every hash checked",
                        report.files, report.bytes
                    ),
                ))
            } else {
                Err(FilesError::NotAsTheyWere(findings.len()))
            }
        });
        for finding in findings {
            self.verdict.problem(finding.to_string());
        }
        restored
    }

    /// The verdict.
    pub(crate) fn end(self) -> Verdict {
        log::info!("{}", self.verdict.text());
        self.verdict
    }
}
