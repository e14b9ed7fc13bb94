//! Carrying out a confirmed plan of a volume group, step by step, to one verdict.
//!
//! The file systems are filled below a directory that nobody looks into, and only
//! mounted where they belong when they are whole. Until then the volume group
//! carries the mark of an unfinished restore.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lifeboat_archive::{ExtractError, ExtractReport, Progress};
use lifeboat_layout::apply::{self, Mounts};
use lifeboat_layout::fstab::unescape;
use lifeboat_layout::plan::GroupPlan;
use lifeboat_sys::fs::{FsError, PathContext, attribute, create_dir_all};
use nix::fcntl::Flock;
use nix::mount::umount;

use super::places;
use crate::lvm_devices;
use crate::run::Observer;
use crate::steps::{AloneError, RUN, Steps, Stopped, alone};
use crate::verdict::{DiskState, Subject, Verdict};

/// Where the file systems are mounted while they are filled, below [`RUN`].
const FILLED: &str = "restvg";

/// The right to restore. Nobody else restores while it lives.
#[derive(Debug)]
pub struct Alone {
    _lock: Flock<File>,
}

impl Alone {
    /// Takes it, and lets go what an interrupted restore left mounted: its disks
    /// would seem to be in use.
    ///
    /// # Errors
    /// [`AloneError`].
    pub fn take() -> Result<Self, AloneError> {
        let lock = alone()?;
        for path in left_mounted(&attribute("/proc/self/mountinfo").unwrap_or_default()) {
            log::warn!("an interrupted restore left {} mounted", path.display());
            umount(&path).at("unmount", &path)?;
        }
        Ok(Self { _lock: lock })
    }
}

/// The mounts below the place of ours, the last first.
fn left_mounted(mountinfo: &str) -> Vec<PathBuf> {
    let place = filled();
    let mut left: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|path| PathBuf::from(unescape(path)))
        .filter(|path| path.starts_with(&place))
        .collect();
    left.reverse();
    left
}

fn filled() -> PathBuf {
    Path::new(RUN).join(FILLED)
}

/// The files of a backup, wherever it comes from.
pub struct Files<'a> {
    /// Bytes that reading all of it reads, where that is known.
    pub total: Option<u64>,
    /// Restores them below a directory.
    pub extract: Box<Extract<'a>>,
}

/// How files are restored below a directory; progress is told on the way.
pub type Extract<'a> =
    dyn FnOnce(&Path, &mut dyn FnMut(Progress)) -> Result<ExtractReport, ExtractError> + 'a;

/// Carries out `plan` with the files of a backup; without, only the structure is made.
pub fn run(
    plan: &GroupPlan,
    files: Option<Files<'_>>,
    _alone: &Alone,
    observer: &mut dyn Observer,
) -> Verdict {
    for line in plan.lines(80) {
        log::info!("plan: {line}");
    }
    let verdict = Verdict::on(Subject::Group {
        name: plan.group.name.clone(),
        files: files.is_some(),
    });
    let mut restore = Restore {
        plan,
        steps: Steps::new(observer, verdict),
    };
    // What stopped it is in the verdict.
    let _stopped = restore.whole(files);
    restore.steps.end()
}

struct Restore<'a> {
    plan: &'a GroupPlan,
    steps: Steps<'a>,
}

