//! The running system before anything is changed: who else is at work, what there is,
//! what of it is wanted, and whether it will fit.

use std::path::{Path, PathBuf};

use lifeboat_archive::{Survey, Tree};
use lifeboat_layout::system::{Mounted, System, Unsaved, Wanted, probe};

use crate::describe::must_be_root;
use crate::error::BackupError;
use crate::job::{Job, Notes, bytes_of, tree};
use crate::lock::{Lock, PLACE};
use crate::report::{Note, Step};
use crate::scaffold::Scaffold;
use crate::selection::Chosen;
use crate::snapshot::{self, Held};
use crate::target::{Room, room};

/// The running system, looked at, with nothing changed yet.
pub(crate) struct Ground {
    pub system: System,
    /// Those that are in the backup.
    pub file_systems: Vec<Mounted>,
    /// Of a volume group on its own.
    scaffold: Option<Scaffold>,
    hidden: Vec<PathBuf>,
    /// Last, so that it outlives all that it guards.
    _lock: Lock,
}

impl Ground {
    /// Looks at the system: who we are, who else is at work, what there is.
    pub fn find(
        job: &Job<'_>,
        wanted: &Wanted,
        notes: &mut Notes<'_>,
    ) -> Result<Self, BackupError> {
        must_be_root()?;
        let lock = Lock::take(Path::new(PLACE))?;
        job.observer.step(Step::Probe);
        let mut system = probe(wanted)?;
        let stale = snapshot::remove_stale(&system.file_systems)?;
        if !stale.is_empty() {
            notes.add(Note::Stale(stale));
            system = probe(wanted)?;
        }
        let mut file_systems = system.file_systems.clone();
        if let Wanted::Group(name) = wanted
            && file_systems.iter().any(|fs| fs.mount == Path::new("/"))
        {
            return Err(BackupError::RootGroup(name.clone()));
        }
        if job.request.description_only {
            file_systems.clear();
        }
        for without in &job.choice.without {
            let before = file_systems.len() + system.unmounted.len();
            file_systems.retain(|mounted| mounted.mount != *without);
            // What is left out anyway may as well not be mounted.
            system.unmounted.retain(
                |unsaved| !matches!(unsaved, Unsaved::NotMounted { mount, .. } if mount == without),
            );
            if file_systems.len() + system.unmounted.len() == before {
                notes.add(Note::NothingThere {
                    list: job.request.without.clone().unwrap_or_default(),
                    mount: without.clone(),
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
        Ok(Self {
            system,
            file_systems,
            scaffold,
            hidden: hidden.unwrap_or_default(),
            _lock: lock,
        })
    }

    /// Counts what there is to store, where that matters, and whether it will fit.
    pub fn room(
        &self,
        job: &Job<'_>,
        notes: &mut Notes<'_>,
    ) -> Result<Option<Survey>, BackupError> {
        let directory = job.target.directory();
        if directory.is_none() && !job.observer.wants_total() {
            return Ok(None);
        }
        let found = job.survey(&self.trees(None), &self.chosen(job), true)?;
        if let Some(directory) = directory {
            let bytes = bytes_of(&found);
            if let Room::Scarce(free) = room(directory, bytes, job.request.options.pack)? {
                notes.add(Note::Scarce {
                    directory: directory.to_owned(),
                    free,
                    needed: bytes >> 20,
                });
            }
        }
        if let Some(own) = job.request.target.own_files()
            && let Some(mount) = mount_of(own.directory())
            && self.file_systems.iter().any(|fs| fs.mount == mount)
        {
            notes.add(Note::Inside {
                directory: own.directory().to_owned(),
                mount,
            });
        }
        Ok(Some(found))
    }

    /// The file systems, from their snapshots where there are any.
    pub fn trees(&self, held: Option<&Held>) -> Vec<Tree> {
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

    /// Decides for each file of them.
    pub fn chosen<'a>(&'a self, job: &Job<'a>) -> Chosen<'a> {
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
