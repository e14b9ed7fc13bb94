//! Carrying out a confirmed plan, step by step, to one verdict.
//!
//! The boot record comes after everything that it needs, the boot list after
//! the boot record: a restore that stops anywhere before leaves a disk that no
//! firmware boots.

use std::path::Path;

use lifeboat_archive::ExtractOptions;
use lifeboat_boot::bosboot::{self, Author, Job};
use lifeboat_boot::chroot::{Chroot, UuidLink};
use lifeboat_boot::machine::{self, Machine};
use lifeboat_boot::{bootlist, grub, ofpath};
use lifeboat_layout::apply::{self, Keys};
use lifeboat_layout::plan::Plan;

use crate::firstboot::{self, FirstBootError};
use crate::health::KernelLog;
use crate::prepare::Opened;
use crate::steps::{Steps, Stopped, alone};
use crate::verdict::{DiskState, Verdict};
use crate::{adapt, images, logs, whom};

pub use crate::steps::Observer;

/// Where the new system is mounted while it is filled.
const TARGET: &str = "/run/lifeboat/target";
/// This very program, for the first boot.
const SELF: &str = "/proc/self/exe";

struct Restore<'a> {
    plan: &'a Plan,
    opened: &'a Opened<'a>,
    keys: &'a Keys,
    kernel: KernelLog,
    steps: Steps<'a>,
}

/// Carries out `plan` with the files and the answers of a backup; `keys` open its
/// encrypted devices.
pub fn run(plan: &Plan, opened: &Opened<'_>, keys: &Keys, observer: &mut dyn Observer) -> Verdict {
    for line in plan.lines(80) {
        log::info!("plan: {line}");
    }
    let mut restore = Restore {
        plan,
        opened,
        keys,
        kernel: KernelLog::open(),
        steps: Steps::new(observer, Verdict::default()),
    };
    // What stopped it is in the verdict; a failing disk may be why.
    if restore.whole().is_err() {
        if let Err(error) = restore.kernel.check(&plan.disks()) {
            restore.steps.verdict.problem(error.to_string());
        }
        adapt::on_error(&mut restore.steps, &opened.answers.control);
    }
    restore.steps.end()
}

