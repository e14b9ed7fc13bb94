//! The pipeline: look, describe, count, take snapshots, write, read back.

use std::path::Path;
use std::time::Instant;

use lifeboat_archive::Finding;
use lifeboat_layout::system::Wanted;
use lifeboat_sys::fs::read;

use crate::date::date;
use crate::describe;
use crate::error::BackupError;
use crate::ground::Ground;
use crate::job::{Job, Notes, Outcome, tree};
use crate::report::{Observer, Preview, Report};
use crate::request::{Request, What};
use crate::selection::{Choice, Chosen};
use crate::snapshot;
use crate::target::{GROUP_SUFFIX, SUFFIX, Target, TargetError};

/// Makes a backup.
///
/// [`Request::stop`] is also set from here, when a snapshot overflows.
///
/// # Errors
/// [`BackupError`]; what was written until then is removed, as are the snapshots.
pub fn run(request: &Request, observer: &dyn Observer) -> Result<Report, BackupError> {
    let start = Instant::now();
    if request.verify && matches!(request.target, Target::Stdout | Target::Pipe(_)) {
        return Err(TargetError::NotReadable(request.target.name()).into());
    }
    let choice = Choice::read(request)?;
    let job = Job {
        request,
        observer,
        choice: &choice,
        target: named(request)?,
    };
    let mut notes = Notes::new(observer);
    let outcome = match &request.what {
        What::Tree {
            root,
            image_data,
            bosinst_data,
        } => job.tree(root, read(image_data)?, read(bosinst_data)?, &mut notes)?,
        What::Running(wanted) => job.running(wanted, &mut notes)?,
    };
    let Outcome {
        report,
        verified,
        file_systems,
        apart,
    } = outcome;
    let (harmless, missing) = sort(report.left_out);
    Ok(Report {
        target: job.target.name(),
        totals: report.totals,
        file_systems,
        apart,
        changed: report.changed,
        missing,
        harmless,
        notes: notes.all,
        verified,
        time: start.elapsed(),
    })
}

/// Says what a backup would do, and does nothing of it.
///
/// # Errors
/// [`BackupError`].
pub fn preview(request: &Request, observer: &dyn Observer) -> Result<Preview, BackupError> {
    let choice = Choice::read(request)?;
    let job = Job {
        request,
        observer,
        choice: &choice,
        target: request.target.clone(),
    };
    let mut notes = Notes::new(observer);
    let (found, file_systems) = match &request.what {
        What::Tree { root, .. } => {
            let trees = [tree("/", root)];
            let chosen = Chosen::new(&choice, observer).counting();
            (job.survey(&trees, &chosen, false)?, Vec::new())
        }
        What::Running(wanted) => {
            let ground = Ground::find(&job, wanted, &mut notes)?;
            for note in describe::notes(&ground.system) {
                notes.add(note);
            }
            let planned = snapshot::plan(&ground.file_systems, request.snapshots)?;
            let chosen = ground.chosen(&job).counting();
            let found = job.survey(&ground.trees(None), &chosen, true)?;
            notes.not_reached(chosen);
            (found, planned)
        }
    };
    let (_, missing) = sort(found.left_out);
    Ok(Preview {
        files: found.files,
        bytes: found.bytes,
        file_systems,
        excluded: choice
            .exclude
            .map(|patterns| patterns.matched())
            .unwrap_or_default(),
        missing,
        notes: notes.all,
    })
}

/// Findings without consequence, and those with.
fn sort(findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    // Every system has these two, and every backup has its own.
    let own = ["./image.data", "./bosinst.data"].map(Path::new);
    let findings = findings
        .into_iter()
        .filter(|finding| !own.contains(&finding.path.as_path()));
    findings.partition(Finding::is_harmless)
}

/// A directory becomes a new file in it, named after the system, the volume group if it
/// is one on its own, and the time.
fn named(request: &Request) -> Result<Target, BackupError> {
    let Target::Directory(directory) = &request.target else {
        return Ok(request.target.clone());
    };
    let host = nix::unistd::gethostname().unwrap_or_default();
    let host = host.to_string_lossy();
    let host = host.split('.').next().filter(|host| !host.is_empty());
    let time = date("+%Y%m%d-%H%M%S")?;
    let host = host.unwrap_or("system");
    let name = match &request.what {
        What::Running(Wanted::Group(group)) => format!("{host}-{group}-{time}{GROUP_SUFFIX}"),
        What::Running(Wanted::Root) | What::Tree { .. } => format!("{host}-{time}{SUFFIX}"),
    };
    Ok(Target::File(directory.join(name)))
}
