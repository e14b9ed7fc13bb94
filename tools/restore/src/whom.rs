//! Whom a restored system shall be, and on which machine: `docs/first-boot.md` has the
//! table. Each thing is a line of the verdict.

use std::path::Path;

use lifeboat_boot::chroot::Chroot;
use lifeboat_layout::model::Source;
use lifeboat_layout::plan::Plan;
use lifeboat_layout::system::{cards, host::Live, machine};
use lifeboat_stanza::bosinst::{Bosinst, RecoverDevices};
use lifeboat_sys::fs::FsError;

use crate::clone;
use crate::firstboot::Stage;
use crate::prepare::Opened;
use crate::references::network;
use crate::steps::{Steps, Stopped};

/// Names of network cards of which boot images have a copy.
const IN_IMAGES: [&str; 2] = ["etc/systemd/network", "etc/udev"];

/// Moves the configuration of devices to those of this machine. Hands back what was
/// changed of which a boot image may have a copy, if anything was.
pub(crate) fn devices(
    steps: &mut Steps<'_>,
    chroot: &Chroot,
    plan: &Plan,
    opened: &Opened<'_>,
) -> Result<Option<String>, Stopped> {
    let same = opened.model.source.same_machine(&machine());
    steps.step("machine", |_| {
        Ok::<_, FsError>(((), told(same, &opened.model.source)))
    })?;
    let carried = opened.answers.control.recover_devices != RecoverDevices::No;
    let (findings, mut changed) = steps.step("network", |_| {
        let old = &opened.model.cards;
        if !carried {
            let found = "not moved, as bosinst.data says".to_owned();
            return Ok(((Vec::new(), None), found));
        }
        if old.is_empty() {
            let found = "the backup lists no network cards".to_owned();
            return Ok(((Vec::new(), None), found));
        }
        let another = same == Some(false);
        let moved = network::rewrite(chroot.root(), old, &cards(&Live), another)?;
        let in_images = |path: &Path| IN_IMAGES.iter().any(|place| path.starts_with(place));
        let changed = moved.edits.iter().find(|(path, _)| in_images(path));
        let changed = changed.map(|(path, edit)| edit.changed_in(path));
        Ok::<_, FsError>(((moved.findings(), changed), moved.summary()))
    })?;
    for finding in findings {
        steps.verdict.note(finding);
    }
    if plan.new_identity || !carried {
        let renewed = steps.step("multipath", |_| {
            clone::only_own_disks(chroot.root(), plan).map(|files| {
                let changed = files
                    .first()
                    .map(|path| format!("/{} changed", path.display()));
                let found = match files.len() {
                    0 => "no other disks listed".to_owned(),
                    _ => "only the disks of this machine are listed".to_owned(),
                };
                (changed, found)
            })
        })?;
        changed = changed.or(renewed);
    }
    Ok(changed)
}

fn told(same: Option<bool>, source: &Source) -> String {
    match (same, &source.cpu_id) {
        (Some(true), _) => "that of the backup".to_owned(),
        (Some(false), Some(id)) => format!("another than that of the backup, {id}"),
        (Some(false), None) => "another than that of the backup".to_owned(),
        (None, _) => "perhaps that of the backup: it has no identity to go by".to_owned(),
    }
}

/// Makes a clone another system than its source, and gives a system another name.
pub(crate) fn identity(
    steps: &mut Steps<'_>,
    chroot: &Chroot,
    plan: &Plan,
    opened: &Opened<'_>,
) -> Result<(), Stopped> {
    let name = opened.answers.first_boot.hostname.as_deref();
    if plan.new_identity {
        let findings = steps.step("new identity", |_| {
            clone::renew(chroot).map(|renewed| {
                let count = renewed.files.len();
                let found = format!("{count} files are not those of the source, see the log");
                (renewed.findings, found)
            })
        })?;
        for finding in findings {
            steps.verdict.note(finding);
        }
        let addresses = steps.step("addresses", |_| {
            network::fixed(chroot.root()).map(|files| {
                let found = match files.len() {
                    0 => "none are fixed".to_owned(),
                    count => format!("fixed in {count} files"),
                };
                (files, found)
            })
        })?;
        for path in addresses {
            steps.verdict.note(format!(
                "0590-492 /{} has a network address of the source; change it before both systems are on one network",
                path.display()
            ));
        }
        if name.is_none() {
            steps.verdict.note(
                "0590-493 The clone has the host name of its source; LX_HOSTNAME of bosinst.data gives it another",
            );
        }
    }
    let Some(name) = name else {
        return Ok(());
    };
    steps.step("host name", |_| {
        clone::rename(chroot.root(), name).map(|files| {
            let files: Vec<_> = files
                .iter()
                .map(|path| format!("/{}", path.display()))
                .collect();
            ((), format!("{name}, in {}", files.join(", ")))
        })
    })
}

/// What is left to the first boot.
pub(crate) fn stage(plan: &Plan, answers: &Bosinst) -> Stage {
    Stage {
        clone: plan.new_identity,
        replay: answers.control.recover_devices == RecoverDevices::Yes,
        script: answers.first_boot.script.clone(),
        phase: answers.first_boot.phase,
    }
}
