//! The boot images of a restored system. One that came with the backup is kept where
//! looking into it shows that it finds this machine's root; whatever is in doubt is made
//! anew, which takes half of the time of a restore.

use std::path::Path;

use lifeboat_boot::bootimage::{self, BootImageError, Extent, Maker};
use lifeboat_boot::chroot::Chroot;
use lifeboat_boot::inspect::{InspectError, Wanted, inspect};
use lifeboat_devices::modules::ModuleIndex;
use lifeboat_layout::plan::{Plan, Stacked};
use lifeboat_sys::fs::FsError;

use crate::drivers;
use crate::references::Rewritten;
use crate::steps::{Steps, Stopped};

const SYS: &str = "/sys";
/// Files that no boot image of initramfs-tools has a copy of, by the beginning.
const NOT_INSIDE: [&str; 5] = [
    "boot/",
    "etc/default/",
    "etc/kdump.conf",
    "etc/kernel/",
    "etc/systemd/",
];
/// What a boot image itself mounts, by fstab; and swap space, from which it resumes.
const MOUNTED: [&str; 4] = ["/", "/usr", "none", "swap"];

/// A boot image could not be made, or would not find its root.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    #[error(transparent)]
    Make(#[from] BootImageError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
}

/// Why the images in the backup cannot be right, from what was changed in the files;
/// `None` if looking into them decides.
pub(crate) fn outdated(plan: &Plan, rewritten: &Rewritten, lvm_changed: bool) -> Option<String> {
    if lvm_changed {
        return Some("LVM's devices file changed".to_owned());
    }
    let on = |kind: &str| Some(format!("{kind} are made anew"));
    for stacked in &plan.stack {
        match stacked {
            Stacked::Array(_) => return on("md arrays"),
            Stacked::Crypt(_) => return on("encrypted devices"),
            Stacked::Group(_) => {}
        }
    }
    let inside = rewritten.edits.iter().find(|(path, edit)| {
        let name = path.to_string_lossy();
        match &*name {
            "etc/fstab" => [&edit.old, &edit.new]
                .into_iter()
                .any(|line| is_mounted(line)),
            name => !NOT_INSIDE.iter().any(|outside| name.starts_with(outside)),
        }
    });
    inside.map(|(path, edit)| edit.changed_in(path))
}

fn is_mounted(line: &str) -> bool {
    let at = line.split_whitespace().nth(1);
    at.is_none_or(|at| MOUNTED.contains(&at))
}

