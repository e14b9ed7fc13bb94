//! A system whose files are back, adapted to the machine: what it says of its devices,
//! its volume groups, its labels. Each thing is a line of the verdict.

use std::time::Duration;

use lifeboat_boot::chroot::Chroot;
use lifeboat_layout::apply::Keys;
use lifeboat_layout::plan::Plan;
use lifeboat_stanza::bosinst::ControlFlow;
use lifeboat_sys::run::Tool;

use crate::lvm_devices::{self, Renewed};
use crate::prepare::Opened;
use crate::presence::Presence;
use crate::references::rewrite;
use crate::steps::{Steps, Stopped};
use crate::{crypts, images, selinux};

/// How long a program of the operator may take.
const CUSTOM_LIMIT: Duration = Duration::from_secs(3600);

/// Makes the files fit the devices, and the other volume groups known. Hands back why
/// the boot images in the backup cannot be right any more, if that can be said.
pub(crate) fn files(
    steps: &mut Steps<'_>,
    chroot: &Chroot,
    plan: &Plan,
    opened: &Opened<'_>,
    keys: &Keys,
) -> Result<Option<String>, Stopped> {
    let import = opened.answers.control.import_user_vgs != Some(false);
    let presence = steps.step("volume groups", |_| {
        Presence::look(chroot.root(), plan, import).map(|presence| {
            let found = match presence.groups() {
                _ if !import => "others are not imported, as bosinst.data says".to_owned(),
                names if names.is_empty() => "no others".to_owned(),
                names => format!("imported: {}", names.join(", ")),
            };
            (presence, found)
        })
    })?;
    if let Some(trouble) = &presence.trouble {
        steps.verdict.note(trouble);
    }
    let rewritten = steps.step("references", |_| {
        let is_there = |device: &str| presence.has(device, chroot);
        rewrite(chroot.root(), plan, &opened.model, &is_there).map(|rewritten| {
            let summary = rewritten.summary();
            (rewritten, summary)
        })
    })?;
    let crypts = crypts::findings(chroot.root(), plan, &opened.model, keys);
    for finding in rewritten.findings().into_iter().chain(crypts) {
        steps.verdict.note(finding);
    }
    let lvm_changed = steps.step("LVM devices", |_| {
        let own: Vec<String> = plan
            .groups()
            .flat_map(|group| group.devices.clone())
            .collect();
        lvm_devices::renew(chroot, &own, &presence.physical_volumes).map(|renewed| {
            let found = match renewed {
                Renewed::None => "no devices file".to_owned(),
                Renewed::Listed(count) => format!("system.devices lists {count}"),
                Renewed::Aside => "system.devices set aside".to_owned(),
            };
            (renewed != Renewed::None, found)
        })
    })?;
    Ok(images::outdated(plan, &rewritten, lvm_changed))
}

/// Labels, and the operator's own program.
pub(crate) fn finish(
    steps: &mut Steps<'_>,
    chroot: &Chroot,
    control: &ControlFlow,
) -> Result<(), Stopped> {
    if let Some(program) = &control.customization_file {
        steps.step("customization", |_| {
            let tool = Tool::new(program)
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .chroot(chroot.root())
                .deadline(CUSTOM_LIMIT);
            tool.run().map(|_| ((), format!("{program} ended well")))
        })?;
    }
    steps.step("SELinux", |_| {
        selinux::label(chroot).map(|found| ((), found))
    })
}

/// The operator's program for a failed install, in the rescue system.
pub(crate) fn on_error(steps: &mut Steps<'_>, control: &ControlFlow) {
    if let Some(program) = &control.error_exit {
        // How it came out is in the verdict, which is a failure already.
        let _ = steps.step("ERROR_EXIT", |_| {
            let tool = Tool::new(program).deadline(CUSTOM_LIMIT);
            tool.run().map(|_| ((), format!("{program} ended well")))
        });
    }
}
