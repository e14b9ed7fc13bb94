//! LVM snapshots: file systems as they were at one moment.
//!
//! **Freezing.** `lvcreate --snapshot` suspends the origin through the device mapper,
//! and that freezes the file system on it, takes the snapshot, and thaws it again:
//! what is on the snapshot is what `fsfreeze` would have left. Freezing with
//! `FIFREEZE` before, to hold several file systems at one moment, is not possible for
//! a root volume group: with `/` frozen, `lvm` waits forever where it writes below
//! `/etc/lvm` or `/var`, the thaw that would follow never comes, and the system
//! stands still. (A file system that is frozen already also makes the suspension
//! fail.) So the snapshots are taken one right after the other, with nothing in
//! between, and the report says how long that took.
//!
//! **btrfs** has snapshots of its own: a read-only subvolume in each that is mounted,
//! read where it is. They need no space in the volume group, and no volume group.
//!
//! **Mounting.** The other snapshots can be written, and are mounted read-only: a file
//! system that finds something to recover in its log (XFS keeps its unlinked inodes
//! there even when it is frozen) writes that to the snapshot. They are mounted in a
//! mount namespace of this process: nobody else sees them, and they go with the
//! process, however it ends.
//!
//! **Removing.** Each snapshot carries a tag, or a name of its own on btrfs. One that a
//! killed run has left is found by it at the next start, which holds the lock that says
//! nobody else uses it.

mod mount;
mod plan;
mod report;
mod subvolume;
mod watch;

pub use plan::{Planned, Way, Why, Wish};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_layout::lvm::mapper_name;
use lifeboat_layout::system::Mounted;
use lifeboat_sys::error::chain;
use lifeboat_sys::run::RunError;

use crate::request;
use report::lvm;
use watch::Watch;

/// The tag of every snapshot that is taken here.
pub const TAG: &str = "lifeboat_snapshot";

/// The names of the snapshots begin with this.
const NAME: &str = "lifeboat_snap_";

/// LVM need not remember states that last for the time of a backup: a group with
/// its snapshots gone is as it was.
const NO_ARCHIVE: &str = "backup { backup=0 archive=0 }";

/// Something is wrong with snapshots.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// LVM could not be run, or failed.
    #[error("0590-361 LVM failed")]
    Lvm(#[source] RunError),
    /// What it says is not understood.
    #[error("0590-362 The report of LVM cannot be read")]
    Report(#[source] serde_json::Error),
    /// The kernel does not mount it.
    #[error("0590-363 The snapshot of {} cannot be mounted", mount.display())]
    Mount {
        /// Where its origin is mounted.
        mount: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More changed on the origin than the snapshot could keep.
    #[error(
        "0590-364 The snapshot of {} is full: too much changed while the backup was written; keep more free extents in {group}", mount.display()
    )]
    Overflow {
        /// Where its origin is mounted.
        mount: PathBuf,
        /// The volume group.
        group: String,
    },
    /// The thin pool fills up; it would take the system with it.
    #[error(
        "0590-369 The pool {pool} is filled to {filled} %: the backup was given up before the pool is full"
    )]
    Pool {
        /// The pool.
        pool: String,
        /// Percent.
        filled: u32,
    },
    /// It is still there.
    #[error("0590-365 The snapshot {volume} cannot be removed; remove it with: lvremove {volume}")]
    NotRemoved {
        /// `group/volume`.
        volume: String,
        /// Why.
        #[source]
        source: RunError,
    },
    /// The kernel makes no snapshot of a subvolume, or does not remove one.
    #[error("0590-374 Cannot {operation} the snapshot {}", path.display())]
    Subvolume {
        /// "take" or "remove".
        operation: &'static str,
        /// The snapshot.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The kernel gives this process no mounts of its own.
    #[error("0590-366 Snapshots cannot be mounted for this process alone")]
    Namespace(#[source] std::io::Error),
    /// Snapshots were asked for, and one is not possible.
    #[error("0590-367 {} cannot be read from a snapshot: {why}", mount.display())]
    Impossible {
        /// Where it is mounted.
        mount: PathBuf,
        /// Why.
        why: Why,
    },
    /// Snapshots were asked for, and none is possible.
    #[error(
        "0590-368 No file system lies on a logical volume: there is nothing to take snapshots of"
    )]
    NoVolumes,
}

impl SnapshotError {
    /// Whether it means that a snapshot has lost what it held, or was about to.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self, Self::Overflow { .. } | Self::Pool { .. })
    }
}

