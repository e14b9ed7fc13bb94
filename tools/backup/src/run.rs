//! The pipeline: look, describe, count, take snapshots, write, read back.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lifeboat_archive::{
    CreateError, CreateReport, Finding, Progress, Source, Summary, Survey, Tree, survey,
};
use lifeboat_layout::system::{Mounted, System, Wanted, probe};
use lifeboat_sys::fs::read;
use lifeboat_sys::run::Tool;

use crate::describe;
use crate::error::BackupError;
use crate::lock::{Lock, PLACE};
use crate::log::{Entry, LOG, add};
use crate::report::{Note, Observer, Preview, Report, Step};
use crate::request::{ImageData, Request, Snapshots, What};
use crate::scaffold::Scaffold;
use crate::selection::{Choice, Chosen};
use crate::snapshot::{self, Held, Planned, Way, Why};
use crate::target::{GROUP_SUFFIX, Room, SUFFIX, Target, TargetError, room};
use crate::write::{Written, write};

/// Bytes of headers for a file, roughly: what a survey does not count.
const HEADERS: u64 = 1536;

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
        } => job.tree(root, read(image_data)?, read(bosinst_data)?)?,
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
            let ground = job.ground(wanted, &mut notes)?;
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

/// The time as `date` writes it, in the system's time zone.
fn date(format: &str) -> Result<String, BackupError> {
    let output = Tool::new("date").arg(format).run()?;
    Ok(output.text().trim().to_owned())
}

fn tree(at: impl Into<PathBuf>, from: impl Into<PathBuf>) -> Tree {
    Tree {
        at: at.into(),
        from: from.into(),
    }
}

/// What was done.
struct Outcome {
    report: CreateReport,
    verified: Option<u64>,
    file_systems: Vec<Planned>,
    apart: Option<Duration>,
}

/// Notes, told when they are made and kept for the report.
struct Notes<'a> {
    observer: &'a dyn Observer,
    all: Vec<Note>,
}

impl<'a> Notes<'a> {
    fn new(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            all: Vec::new(),
        }
    }

    fn add(&mut self, note: Note) {
        self.observer.note(&note);
        self.all.push(note);
    }

    fn not_reached(&mut self, chosen: Chosen<'_>) {
        for mount in chosen.not_reached() {
            self.add(Note::NotReached(mount));
        }
    }
}

/// The running system, looked at, with nothing changed yet.
struct Ground {
    system: System,
    /// Those that are in the backup.
    file_systems: Vec<Mounted>,
    /// Of a volume group on its own.
    scaffold: Option<Scaffold>,
    hidden: Vec<PathBuf>,
    /// Last, so that it outlives all that it guards.
    _lock: Lock,
}

impl Ground {
    /// The file systems, from their snapshots where there are any.
    fn trees(&self, held: Option<&Held>) -> Vec<Tree> {
        let scaffold = self
            .scaffold
            .iter()
            .map(|scaffold| tree("/", scaffold.root()));
        let mounted = self.file_systems.iter().map(|mounted| {
            let place = held.and_then(|held| held.place_of(&mounted.mount));
            tree(&mounted.mount, place.unwrap_or(&mounted.mount))
        });
        scaffold.chain(mounted).collect()
    }

    fn chosen<'a>(&'a self, job: &Job<'a>) -> Chosen<'a> {
        let mounts = self
            .file_systems
            .iter()
            .map(|mounted| mounted.mount.clone());
        Chosen::new(job.choice, job.observer)
            .without_output(job.request.target.own_files(), Path::new("/"))
            .hiding(&self.hidden)
            .awaiting(mounts)
    }
}

struct Job<'a> {
    request: &'a Request,
    observer: &'a dyn Observer,
    choice: &'a Choice,
    /// The target, a file of a directory.
    target: Target,
}