impl Restore<'_> {
    fn whole(&mut self) -> Result<(), Stopped> {
        let (plan, keys) = (self.plan, self.keys);
        // Held to the end: two consoles may show the menu.
        let _alone = self.steps.step("one restore", |_| {
            alone().map(|lock| (lock, "no other console restores".to_owned()))
        })?;
        self.steps.verdict.state = DiskState::Incomplete;
        self.steps.step("disk layout", |steps| {
            let done = apply::apply(plan, keys, &mut |step| steps.observer.begin(step));
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
        let filled = self.filled();
        // Also after a failure nothing holds the disks.
        self.steps.step("release", |_| {
            apply::release(&plan.stack).map(|()| ((), "nothing holds the disks".to_owned()))
        })?;
        filled?;
        self.steps.step("end mark", |_| {
            apply::unmark_disks(plan).map(|()| {
                let found = "the disks are no longer marked as unfinished";
                ((), found.to_owned())
            })
        })?;
        self.steps.verdict.state = DiskState::Complete;
        Ok(())
    }

    /// Everything that needs arrays, encrypted devices and volume groups open.
    fn filled(&mut self) -> Result<(), Stopped> {
        let plan = self.plan;
        let root = Path::new(TARGET);
        let mounts = self.steps.step("mount", |_| {
            apply::mount(&plan.file_systems, root).map(|mounts| {
                let count = mounts.points().len();
                (mounts, format!("{count} file systems"))
            })
        })?;
        let filled = self.fill(root);
        // Also after a failure the log stays on the disk, and nothing stays mounted.
        let logged = self.steps.step("log", |_| {
            logs::leave(root).map(|()| ((), "in /var/log/lifeboat".to_owned()))
        });
        self.steps.step("unmount", |_| {
            mounts.unmount().map(|()| ((), "all written".to_owned()))
        })?;
        filled?;
        logged?;
        let kernel = &mut self.kernel;
        self.steps.step("disk errors", |_| {
            kernel
                .check(&plan.disks())
                .map(|()| ((), "none".to_owned()))
        })?;
        self.steps.step("group mark", |_| {
            apply::seal_subvolumes(&plan.file_systems)?;
            apply::seal(plan)?;
            let groups: Vec<_> = plan.groups().collect();
            apply::finish(&groups).map(|()| {
                let found = format!("{} volume groups no longer marked", groups.len());
                ((), found)
            })
        })
    }

    /// Everything between mounting and unmounting.
    fn fill(&mut self, root: &Path) -> Result<(), Stopped> {
        let backup = self.opened.backup;
        let total = backup.totals().bytes_raw;
        self.steps.files(Some(total), |progress| {
            backup.extract(root, &ExtractOptions::default(), progress)
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
        let (plan, opened) = (self.plan, self.opened);
        let outdated = adapt::files(&mut self.steps, chroot, plan, opened, self.keys)?;
        let moved = whom::devices(&mut self.steps, chroot, plan, opened)?;
        let outdated = outdated.or(moved);
        images::boot_images(&mut self.steps, chroot, plan, outdated.as_deref())?;
        if grub::is_there(chroot.root()) {
            self.steps.step("/boot", |_| {
                grub::reads_boot(chroot).map(|kind| ((), format!("GRUB reads it as {kind}")))
            })?;
            self.steps.step("GRUB menu", |_| {
                grub::configure(chroot).map(|()| ((), "loads a kernel".to_owned()))
            })?;
        }
        whom::identity(&mut self.steps, chroot, plan, opened)?;
        let stage = whom::stage(plan, &opened.answers);
        let not_started = self.steps.step("first boot", |_| {
            match firstboot::install(chroot.root(), Path::new(SELF), &stage) {
                Ok(()) => Ok((None, "devices will be reconfigured once".to_owned())),
                Err(error @ FirstBootError::NoInit) => {
                    Ok((Some(error), "nothing starts it".to_owned()))
                }
                Err(error) => Err(error),
            }
        })?;
        if let Some(error) = not_started {
            self.steps.verdict.note(error.to_string());
        }
        adapt::finish(&mut self.steps, chroot, &opened.answers.control)?;
        self.boot_record(chroot)
    }

    fn boot_record(&mut self, chroot: &Chroot) -> Result<(), Stopped> {
        let preps = self.plan.boot_disks().map(|(_, prep)| prep.device.clone());
        let preps: Vec<String> = preps.collect();
        let mut file_systems = self.plan.file_systems.iter();
        let job = Job {
            chroot,
            preps: preps.iter().map(Into::into).collect(),
            machine: Machine::of(Path::new(machine::TREE)),
            renamed: file_systems.any(|fs| fs.uuid != fs.old_uuid),
        };
        let written = self.steps.step("boot record", |_| {
            // Nothing that a boot needs is in memory only when the disk can boot.
            nix::unistd::sync();
            job.write_records().map(|author| {
                let found = format!("in {}, read back", preps.join(", "));
                (author, found)
            })
        });
        match written {
            Ok(Author::Lifeboat(reason)) => {
                self.steps.verdict.note(bosboot::note(&reason));
                Ok(())
            }
            Ok(Author::System | Author::Signed) => Ok(()),
            Err(stopped) => {
                // Of several boot records some may be whole, but the restore is not.
                let plan = self.plan;
                self.steps.step("marked PReP", |_| {
                    apply::mark_prep(plan).map(|()| ((), "marked as unfinished again".to_owned()))
                })?;
                Err(stopped)
            }
        }
    }

    /// Every disk with a boot record is in the list: a mirror boots from either.
    fn boot_list(&mut self) -> Result<(), Stopped> {
        let sys = Path::new("/sys");
        let mut disks = Vec::new();
        for (disk, _) in self.plan.boot_disks() {
            let ways = self.steps.step("firmware path", |_| {
                let names = std::iter::once(&disk.name).chain(&disk.paths);
                let ways = names.map(|name| ofpath::routes(sys, name));
                ways.collect::<Result<Vec<_>, _>>().map(|ways| {
                    let ways = ways.concat();
                    let paths: Vec<&str> = ways.iter().map(|way| way.path.as_str()).collect();
                    let text = paths.join(" ");
                    (ways, text)
                })
            })?;
            disks.push(ways);
        }
        let ways = bootlist::spread(&disks).into_iter();
        let paths: Vec<String> = ways.map(|way| way.path).collect();
        self.steps.verdict.state = DiskState::NotInBootList {
            path: paths.first().cloned(),
        };
        self.steps.step("boot list", |_| {
            bootlist::put_first(Path::new(bootlist::DEVICE), sys, &paths)
                .map(|merged| ((), merged.to_string()))
        })
    }
}