/// Makes the boot image of every kernel anew where that is needed, and looks into it.
pub(crate) fn boot_images(
    steps: &mut Steps<'_>,
    chroot: &Chroot,
    plan: &Plan,
    outdated: Option<&str>,
) -> Result<(), Stopped> {
    let (maker, kernels) = steps.step("kernels", |_| {
        let maker = Maker::of(chroot.root())?;
        let kernels = bootimage::kernels(chroot.root())?;
        let found = kernels.join(", ");
        Ok::<_, BootImageError>(((maker, kernels), found))
    })?;
    for kernel in kernels {
        let (index, multipath) = steps.step("drivers", |_| {
            let (index, found) = index_of(chroot, plan, &kernel)?;
            let multipath = drivers::multipath(chroot.root(), plan)?;
            Ok::<_, FsError>(((index, multipath), found))
        })?;
        let wanted = drivers::wanted(Path::new(SYS), plan, &index).into_iter();
        let image = Image {
            chroot,
            maker,
            kernel: &kernel,
            path: bootimage::image_of(chroot.root(), maker, &kernel),
            drivers: drivers::modules(Path::new(SYS), plan, &index),
            wanted: wanted.chain(multipath).collect(),
        };
        steps.step("boot image", |_| {
            let found = match image.doubt(outdated) {
                None => image.found("kept", image.look()?),
                Some(why) => image.found(&format!("rebuilt, {why}"), image.rebuild()?),
            };
            Ok::<_, ImageError>(((), found))
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

/// The boot image of a kernel.
struct Image<'a> {
    chroot: &'a Chroot,
    maker: Maker,
    kernel: &'a str,
    path: String,
    drivers: Vec<String>,
    wanted: Vec<Wanted>,
}

impl Image<'_> {
    /// Why it must be made anew, if it must.
    fn doubt(&self, outdated: Option<&str>) -> Option<String> {
        if let Some(why) = outdated {
            return Some(why.to_owned());
        }
        // dracut may have put into it what only the old machine has.
        if self.maker == Maker::Dracut {
            return Some("dracut made it for one machine".to_owned());
        }
        if !self.chroot.root().join(&self.path).is_file() {
            return Some("the backup has none".to_owned());
        }
        match self.look() {
            Ok(_) => None,
            Err(InspectError::Lacks { what, .. }) => Some(format!("it lacked {what}")),
            Err(InspectError::List { .. }) => Some("it could not be listed".to_owned()),
        }
    }

    fn look(&self) -> Result<usize, InspectError> {
        inspect(self.chroot, self.maker, &self.path, &self.wanted)
    }

    /// An image that lacks something is made once more with the drivers of every machine.
    fn rebuild(&self) -> Result<usize, ImageError> {
        match self.make(Extent::AsSet) {
            Err(ImageError::Inspect(InspectError::Lacks { what, .. }))
                if self.maker == Maker::Dracut =>
            {
                log::warn!("{} lacks {what}: once more with all drivers", self.path);
                self.make(Extent::Every)
            }
            other => other,
        }
    }

    fn make(&self, extent: Extent) -> Result<usize, ImageError> {
        bootimage::rebuild(self.chroot, self.maker, self.kernel, &self.drivers, extent)?;
        Ok(self.look()?)
    }

    fn found(&self, how: &str, files: usize) -> String {
        let has: Vec<&str> = self
            .wanted
            .iter()
            .map(|wanted| wanted.any[0].as_str())
            .collect();
        format!(
            "{}: {how}; {files} files, has {}",
            self.path,
            has.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::Edit;
    use lifeboat_layout::plan::{Settings, plan};

    fn planned() -> Plan {
        let image = include_str!("../tests/data/rhel9.image.data");
        let image = lifeboat_stanza::Document::parse(image).unwrap();
        let model = lifeboat_layout::model::Model::from_document(&image).unwrap();
        plan(&model, &[drivers::tests::disk()], &Settings::default()).unwrap()
    }

    #[test]
    fn what_a_boot_image_has_a_copy_of_makes_it_outdated() {
        let plan = planned();
        let why = |path: &str, old: &str, new: &str| {
            let edit = Edit {
                line: 3,
                old: old.into(),
                new: new.into(),
            };
            let rewritten = Rewritten {
                edits: vec![(path.into(), edit)],
                no_fstab: false,
            };
            outdated(&plan, &rewritten, false)
        };
        assert_eq!(outdated(&plan, &Rewritten::default(), false), None);
        assert!(outdated(&plan, &Rewritten::default(), true).is_some());
        for (path, old, new) in [
            ("etc/crypttab", "a", "b"),
            ("etc/initramfs-tools/conf.d/resume", "RESUME=a", "RESUME=b"),
            ("etc/fstab", "UUID=1 / ext4", "UUID=2 / ext4"),
            ("etc/fstab", "/dev/a none swap sw", "/dev/b none swap sw"),
            ("etc/fstab", "", "odd"),
        ] {
            let said = why(path, old, new).unwrap();
            assert_eq!(said, format!("/{path}, line 3 changed"));
        }
        for (path, old, new) in [
            ("etc/fstab", "UUID=1 /data ext4", "UUID=1 /data ext4 nofail"),
            ("etc/default/grub", "a", "b"),
            ("boot/grub/grubenv", "a", "b"),
        ] {
            assert_eq!(why(path, old, new), None, "{path}");
        }
    }
}
