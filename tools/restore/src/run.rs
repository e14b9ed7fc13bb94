//! Carrying out a confirmed plan, step by step, to one verdict.
//!
//! The boot record comes after everything that it needs, the boot list after
//! the boot record: a restore that stops anywhere before leaves a disk that no
//! firmware boots.

use std::path::Path;

use lifeboat_archive::{Backup, ExtractOptions};
use lifeboat_boot::chroot::{Chroot, UuidLink};
use lifeboat_boot::{bootimage, bootlist, grub, ofpath};
use lifeboat_layout::apply;
use lifeboat_layout::fstab::fstab;
use lifeboat_layout::plan::Plan;
use lifeboat_sys::fs::{FsError, create_dir_all, read_to_string, write};

use crate::steps::{Steps, Stopped, alone};
use crate::verdict::{DiskState, Verdict};
use crate::{firstboot, logs, lvm_devices};

pub use crate::steps::Observer;

/// Where the new system is mounted while it is filled.
const TARGET: &str = "/run/lifeboat/target";
/// This very program, for the first boot.
const SELF: &str = "/proc/self/exe";

struct Restore<'a> {
    plan: &'a Plan,
    backup: &'a Backup,
    steps: Steps<'a>,
}

/// Carries out `plan` with the files of `backup`.
pub fn run(plan: &Plan, backup: &Backup, observer: &mut dyn Observer) -> Verdict {
    for line in plan.lines(80) {
        log::info!("plan: {line}");
    }
    let mut restore = Restore {
        plan,
        backup,
        steps: Steps::new(observer, Verdict::default()),
    };
    // What stopped it is in the verdict.
    let _stopped = restore.whole();
    restore.steps.end()
}

impl Restore<'_> {
    fn whole(&mut self) -> Result<(), Stopped> {
        let plan = self.plan;
        // Held to the end: two consoles may show the menu.
        let _alone = self.steps.step("one restore", |_| {
            alone().map(|lock| (lock, "no other console restores".to_owned()))
        })?;
        self.steps.verdict.state = DiskState::Incomplete;
        self.steps.step("disk layout", |steps| {
            let done = apply::apply(plan, &mut |step| steps.observer.begin(step));
            if done.as_ref().is_err_and(|error| !error.wrote()) {
                steps.verdict.state = DiskState::Untouched;
            }
            let (partitions, file_systems) = (plan.partitions().count(), plan.file_systems.len());
            done.map(|()| {
                (
                    (),
                    format!("{partitions} partitions, {file_systems} file systems"),
                )
            })
        })?;
        let groups: Vec<_> = plan.groups().collect();
        let root = Path::new(TARGET);
        let mounts = self.steps.step("mount", |_| {
            apply::mount(&plan.file_systems, root)
                .map(|mounts| (mounts, format!("{} file systems", plan.mounts().len())))
        })?;
        let filled = self.fill(root);
        // Also after a failure the log stays on the disk, and nothing stays mounted.
        let logged = self.steps.step("log", |_| {
            logs::leave(root).map(|()| ((), "in /var/log/lifeboat".to_owned()))
        });
        self.steps.step("unmount", |_| {
            mounts.unmount().map(|()| ((), "all written".to_owned()))
        })?;
        self.steps.step("release", |_| {
            apply::release(&groups).map(|()| ((), "volume group switched off".to_owned()))
        })?;
        filled?;
        logged?;
        self.steps.step("end mark", |_| {
            apply::finish(&groups).map(|()| {
                (
                    (),
                    "the volume group is no longer marked as unfinished".to_owned(),
                )
            })
        })?;
        self.steps.verdict.state = DiskState::Complete;
        Ok(())
    }

    /// Everything between mounting and unmounting.
    fn fill(&mut self, root: &Path) -> Result<(), Stopped> {
        let total = self.backup.totals().bytes_raw;
        self.steps.files(Some(total), |progress| {
            self.backup
                .extract(root, &ExtractOptions::default(), progress)
        })?;
        self.steps.step("fstab", |_| fstab_of(self.plan, root))?;
        self.steps.step("LVM devices", |_| {
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
        let chroot = self.steps.step("tools' root", |_| {
            Chroot::enter(root, &links).map(|c| (c, "dev, proc, sys, run".to_owned()))
        })?;
        let booted = self.boot(&chroot);
        self.steps.step("tools' end", |_| {
            chroot.leave().map(|()| ((), "unmounted".to_owned()))
        })?;
        booted?;
        self.steps.verdict.state = DiskState::NotInBootList { path: None };
        self.boot_list()
    }

    fn boot(&mut self, chroot: &Chroot) -> Result<(), Stopped> {
        let kernels = self.steps.step("kernels", |_| {
            bootimage::kernels(chroot.root()).map(|kernels| (kernels.clone(), kernels.join(", ")))
        })?;
        for kernel in kernels {
            self.steps.step("boot image", |_| {
                bootimage::rebuild(chroot, &kernel)
                    .map(|()| ((), format!("rebuilt for kernel {kernel}")))
            })?;
        }
        self.steps.step("GRUB menu", |_| {
            grub::configure(chroot).map(|()| ((), "loads a kernel".to_owned()))
        })?;
        self.steps.step("first boot", |_| {
            firstboot::install(chroot.root(), Path::new(SELF))
                .map(|()| ((), "devices will be reconfigured once".to_owned()))
        })?;
        self.boot_record(chroot)
    }

    fn boot_record(&mut self, chroot: &Chroot) -> Result<(), Stopped> {
        let plan = self.plan;
        self.steps.step("empty PReP", |_| {
            apply::mark_prep(plan, false)
                .map(|()| ((), "no longer marked as unfinished".to_owned()))
        })?;
        let written = plan.boot_disks().try_for_each(|(_, prep)| {
            let prep = &prep.device;
            self.steps.step("boot record", |_| {
                grub::install(chroot, Path::new(prep))
                    .map(|()| ((), format!("in {prep}, read back")))
            })
        });
        if written.is_err() {
            self.steps.step("marked PReP", |_| {
                apply::mark_prep(plan, true).map(|()| ((), "marked as unfinished again".to_owned()))
            })?;
        }
        written
    }

    fn boot_list(&mut self) -> Result<(), Stopped> {
        let Some((disk, _)) = self.plan.boot_disks().next() else {
            return Ok(());
        };
        let path = self.steps.step("firmware path", |_| {
            ofpath::of_path(Path::new("/sys"), &disk.name).map(|path| (path.clone(), path))
        })?;
        self.steps.verdict.state = DiskState::NotInBootList {
            path: Some(path.clone()),
        };
        self.steps.step("boot list", |_| {
            let most = bootlist::most(Path::new("/sys"));
            bootlist::put_first(Path::new(bootlist::DEVICE), &[path], most)
                .map(|list| ((), format!("{}, read back", list.join(" "))))
        })
    }
}

fn fstab_of(plan: &Plan, root: &Path) -> Result<((), String), FsError> {
    create_dir_all(root.join("etc"))?;
    let path = root.join("etc/fstab");
    let old = if path.exists() {
        read_to_string(&path)?
    } else {
        String::new()
    };
    let new = fstab(&old, plan);
    let found = if new == old { "as it was" } else { "rewritten" };
    write(&path, new)?;
    Ok(((), found.to_owned()))
}
