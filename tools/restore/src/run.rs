//! Carrying out a confirmed plan, step by step, to one verdict.
//!
//! The boot record comes after everything that it needs, the boot list after
//! the boot record: a restore that stops anywhere before leaves a disk that no
//! firmware boots.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use lifeboat_archive::{Backup, ExtractError, ExtractOptions};
use lifeboat_boot::chroot::{Chroot, UuidLink};
use lifeboat_boot::{bootimage, bootlist, grub, ofpath};
use lifeboat_layout::apply;
use lifeboat_layout::fstab::fstab;
use lifeboat_layout::plan::Plan;
use lifeboat_sys::fs::{FsError, PathContext, create_dir_all, read_to_string, write};

use nix::fcntl::{Flock, FlockArg};

use crate::verdict::{DiskState, Verdict};
use crate::{firstboot, logs, lvm_devices};

/// Where the new system is mounted while it is filled.
const TARGET: &str = "/run/lifeboat/target";
/// Held while a restore runs.
const LOCK: &str = "/run/lifeboat/restore.lock";
/// This very program, for the first boot.
const SELF: &str = "/proc/self/exe";

/// Who watches a restore.
pub trait Observer {
    /// A step begins; `what` follows "now:".
    fn begin(&mut self, what: &str);
    /// The step that restores files has done this many of so many bytes.
    fn progress(&mut self, done: u64, total: u64);
}

/// A step failed; the verdict has the details.
struct Stopped;

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
enum AloneError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("0590-458 Another console of this machine is restoring; nothing was written from here")]
    Other,
}

/// Takes the lock that only one restore can hold.
fn alone() -> Result<Flock<File>, AloneError> {
    let file = File::create(LOCK).at("create", LOCK)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| AloneError::Other)
}

struct Restore<'a> {
    plan: &'a Plan,
    backup: &'a Backup,
    observer: &'a mut dyn Observer,
    verdict: Verdict,
}

/// Carries out `plan` with the files of `backup`.
pub fn run(plan: &Plan, backup: &Backup, observer: &mut dyn Observer) -> Verdict {
    for line in plan.lines(80) {
        log::info!("plan: {line}");
    }
    let mut restore = Restore {
        plan,
        backup,
        observer,
        verdict: Verdict::default(),
    };
    // What stopped it is in the verdict.
    let _stopped = restore.whole();
    log::info!("{}", restore.verdict.text());
    restore.verdict
}