impl Restore<'_> {
    fn whole(&mut self, files: Option<Files<'_>>) -> Result<(), Stopped> {
        let plan = self.plan;
        self.steps.step("mount points", |_| {
            let count = plan.mounts().len();
            places::check(plan).map(|()| ((), format!("{count}, all free")))
        })?;
        self.steps.verdict.state = DiskState::Incomplete;
        self.steps.step("disk layout", |steps| {
            let done = apply::apply_group(plan, &mut |step| steps.observer.begin(step));
            if done.as_ref().is_err_and(|error| !error.wrote()) {
                steps.verdict.state = DiskState::Untouched;
            }
            let (disks, volumes) = (plan.targets.len(), plan.group.volumes.len());
            done.map(|()| ((), format!("{disks} disks, {volumes} logical volumes")))
        })?;
        if let Some(files) = files {
            self.fill(files)?;
        }
        self.steps.step("LVM devices", |_| {
            lvm_devices::add(&plan.group.devices).map(|added| {
                let found = if added {
                    "the disks are in the devices file"
                } else {
                    "no devices file"
                };
                ((), found.to_owned())
            })
        })?;
        self.steps.step("end mark", |_| {
            apply::finish(&[&plan.group]).map(|()| {
                let found = "the volume group is no longer marked as unfinished";
                ((), found.to_owned())
            })
        })?;
        self.steps.verdict.state = DiskState::NotMounted;
        self.steps.step("fstab", |_| {
            places::enter(plan).map(|added| ((), format!("{added} entries added")))
        })?;
        self.steps.step("mount", |_| {
            places::mount(plan).map(|count| ((), format!("{count} file systems where they belong")))
        })?;
        self.steps.verdict.state = DiskState::Complete;
        Ok(())
    }

    fn fill(&mut self, files: Files<'_>) -> Result<(), Stopped> {
        let plan = self.plan;
        let root = filled().join(&plan.group.name);
        let mounts = self.steps.step("mount aside", |_| {
            mount_aside(plan, &root)
                .map(|mounts| (mounts, format!("{} file systems", plan.mounts().len())))
        })?;
        let Files { total, extract } = files;
        let filled = self.steps.files(total, |progress| extract(&root, progress));
        // Also after a failure nothing stays mounted.
        self.steps.step("unmount", |_| {
            mounts.unmount().map(|()| ((), "all written".to_owned()))
        })?;
        filled?;
        self.steps.step("places", |_| {
            clear(&root).map(|()| ((), "every file is in its file system".to_owned()))
        })
    }
}

/// Mounts the file systems where only root can look.
fn mount_aside(plan: &GroupPlan, root: &Path) -> Result<Mounts, apply::ApplyError> {
    let place = filled();
    create_dir_all(root)?;
    std::fs::set_permissions(&place, PermissionsExt::from_mode(0o700)).at("close", &place)?;
    apply::mount(&plan.file_systems, root)
}

/// A file came to lie in no file system of the group.
#[derive(Debug, thiserror::Error)]
enum ClearError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("0590-269 The backup has files outside of the volume group's file systems: {}", .0.display())]
    Stray(PathBuf),
}

/// Takes away the mount points, which are all that may be left.
fn clear(directory: &Path) -> Result<(), ClearError> {
    for entry in std::fs::read_dir(directory).at("list", directory)? {
        let path = entry.at("list", directory)?.path();
        if !path.symlink_metadata().at("read", &path)?.is_dir() {
            return Err(ClearError::Stray(path));
        }
        clear(&path)?;
    }
    Ok(std::fs::remove_dir(directory).at("remove", directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mount_points_may_be_left() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("datavg");
        std::fs::create_dir_all(place.join("data/logs")).unwrap();
        std::fs::write(place.join("data/x"), "").unwrap();
        let error = clear(&place).unwrap_err().to_string();
        assert!(error.starts_with("0590-269") && error.ends_with("data/x"));
        std::fs::remove_file(place.join("data/x")).unwrap();
        std::fs::create_dir_all(place.join("data/logs")).unwrap();
        clear(&place).unwrap();
        assert!(!place.exists());
    }

    #[test]
    fn what_is_left_mounted_is_found_inner_mounts_first() {
        let mountinfo = "22 1 254:2 / / rw - ext4 /dev/mapper/rootvg-hd4 rw\n\
             40 22 254:9 / /run/lifeboat/restvg/my\\040vg/data rw - xfs /dev/dm-3 rw\n\
             41 40 254:10 / /run/lifeboat/restvg/my\\040vg/data/logs rw - xfs /dev/dm-4 rw\n\
             42 22 254:11 / /run/lifeboat/media/sr0 ro - iso9660 /dev/sr0 ro\n";
        assert_eq!(
            left_mounted(mountinfo),
            [
                "/run/lifeboat/restvg/my vg/data/logs",
                "/run/lifeboat/restvg/my vg/data"
            ]
            .map(PathBuf::from)
        );
    }
}
