//! Backing up the running system.

use std::path::Path;

use lifeboat_archive::Summary;
use lifeboat_devices::rda;
use lifeboat_layout::system::Wanted;
use lifeboat_sys::fs::{FsError, create_dir_all, replace};

use crate::date::date;
use crate::describe;
use crate::error::BackupError;
use crate::ground::Ground;
use crate::headers;
use crate::job::{Job, Notes, Outcome};
use crate::log::{Entry, LOG, add};
use crate::maps;
use crate::report::{Note, Step};
use crate::request::{ImageData, Snapshots};
use crate::snapshot::{self, Held, Planned, Way, Why};

/// Records how devices are set, for the first boot of a restored system.
fn attributes() -> Result<(), FsError> {
    let path = Path::new("/").join(rda::SCRIPT);
    create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    replace(&path, rda::collect().as_bytes(), 0o700)
}

impl Job<'_> {
    /// Backs up the running system, or a volume group of it.
    pub fn running(&self, wanted: &Wanted, notes: &mut Notes<'_>) -> Result<Outcome, BackupError> {
        describe::must_be_root()?;
        let begun = date("+%a %b %e %H:%M:%S %Z %Y")?;
        let image_data = self.request.image_data;
        let (ground, description) = match image_data {
            ImageData::Make { maps } => {
                let mut ground = Ground::find(self, wanted, notes)?;
                let description = describe::make(wanted, &mut ground.system, maps)?;
                (ground, description)
            }
            ImageData::Existing => {
                // What is wrong with it is said before anything else is looked at.
                let mut description = describe::existing(wanted)?;
                let ground = Ground::find(self, wanted, notes)?;
                description.notes = describe::notes(&ground.system);
                (ground, description)
            }
        };
        let (full_size, shrink_size) = description.sizes();
        if let Some(directory) = &self.request.headers
            && let Some(model) = &description.model
            && headers::save(model, directory)? == 0
        {
            notes.add(Note::NoHeaders);
        }
        let (level, image) = (description.level(), description.document.to_string());
        for note in description.notes {
            notes.add(note);
        }
        let bosinst = match wanted {
            // Nothing is installed from a volume group on its own.
            Wanted::Group(_) => String::new(),
            Wanted::Root => {
                if let Err(error) = attributes() {
                    notes.add(Note::NoAttributes(error));
                }
                let disks: Vec<_> = ground.system.disks.iter().collect();
                describe::settings(Path::new("/"), image_data, &disks)?
            }
        };
        let summary = Summary {
            bosinst: bosinst.into_bytes(),
            maps: maps::named(Path::new("/"), image.as_bytes(), notes),
            image: image.into_bytes(),
            info: describe::info(),
        };
        let total = ground.room(self, notes)?;
        let (planned, mut held) = self.snapshots(&ground)?;
        for planned in &planned {
            // That a partition has no snapshots is no news; the report has it.
            if let Way::Live(why) = &planned.way
                && !matches!(why, Why::NotWanted | Why::NoVolume)
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
            date: begun,
            shrink_size,
            full_size,
            level,
        };
        if let Err(error) = add(Path::new(LOG), &entry) {
            notes.add(Note::NotLogged(error));
        }
        Ok(Outcome {
            report,
            verified,
            file_systems: planned,
            apart,
        })
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
}
