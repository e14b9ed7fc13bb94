//! A backup being made: the steps that every kind of backup has.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use lifeboat_archive::{
    CreateError, CreateReport, Progress, Source, Summary, Survey, Tree, survey,
};

use crate::describe;
use crate::error::BackupError;
use crate::maps;
use crate::report::{Note, Observer, Step};
use crate::request::Request;
use crate::selection::{Choice, Chosen};
use crate::snapshot::Planned;
use crate::target::Target;
use crate::write::{Written, write};

/// What was done.
pub(crate) struct Outcome {
    pub report: CreateReport,
    pub verified: Option<u64>,
    pub file_systems: Vec<Planned>,
    pub apart: Option<Duration>,
}

/// Notes, told when they are made and kept for the report.
pub(crate) struct Notes<'a> {
    observer: &'a dyn Observer,
    pub all: Vec<Note>,
}

impl<'a> Notes<'a> {
    pub fn new(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            all: Vec::new(),
        }
    }

    pub fn add(&mut self, note: Note) {
        self.observer.note(&note);
        self.all.push(note);
    }

    pub fn not_reached(&mut self, chosen: Chosen<'_>) {
        for mount in chosen.not_reached() {
            self.add(Note::NotReached(mount));
        }
    }
}

/// A backup being made.
pub(crate) struct Job<'a> {
    pub request: &'a Request,
    pub observer: &'a dyn Observer,
    pub choice: &'a Choice,
    /// The target, with a directory's new file for a directory.
    pub target: Target,
}

impl Job<'_> {
    /// Backs up a directory tree.
    pub fn tree(
        &self,
        root: &Path,
        image: Vec<u8>,
        bosinst: Vec<u8>,
        notes: &mut Notes<'_>,
    ) -> Result<Outcome, BackupError> {
        let trees = [tree("/", root)];
        let own = || self.request.target.own_files();
        let chosen = || Chosen::new(self.choice, self.observer).without_output(own(), root);
        let total = if self.observer.wants_total() {
            Some(self.survey(&trees, &chosen(), false)?)
        } else {
            None
        };
        let summary = Summary {
            bosinst,
            maps: maps::named(root, &image, notes),
            image,
            info: describe::info(),
        };
        let (report, written) = self.write(
            summary,
            &trees,
            &chosen(),
            false,
            total.as_ref(),
            self.request.verify,
        )?;
        let verified = self.finish(written, &report)?;
        Ok(Outcome {
            report,
            verified,
            file_systems: Vec::new(),
            apart: None,
        })
    }

    /// Counts what there is to store.
    pub fn survey(
        &self,
        trees: &[Tree],
        chosen: &Chosen<'_>,
        one_file_system: bool,
    ) -> Result<Survey, BackupError> {
        self.observer.step(Step::Count);
        let source = Source {
            summary: Summary::default(),
            trees,
            selection: chosen,
            one_file_system,
        };
        survey(&source, Some(&self.request.stop)).map_err(|error| match error {
            CreateError::Interrupted => BackupError::Interrupted,
            error => BackupError::Create(error),
        })
    }

    /// Writes, but gives no name yet to what is staged.
    pub fn write(
        &self,
        summary: Summary,
        trees: &[Tree],
        chosen: &Chosen<'_>,
        one_file_system: bool,
        total: Option<&Survey>,
        staged: bool,
    ) -> Result<(CreateReport, Written), BackupError> {
        if self.request.stop.load(Ordering::Relaxed) {
            return Err(BackupError::Interrupted);
        }
        self.observer.step(Step::Write);
        let source = Source {
            summary,
            trees,
            selection: chosen,
            one_file_system,
        };
        let total = total.map(bytes_of);
        let mut progress = |progress: Progress| {
            let total = total.map(|total| total.max(progress.done));
            self.observer.progress(Progress { total, ..progress });
        };
        let (options, stop) = (&self.request.options, &self.request.stop);
        write(&source, &self.target, options, staged, stop, &mut progress)
    }

    /// Reads back what was written, if that is wanted, and gives it its name.
    pub fn finish(
        &self,
        written: Written,
        report: &CreateReport,
    ) -> Result<Option<u64>, BackupError> {
        let verified = if self.request.verify {
            self.observer.step(Step::Verify);
            let total = Some(report.totals.bytes_raw);
            let mut progress = |progress: Progress| {
                self.observer.progress(Progress { total, ..progress });
            };
            match written.verify(&self.request.stop, &mut progress) {
                Ok(files) => Some(files),
                Err(error) => {
                    written.discard();
                    return Err(error);
                }
            }
        } else {
            None
        };
        written.keep()?;
        Ok(verified)
    }
}

/// A file system of the backup, and where it is read.
pub(crate) fn tree(at: impl Into<PathBuf>, from: impl Into<PathBuf>) -> Tree {
    Tree {
        at: at.into(),
        from: from.into(),
    }
}

/// What a survey found, with the headers that it does not count.
pub(crate) fn bytes_of(found: &Survey) -> u64 {
    const HEADERS: u64 = 1536;
    found.bytes + found.files * HEADERS
}
