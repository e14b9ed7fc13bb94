//! The rescue CD: what SLOF boots, and room for a system backup.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use lifeboat_sys::fs::{self, PathContext as _};
use lifeboat_sys::run::Tool;

use crate::budget::Budget;
use crate::grub::{self, Core, MENU_MODULES};
use crate::rescue::{DATE, INITRAMFS, KERNEL};

/// How the CD is found again, whatever device it is.
const VOLUME: &str = "LIFEBOAT";

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

/// What goes onto the CD.
pub struct Contents<'a> {
    /// The directory that `rescue` wrote.
    pub rescue: &'a Path,
    /// A system backup.
    pub backup: Option<&'a Path>,
    /// Settings that win over those inside the backup.
    pub bosinst: Option<&'a Path>,
}

/// Writes the CD image.
///
/// # Errors
/// When a program fails, a file is missing, or the image without a backup is
/// above its budget.
pub fn build(packages: &Path, contents: &Contents<'_>, out: &Path) -> anyhow::Result<()> {
    let parent = out
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let work = tempfile::tempdir_in(parent).at("create directory", parent)?;
    let grafts = grafts(packages, contents, work.path())?;
    let date = fs::read_to_string(contents.rescue.join(DATE))?;
    // A CD that was not finished must not stand where a finished one is expected.
    let unfinished = work.path().join("unfinished.iso");
    xorriso(&grafts, date.trim(), &unfinished)?;
    if contents.backup.is_none() {
        Budget::Iso.check(
            std::fs::metadata(&unfinished)
                .at("examine", &unfinished)?
                .len(),
        )?;
    }
    std::fs::rename(&unfinished, out).at("create", out)?;
    Ok(())
}

/// Pairs of a path on the CD and the file of the build host that goes there.
fn grafts(
    packages: &Path,
    contents: &Contents<'_>,
    work: &Path,
) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let core = work.join("core.elf");
    let modules: Vec<&str> = MENU_MODULES
        .into_iter()
        .chain(["iso9660", "search_label", "regexp"])
        .collect();
    let early = work.join("early.cfg");
    fs::write(&early, EARLY)?;
    Core {
        modules: &modules,
        prefix: "/boot/grub",
        early: Some(early),
        memdisk: None,
    }
    .write(packages, &core)?;
    let (menu, bootinfo) = (work.join("grub.cfg"), work.join("bootinfo.txt"));
    fs::write(&menu, grub::menu("/boot"))?;
    fs::write(&bootinfo, BOOTINFO)?;
    let mut grafts = vec![
        ("/ppc/bootinfo.txt".to_owned(), bootinfo),
        ("/boot/grub/core.elf".to_owned(), core),
        ("/boot/grub/grub.cfg".to_owned(), menu),
        (format!("/boot/{KERNEL}"), contents.rescue.join(KERNEL)),
        (
            format!("/boot/{INITRAMFS}"),
            contents.rescue.join(INITRAMFS),
        ),
    ];
    if let Some(backup) = contents.backup {
        let name = backup
            .file_name()
            .and_then(|n| n.to_str())
            .context("backup without a name")?;
        ensure!(
            name.ends_with(".mksysb"),
            "0590-814 {} is not called *.mksysb, so the CD's menu would not find it",
            backup.display()
        );
        grafts.push((format!("/lifeboat/{name}"), backup.to_owned()));
    }
    if let Some(bosinst) = contents.bosinst {
        grafts.push(("/lifeboat/bosinst.data".to_owned(), bosinst.to_owned()));
    }
    Ok(grafts)
}

/// Runs xorriso so that the same files give the same image: every date is
/// `date` (seconds since 1970), nobody owns anything, no volume id is random.
fn xorriso(grafts: &[(String, PathBuf)], date: &str, out: &Path) -> anyhow::Result<()> {
    let mut tool = Tool::new("xorriso")
        .env("SOURCE_DATE_EPOCH", date)
        .args(["-no_rc", "-as", "mkisofs", "-quiet"])
        // Level 3 holds files of 4 GiB and more; Rock Ridge keeps long names.
        .args(["-iso-level", "3", "-r", "-V", VOLUME])
        // One partition of type 0x96 over the whole image: SLOF looks for it.
        .arg("-chrp-boot-part")
        .args(["--set_all_file_dates", &format!("={date}")])
        .args(["-graft-points", "-o"])
        .arg(out);
    for (path, file) in grafts {
        ensure!(file.exists(), "0590-815 {} does not exist", file.display());
        tool = tool.arg(format!("{path}={}", file.display()));
    }
    tool.run()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_image_whenever_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let (file, big) = (dir.path().join("bootinfo.txt"), dir.path().join("vmlinuz"));
        let build = |name: &str, seconds: &str| {
            fs::write(&file, BOOTINFO).unwrap();
            fs::write(&big, [7; 5000]).unwrap();
            Tool::new("touch")
                .args(["-d", seconds])
                .args([&file, &big])
                .run()
                .unwrap();
            let grafts = [
                ("/ppc/bootinfo.txt".to_owned(), file.clone()),
                ("/boot/vmlinuz".to_owned(), big.clone()),
            ];
            let out = dir.path().join(name);
            xorriso(&grafts, "1787977149", &out).unwrap();
            fs::read(out).unwrap()
        };
        let first = build("first.iso", "@1000000000");
        assert!(first == build("second.iso", "@1500000000"));
        // The MBR's only partition has type 0x96 and the volume its name.
        assert_eq!(first[450], 0x96);
        assert!(first[16 * 2048..].starts_with(b"\x01CD001"));
        assert!(first[16 * 2048 + 40..].starts_with(VOLUME.as_bytes()));
    }

    #[test]
    fn a_missing_file_is_named() {
        let grafts = [("/boot/vmlinuz".to_owned(), PathBuf::from("/no/such/file"))];
        let error = xorriso(&grafts, "0", Path::new("/no/such/iso")).unwrap_err();
        assert_eq!(error.to_string(), "0590-815 /no/such/file does not exist");
    }
}