/// Decides how each file system is read, and asks LVM where that is needed.
///
/// # Errors
/// [`SnapshotError`] only when snapshots must be.
pub(crate) fn plan(
    file_systems: &[Mounted],
    wanted: request::Snapshots,
) -> Result<Vec<Planned>, SnapshotError> {
    if wanted == request::Snapshots::Never {
        let live = |mounted: &Mounted| Planned {
            mount: mounted.mount.clone(),
            kind: mounted.kind.clone(),
            way: Way::Live(Why::NotWanted),
        };
        return Ok(file_systems.iter().map(live).collect());
    }
    let on_volumes = file_systems.iter().any(|mounted| mounted.volume.is_some());
    let asked = if on_volumes {
        report::groups().and_then(|groups| Ok((groups, report::volumes()?)))
    } else {
        Ok((Vec::new(), Vec::new()))
    };
    let planned = match asked {
        Ok((groups, volumes)) => plan::plan(file_systems, &groups, &volumes),
        Err(error) if wanted == request::Snapshots::Always => return Err(error),
        Err(error) => {
            let mut planned = plan::plan(file_systems, &[], &[]);
            for (planned, mounted) in planned.iter_mut().zip(file_systems) {
                if mounted.volume.is_some() && planned.way == Way::Live(Why::NoVolume) {
                    planned.way = Way::Live(Why::NoAnswer(chain(&error)));
                }
            }
            planned
        }
    };
    if wanted == request::Snapshots::Always {
        insist(&planned)?;
    }
    Ok(planned)
}

/// What lies on a logical volume must have a snapshot.
fn insist(planned: &[Planned]) -> Result<(), SnapshotError> {
    for planned in planned {
        if let Way::Live(why) = &planned.way
            && *why != Why::NoVolume
        {
            return Err(SnapshotError::Impossible {
                mount: planned.mount.clone(),
                why: why.clone(),
            });
        }
    }
    let any = planned
        .iter()
        .any(|planned| matches!(planned.way, Way::Snapshot(_)));
    any.then_some(()).ok_or(SnapshotError::NoVolumes)
}

/// Snapshots that exist. They are removed when this is dropped; [`remove`](Self::remove)
/// says whether that went well.
#[derive(Debug, Default)]
pub(crate) struct Held {
    taken: Vec<Taken>,
    watch: Option<Watch>,
    /// From the first snapshot to the last.
    pub apart: Duration,
}

/// A snapshot.
#[derive(Debug, Clone)]
struct Taken {
    /// Where its origin is mounted.
    mount: PathBuf,
    kind: Kind,
    /// Where it can be read: where it is mounted, once it is.
    place: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A logical volume.
    Volume { group: String, name: String },
    /// A subvolume of this name where its origin is mounted.
    Subvolume { name: String },
}