impl Job<'_> {
    /// Backs up a directory tree.
    fn tree(&self, root: &Path, image: Vec<u8>, bosinst: Vec<u8>) -> Result<Outcome, BackupError> {
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

    /// Backs up the running system, or a volume group of it.
    fn running(&self, wanted: &Wanted, notes: &mut Notes<'_>) -> Result<Outcome, BackupError> {
        let ground = self.ground(wanted, notes)?;
        let image_data = self.request.image_data;
        let description = match image_data {
            ImageData::Make { maps } => describe::make(wanted, &ground.system, maps)?,
            ImageData::Existing => describe::existing(wanted, &ground.system)?,
        };
        let (full_size, shrink_size) = description.sizes();
        let (level, image) = (description.level(), description.document.to_string());
        for note in description.notes {
            notes.add(note);
        }
        let bosinst = match wanted {
            // Nothing is installed from a volume group on its own.
            Wanted::Group(_) => String::new(),
            Wanted::Root => {
                let disks: Vec<_> = ground.system.disks.iter().collect();
                describe::settings(Path::new("/"), image_data, &disks)?
            }
        };
        let summary = Summary {
            bosinst: bosinst.into_bytes(),
            image: image.into_bytes(),
            info: describe::info(),
        };
        let total = self.room(&ground, notes)?;
        let (mut planned, mut held) = self.snapshots(&ground)?;
        for planned in &planned {
            if let Way::Live(why) = &planned.way
                && *why != Why::NotWanted
            {
                notes.add(Note::Live {
                    mount: planned.mount.clone(),
                    why: why.clone(),
                });
            }
        }
        let apart = (held.len() > 0).then_some(held.apart);
        let chosen = ground.chosen(self);
        let staged = self.request.verify || apart.is_some();
        let trees = ground.trees(Some(&held));
        let result = self.write(summary, &trees, &chosen, true, total.as_ref(), staged);
        // What is wrong with a snapshot says more than what it did to the backup.
        let checked = held.check();
        for error in held.remove() {
            notes.add(Note::Snapshot(error));
        }
        let (report, written) = match (result, checked) {
            (Ok(done), Ok(())) => done,
            (Ok((_, written)), Err(error)) => {
                written.discard();
                return Err(error.into());
            }
            (Err(_), Err(error)) if error.is_loss() => return Err(error.into()),
            (Err(error), _) => return Err(error),
        };
        notes.not_reached(chosen);
        let verified = self.finish(written, &report)?;
        let entry = Entry {
            device: self.target.name(),
            command: self.request.command.clone(),
            date: date("+%a %b %e %H:%M:%S %Z %Y")?,
            shrink_size,
            full_size,
            level,
        };
        if let Err(error) = add(Path::new(LOG), &entry) {
            notes.add(Note::NotLogged(error));
        }
        planned.retain(|planned| {
            ground
                .file_systems
                .iter()
                .any(|fs| fs.mount == planned.mount)
        });
        Ok(Outcome {
            report,
            verified,
            file_systems: planned,
            apart,
        })
    }

    /// Looks at the system: who we are, who else is at work, what there is.
    fn ground(&self, wanted: &Wanted, notes: &mut Notes<'_>) -> Result<Ground, BackupError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(BackupError::NotRoot);
        }
        let lock = Lock::take(Path::new(PLACE))?;
        let stale = snapshot::remove_stale()?;
        if !stale.is_empty() {
            notes.add(Note::Stale(stale));
        }
        self.observer.step(Step::Probe);
        let system = probe(wanted)?;
        let mut file_systems = system.file_systems.clone();
        if let Wanted::Group(name) = wanted
            && file_systems.iter().any(|fs| fs.mount == Path::new("/"))
        {
            return Err(BackupError::RootGroup(name.clone()));
        }
        if self.request.description_only {
            file_systems.clear();
        }
        for mount in &self.choice.without {
            let before = file_systems.len();
            file_systems.retain(|mounted| mounted.mount != *mount);
            if file_systems.len() == before {
                notes.add(Note::NothingThere {
                    list: self.request.without.clone().unwrap_or_default(),
                    mount: mount.clone(),
                });
            }
        }
        let scaffold = match wanted {
            Wanted::Root => None,
            Wanted::Group(_) => {
                let mounts: Vec<_> = file_systems.iter().map(|fs| fs.mount.clone()).collect();
                Some(Scaffold::build(Path::new(PLACE).join("scaffold"), &mounts)?)
            }
        };
        let hidden = scaffold.as_ref().map(|_| Scaffold::hidden());
        Ok(Ground {
            system,
            file_systems,
            scaffold,
            hidden: hidden.unwrap_or_default(),
            _lock: lock,
        })
    }

    /// Counts what there is to store, where that matters, and whether it will fit.
    fn room(&self, ground: &Ground, notes: &mut Notes<'_>) -> Result<Option<Survey>, BackupError> {
        let directory = self.target.directory();
        if directory.is_none() && !self.observer.wants_total() {
            return Ok(None);
        }
        let found = self.survey(&ground.trees(None), &ground.chosen(self), true)?;
        if let Some(directory) = directory {
            let bytes = found.bytes + found.files * HEADERS;
            if let Room::Scarce(free) = room(directory, bytes, self.request.options.pack)? {
                notes.add(Note::Scarce {
                    directory: directory.to_owned(),
                    free,
                    needed: bytes >> 20,
                });
            }
        }
        if let Some(own) = self.request.target.own_files()
            && let Some(mount) = mount_of(own.directory())
            && ground.file_systems.iter().any(|fs| fs.mount == mount)
        {
            notes.add(Note::Inside {
                directory: own.directory().to_owned(),
                mount,
            });
        }
        Ok(Some(found))
    }

    fn snapshots(&self, ground: &Ground) -> Result<(Vec<Planned>, Held), BackupError> {
        let wanted = self.request.snapshots;
        let mut planned = snapshot::plan(&ground.file_systems, wanted)?;
        if planned
            .iter()
            .any(|planned| matches!(planned.way, Way::Snapshot(_)))
        {
            self.observer.step(Step::Snapshots);
        }
        let must = wanted == Snapshots::Always;
        let held = Held::take(&mut planned, must, &self.request.stop)?;
        Ok((planned, held))
    }

    fn survey(
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

    fn write(
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
        let total = total.map(|found| found.bytes + found.files * HEADERS);
        let mut progress = |progress: Progress| {
            let total = total.map(|total| total.max(progress.done));
            self.observer.progress(Progress { total, ..progress });
        };
        let (options, stop) = (&self.request.options, &self.request.stop);
        write(&source, &self.target, options, staged, stop, &mut progress)
    }

    /// Reads back what was written, if that is wanted, and gives it its name.
    fn finish(&self, written: Written, report: &CreateReport) -> Result<Option<u64>, BackupError> {
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

/// The file system that a directory lies on, by where it is mounted.
fn mount_of(directory: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| path.metadata().map(|there| there.dev()).ok();
    let here = device(directory)?;
    let above = directory
        .ancestors()
        .take_while(|above| device(above) == Some(here));
    above.last().map(Path::to_owned)
}
