//! The rescue CD: the tree that it is made from, and the image.

use std::path::Path;
use std::sync::Arc;

use lifeboat_backup::iso::{self, Contents};
use lifeboat_sys::fs::{self, PathContext as _};

use crate::budget::Budget;
use crate::grub::{self, Core, MENU_MODULES};
use crate::rescue::{DATE, INITRAMFS, KERNEL};

/// Run by GRUB before its menu. GRUB understands "the device that I came from" as
/// partition 0 of the CD, which does not exist: search the CD by its name, first
/// on that device, because another rescue CD may be in another drive.
const EARLY: &str = "regexp --set 1:device \"^([^,]*)\" \"$root\"
search.fs_label LIFEBOAT root \"$device\"
set prefix=($root)/boot/grub
";

/// What CHRP firmware reads to learn which file to start; `&device;` is the CD
/// itself. Source: CHRP ISO-9660 binding to IEEE 1275, "bootinfo.txt".
const BOOTINFO: &str = "<chrp-boot>
<description>Lifeboat</description>
<os-name>Lifeboat</os-name>
<boot-script>boot &device;:\\boot\\grub\\core.elf</boot-script>
</chrp-boot>
";

/// Writes the CD tree: the directory from which image-build, and `mkdvd` on a
/// backed-up system, make CDs.
///
/// # Errors
/// When a program fails or a file is missing.
pub fn tree(packages: &Path, rescue: &Path, out: &Path) -> anyhow::Result<()> {
    let (ppc, boot, grub) = (out.join("ppc"), out.join("boot"), out.join("boot/grub"));
    for directory in [&ppc, &grub] {
        fs::create_dir_all(directory)?;
    }
    let work = tempfile::tempdir().at("create", "a temporary directory")?;
    let early = work.path().join("early.cfg");
    fs::write(&early, EARLY)?;
    let modules: Vec<&str> = MENU_MODULES
        .into_iter()
        .chain(["iso9660", "search_label", "regexp"])
        .collect();
    Core {
        modules: &modules,
        prefix: "/boot/grub",
        early: Some(early),
        memdisk: None,
    }
    .write(packages, &grub.join("core.elf"))?;
    fs::write(grub.join("grub.cfg"), grub::menu("/boot"))?;
    fs::write(ppc.join("bootinfo.txt"), BOOTINFO)?;
    for (from, to) in [
        (rescue.join(KERNEL), boot.join(KERNEL)),
        (rescue.join(INITRAMFS), boot.join(INITRAMFS)),
        (rescue.join(DATE), out.join(iso::DATE)),
    ] {
        std::fs::copy(&from, to).at("copy", &from)?;
    }
    Ok(())
}

/// Writes the CD image: what `rescue` wrote, and a backup and settings for it.
///
/// # Errors
/// When a program fails, a file is missing, or the image without a backup is
/// above its budget.
pub fn build(
    packages: &Path,
    rescue: &Path,
    backup: Option<&Path>,
    bosinst: Option<&Path>,
    out: &Path,
) -> anyhow::Result<()> {
    let parent = out
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let work = tempfile::tempdir_in(parent).at("create directory", parent)?;
    let directory = work.path().join("tree");
    tree(packages, rescue, &directory)?;
    let contents = Contents {
        rescue: Some(&directory),
        backup,
        bosinst,
    };
    // An image above its budget must not stand where a good one is expected.
    let unfinished = work.path().join("unfinished.iso");
    let bytes = iso::write(&contents, &unfinished, &Arc::default(), &mut |_, _| {})?;
    if backup.is_none() {
        Budget::Iso.check(bytes)?;
    }
    std::fs::rename(&unfinished, out).at("create", out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootinfo_starts_a_file_of_the_tree() {
        assert!(iso::FILES.contains(&"boot/grub/core.elf"));
        assert!(BOOTINFO.contains("boot &device;:\\boot\\grub\\core.elf"));
        assert!(iso::FILES.contains(&format!("boot/{KERNEL}").as_str()));
        assert!(iso::FILES.contains(&format!("boot/{INITRAMFS}").as_str()));
    }
}