impl Held {
    /// Takes and mounts the snapshots of a plan. One that LVM or the kernel refuses
    /// turns its file system's way into [`Way::Live`], or is an error if snapshots
    /// must be. `stop` is set when a snapshot overflows.
    pub fn take(
        planned: &mut [Planned],
        must: bool,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, SnapshotError> {
        let mut held = Self::default();
        let mut first = None;
        // Nothing stands between one snapshot and the next.
        for planned in &mut *planned {
            let Way::Snapshot(wish) = &planned.way else {
                continue;
            };
            if stop.load(Ordering::Relaxed) {
                return Ok(held);
            }
            let name = format!("{NAME}{}", held.taken.len());
            match Taken::take(&planned.mount, wish, name) {
                Ok(taken) => {
                    held.taken.push(taken);
                    held.apart = first.get_or_insert_with(Instant::now).elapsed();
                }
                Err(error) if must => return Err(error),
                Err(error) => planned.way = Way::Live(Why::Refused(chain(&error))),
            }
        }
        held.mount(planned, must)?;
        if !held.taken.is_empty() {
            held.watch = Some(Watch::start(held.taken.clone(), Arc::clone(stop)));
        }
        Ok(held)
    }

    fn mount(&mut self, planned: &mut [Planned], must: bool) -> Result<(), SnapshotError> {
        if !self.taken.iter().any(|taken| taken.place.is_none()) {
            return Ok(());
        }
        mount::private().map_err(SnapshotError::Namespace)?;
        let mut refused = Vec::new();
        for (index, taken) in self.taken.iter_mut().enumerate() {
            let found = planned.iter_mut().find(|one| one.mount == taken.mount);
            let (Kind::Volume { group, name }, Some(planned)) = (&taken.kind, found) else {
                continue;
            };
            let device = Path::new("/dev/mapper").join(mapper_name(group, name));
            match mount::snapshot(&device, &planned.kind, index) {
                Ok(place) => taken.place = Some(place),
                Err(source) => {
                    let mount = taken.mount.clone();
                    let error = SnapshotError::Mount { mount, source };
                    if must {
                        return Err(error);
                    }
                    planned.way = Way::Live(Why::Refused(chain(&error)));
                    refused.push(taken.mount.clone());
                }
            }
        }
        for mount in refused {
            let (useless, kept) = self.taken.drain(..).partition(|taken| taken.mount == mount);
            self.taken = kept;
            let useless: Vec<Taken> = useless;
            useless.iter().try_for_each(Taken::remove)?;
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Where the files are read of what is mounted here.
    pub fn place_of(&self, mount: &Path) -> Option<&Path> {
        let taken = self.taken.iter().find(|taken| taken.mount == mount)?;
        taken.place.as_deref()
    }

    /// Whether all of them still hold what they held at first.
    ///
    /// # Errors
    /// [`SnapshotError::Overflow`], [`SnapshotError::Pool`].
    pub fn check(&mut self) -> Result<(), SnapshotError> {
        if self.taken.is_empty() {
            return Ok(());
        }
        if let Some(watch) = self.watch.take() {
            watch.end()?;
        }
        watch::look(&self.taken, &report::volumes()?)
    }

    /// Unmounts and removes them, and hands out what could not be.
    pub fn remove(mut self) -> Vec<SnapshotError> {
        self.remove_all()
    }

    fn remove_all(&mut self) -> Vec<SnapshotError> {
        // What it found is told by `check`; here it must only be over.
        if let Some(watch) = self.watch.take() {
            let _ = watch.end();
        }
        let taken = std::mem::take(&mut self.taken);
        taken
            .iter()
            .filter_map(|taken| taken.remove().err())
            .collect()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for error in self.remove_all() {
            log::warn!("{}", chain(&error));
        }
    }
}

impl Taken {
    /// Takes one snapshot.
    fn take(mount: &Path, wish: &Wish, name: String) -> Result<Self, SnapshotError> {
        let (kind, place) = match wish {
            Wish::Volume {
                group,
                volume,
                extents,
            } => {
                let tool = lvm("lvcreate").args(arguments(group, volume, *extents, &name));
                tool.run().map_err(SnapshotError::Lvm)?;
                let group = group.clone();
                (Kind::Volume { group, name }, None)
            }
            Wish::Subvolume => {
                let place = subvolume::take(mount, &name)?;
                (Kind::Subvolume { name }, Some(place))
            }
        };
        Ok(Self {
            mount: mount.to_owned(),
            kind,
            place,
        })
    }

    /// Removes it. Whoever scans new devices may hold a volume for a moment.
    fn remove(&self) -> Result<(), SnapshotError> {
        const TRIES: u32 = 10;
        let volume = match &self.kind {
            Kind::Subvolume { name } => return subvolume::remove(&self.mount, name),
            Kind::Volume { group, name } => format!("{group}/{name}"),
        };
        if let Some(place) = &self.place
            && let Err(error) = mount::leave(place)
        {
            log::warn!("cannot unmount {}: {error}", place.display());
        }
        let mut tried = 1;
        loop {
            match remove_volume(&volume) {
                Ok(()) => return Ok(()),
                Err(source) if tried == TRIES => {
                    return Err(SnapshotError::NotRemoved { volume, source });
                }
                Err(_) => thread::sleep(Duration::from_millis(500)),
            }
            tried += 1;
        }
    }
}

fn arguments(group: &str, volume: &str, extents: Option<u64>, name: &str) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--snapshot",
        "--yes",
        "--config",
        NO_ARCHIVE,
        "--addtag",
        TAG,
        "--name",
        name,
    ]
    .map(str::to_owned)
    .into();
    match extents {
        Some(extents) => arguments.extend(["--extents".to_owned(), extents.to_string()]),
        // Without a size it is a thin one, which is not activated unless told.
        None => arguments.extend(["--setactivationskip".to_owned(), "n".to_owned()]),
    }
    arguments.push(format!("{group}/{volume}"));
    arguments
}

fn remove_volume(volume: &str) -> Result<(), RunError> {
    let tool = lvm("lvremove").args(["--force", "--yes", "--config", NO_ARCHIVE]);
    tool.arg(volume).run().map(drop)
}

/// Removes the snapshots that a killed run has left, and hands out their names.
/// Whoever calls this holds the lock of backups.
///
/// # Errors
/// [`SnapshotError::NotRemoved`]; nothing when LVM does not answer, for then there is
/// none to ask.
pub(crate) fn remove_stale(file_systems: &[Mounted]) -> Result<Vec<String>, SnapshotError> {
    let mut removed = subvolume::remove_stale(file_systems)?;
    let Ok(volumes) = report::volumes() else {
        return Ok(removed);
    };
    for volume in stale(&volumes) {
        match remove_volume(&volume) {
            Ok(()) => removed.push(volume),
            Err(source) => return Err(SnapshotError::NotRemoved { volume, source }),
        }
    }
    Ok(removed)
}

/// Only what has the tag, our name, and an origin: a volume that is no snapshot is
/// nobody's to remove, whatever its tags say.
fn stale(volumes: &[report::Volume]) -> Vec<String> {
    volumes
        .iter()
        .filter(|volume| volume.tags.iter().any(|tag| tag == TAG))
        .filter(|volume| volume.name.starts_with(NAME) && volume.origin.is_some())
        .map(|volume| format!("{}/{}", volume.group, volume.name))
        .collect()
}

#[cfg(test)]
mod tests;
