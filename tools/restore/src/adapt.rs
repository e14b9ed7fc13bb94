//! A system whose files are back, adapted to the machine: what it says of its devices,
//! its boot images, its labels. Each thing is a line of the verdict.

use std::path::Path;
use std::time::Duration;

use lifeboat_boot::bootimage::{self, Extent, Maker};
use lifeboat_boot::chroot::Chroot;
use lifeboat_boot::inspect::{InspectError, inspect};
use lifeboat_devices::modules::ModuleIndex;
use lifeboat_layout::plan::Plan;
use lifeboat_stanza::bosinst::ControlFlow;
use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::Tool;

use crate::lvm_devices::{self, Renewed};
use crate::prepare::Opened;
use crate::presence::Presence;
use crate::references::rewrite;
use crate::steps::{Steps, Stopped};
use crate::{crypts, drivers, selinux};

const SYS: &str = "/sys";
/// How long a program of the operator may take.
const CUSTOM_LIMIT: Duration = Duration::from_secs(3600);

/// A boot image could not be made, or would not find its root.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    #[error(transparent)]
    Make(#[from] bootimage::BootImageError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
}

/// Makes the files fit the devices, and the other volume groups known.
pub(crate) fn files(
    steps: &mut Steps<'_>,
    chroot: &Chroot,
    plan: &Plan,
    opened: &Opened<'_>,
) -> Result<(), Stopped> {
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
    let crypts = crypts::findings(chroot.root(), plan, &opened.model);
    for finding in rewritten.findings().into_iter().chain(crypts) {
        steps.verdict.note(finding);
    }
    steps.step("LVM devices", |_| {
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
            ((), found)
        })
    })
}

/// Rebuilds the boot image of every kernel and looks into it.
pub(crate) fn boot_images(
    steps: &mut Steps<'_>,
    chroot: &Chroot,
    plan: &Plan,
) -> Result<(), Stopped> {
    let (maker, kernels) = steps.step("kernels", |_| {
        let maker = Maker::of(chroot.root())?;
        let kernels = bootimage::kernels(chroot.root())?;
        let found = kernels.join(", ");
        Ok::<_, bootimage::BootImageError>(((maker, kernels), found))
    })?;
    for kernel in kernels {
        let index = steps.step("drivers", |_| index_of(chroot, plan, &kernel))?;
        steps.step("boot image", |_| {
            boot_image(chroot, plan, maker, &kernel, &index)
        })?;
    }
    Ok(())
}

fn index_of(chroot: &Chroot, plan: &Plan, kernel: &str) -> Result<(ModuleIndex, String), FsError> {
    let index = ModuleIndex::read(&chroot.root().join("lib/modules").join(kernel))?;
    let modules = drivers::modules(Path::new(SYS), plan, &index);
    let found = if modules.is_empty() {
        format!("of kernel {kernel}: all built in")
    } else {
        format!("of kernel {kernel}: {}", modules.join(", "))
    };
    Ok((index, found))
}

/// An image that lacks something is made once more with the drivers of every machine.
fn boot_image(
    chroot: &Chroot,
    plan: &Plan,
    maker: Maker,
    kernel: &str,
    index: &ModuleIndex,
) -> Result<((), String), ImageError> {
    let modules = drivers::modules(Path::new(SYS), plan, index);
    let wanted = drivers::wanted(Path::new(SYS), plan, index);
    let image = bootimage::image_of(chroot.root(), maker, kernel);
    let make = |extent| {
        bootimage::rebuild(chroot, maker, kernel, &modules, extent)?;
        Ok::<_, ImageError>(inspect(chroot, maker, &image, &wanted)?)
    };
    let files = match make(Extent::AsSet) {
        Err(ImageError::Inspect(InspectError::Lacks { what, .. })) if maker == Maker::Dracut => {
            log::warn!("{image} lacks {what}: once more with all drivers");
            make(Extent::Every)?
        }
        other => other?,
    };
    let found = format!("{image}: {files} files, {} checks passed", wanted.len());
    Ok(((), found))
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