impl Restore<'_> {
    /// Does one step and records how it came out.
    fn step<T, E: Error + 'static>(
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

    fn whole(&mut self) -> Result<(), Stopped> {
        let plan = self.plan;
        // Held to the end: two consoles may show the menu.
        let _alone = self.step("one restore", |_| {
            alone().map(|lock| (lock, "no other console restores".to_owned()))
        })?;
        self.verdict.state = DiskState::Incomplete;
        self.step("disk layout", |me| {
            let done = apply::apply(plan, &mut |step| me.observer.begin(step));
            if done.as_ref().is_err_and(|error| !error.wrote()) {
                me.verdict.state = DiskState::Untouched;
            }
            let (partitions, file_systems) = (plan.partitions.len(), plan.file_systems.len());
            done.map(|()| {
                (
                    (),
                    format!("{partitions} partitions, {file_systems} file systems"),
                )
            })
        })?;
        let root = Path::new(TARGET);
        let mounts = self.step("mount", |_| {
            apply::mount(&plan.file_systems, root)
                .map(|mounts| (mounts, format!("{} file systems", plan.mounts().len())))
        })?;
        let filled = self.fill(root);
        // Also after a failure the log stays on the disk, and nothing stays mounted.
        let logged = self.step("log", |_| {
            logs::leave(root).map(|()| ((), "in /var/log/lifeboat".to_owned()))
        });
        self.step("unmount", |_| {
            mounts.unmount().map(|()| ((), "all written".to_owned()))
        })?;
        self.step("release", |_| {
            apply::release(plan.group.as_ref())
                .map(|()| ((), "volume group switched off".to_owned()))
        })?;
        filled?;
        logged?;
        self.step("end mark", |_| {
            apply::finish(plan.group.as_ref()).map(|()| {
                (
                    (),
                    "the volume group is no longer marked as unfinished".to_owned(),
                )
            })
        })?;
        self.verdict.state = DiskState::Complete;
        Ok(())
    }

    /// Everything between mounting and unmounting.
    fn fill(&mut self, root: &Path) -> Result<(), Stopped> {
        self.files(root)?;
        self.step("fstab", |me| me.fstab(root))?;
        self.step("LVM devices", |_| {
            lvm_devices::set_aside(root).map(|set| {
                let found = if set {
                    "system.devices set aside"
                } else {
                    "no devices file"
                };
                ((), found.to_owned())
            })
        })?;
        let links = self.plan.file_systems.iter();
        let links: Vec<UuidLink> = links
            .map(|fs| UuidLink {
                uuid: fs.uuid.clone(),
                device: fs.device.clone().into(),
            })
            .collect();
        let chroot = self.step("tools' root", |_| {
            Chroot::enter(root, &links).map(|c| (c, "dev, proc, sys, run".to_owned()))
        })?;
        let booted = self.boot(&chroot);
        self.step("tools' end", |_| {
            chroot.leave().map(|()| ((), "unmounted".to_owned()))
        })?;
        booted?;
        self.verdict.state = DiskState::NotInBootList { path: None };
        self.boot_list()
    }

    fn files(&mut self, root: &Path) -> Result<(), Stopped> {
        let backup = self.backup;
        let mut findings = Vec::new();
        let restored = self.step("files", |me| {
            let total = backup.totals().bytes_raw;
            let mut progress = |p: lifeboat_archive::Progress| {
                me.observer.progress(p.done, p.total.unwrap_or(total));
            };
            let report = backup.extract(root, &ExtractOptions::default(), &mut progress)?;
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

    fn fstab(&self, root: &Path) -> Result<((), String), FsError> {
        create_dir_all(root.join("etc"))?;
        let path = root.join("etc/fstab");
        let old = if path.exists() {
            read_to_string(&path)?
        } else {
            String::new()
        };
        let new = fstab(&old, self.plan);
        let found = if new == old { "as it was" } else { "rewritten" };
        write(&path, new)?;
        Ok(((), found.to_owned()))
    }

    fn boot(&mut self, chroot: &Chroot) -> Result<(), Stopped> {
        let kernels = self.step("kernels", |_| {
            bootimage::kernels(chroot.root()).map(|kernels| (kernels.clone(), kernels.join(", ")))
        })?;
        for kernel in kernels {
            self.step("boot image", |_| {
                bootimage::rebuild(chroot, &kernel)
                    .map(|()| ((), format!("rebuilt for kernel {kernel}")))
            })?;
        }
        self.step("GRUB menu", |_| {
            grub::configure(chroot).map(|()| ((), "loads a kernel".to_owned()))
        })?;
        self.step("first boot", |_| {
            firstboot::install(chroot.root(), Path::new(SELF))
                .map(|()| ((), "devices will be reconfigured once".to_owned()))
        })?;
        self.boot_record(chroot)
    }

    fn boot_record(&mut self, chroot: &Chroot) -> Result<(), Stopped> {
        let plan = self.plan;
        let prep = plan
            .prep()
            .map(|prep| prep.device.clone())
            .unwrap_or_default();
        self.step("empty PReP", |_| {
            apply::mark_prep(plan, false)
                .map(|()| ((), "no longer marked as unfinished".to_owned()))
        })?;
        let written = self.step("boot record", |_| {
            grub::install(chroot, Path::new(&prep)).map(|()| ((), format!("in {prep}, read back")))
        });
        if written.is_err() {
            self.step("marked PReP", |_| {
                apply::mark_prep(plan, true).map(|()| ((), "marked as unfinished again".to_owned()))
            })?;
        }
        written
    }

    fn boot_list(&mut self) -> Result<(), Stopped> {
        let disk = self.plan.target.name.clone();
        let path = self.step("firmware path", |_| {
            ofpath::of_path(Path::new("/sys"), &disk).map(|path| (path.clone(), path))
        })?;
        self.verdict.state = DiskState::NotInBootList {
            path: Some(path.clone()),
        };
        self.step("boot list", |_| {
            bootlist::put_first(Path::new(bootlist::DEVICE), &path)
                .map(|list| ((), format!("{}, read back", list.join(" "))))
        })
    }
}
