//! GRUB for Open Firmware: a core image with the few modules that a rescue
//! medium needs built in, and its menu. The core is made by the build host's
//! grub-mkimage from the modules among the collected packages.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::{RunError, Tool};

use crate::rescue::{INITRAMFS, KERNEL};

/// Seconds that the menu waits for a key.
const TIMEOUT: u32 = 2;

/// The modules for the menu and for loading: conditions, the loader, and the
/// decompressor for the gzipped kernel.
pub const MENU_MODULES: [&str; 9] = [
    "normal",
    "configfile",
    "test",
    "echo",
    "linux",
    "gzio",
    "boot",
    "reboot",
    "halt",
];

/// The boot loader could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GrubError {
    /// grub-mkimage or tar failed, or is missing.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FsError),
}

/// A core image to be made.
pub struct Core<'a> {
    /// The modules built in.
    pub modules: &'a [&'a str],
    /// Where GRUB looks for `grub.cfg` and further modules; a path without a
    /// device means the device that the core was loaded from.
    pub prefix: &'a str,
    /// A script that runs first, in a file.
    pub early: Option<PathBuf>,
    /// A tar archive that the core carries as `(memdisk)`.
    pub memdisk: Option<PathBuf>,
}

impl Core<'_> {
    /// Writes the core, an ELF file that Open Firmware starts.
    ///
    /// # Errors
    /// [`GrubError`] when grub-mkimage fails or is missing.
    pub fn write(&self, packages: &Path, out: &Path) -> Result<(), GrubError> {
        let mut tool = Tool::new("grub-mkimage")
            .args(["-O", "powerpc-ieee1275", "-p", self.prefix, "-d"])
            .arg(modules(packages))
            .arg("-o")
            .arg(out);
        if let Some(early) = &self.early {
            tool = tool.arg("-c").arg(early);
        }
        if let Some(memdisk) = &self.memdisk {
            tool = tool.arg("-m").arg(memdisk);
        }
        tool.args(self.modules).run()?;
        Ok(())
    }
}

/// Packs the directory `boot` of `work` into a tar archive for a core to carry. GRUB's
/// tar reader wants member names without a leading `./`.
///
/// # Errors
/// [`GrubError`] when tar fails.
pub fn memdisk(work: &Path) -> Result<PathBuf, GrubError> {
    let archive = work.join("memdisk.tar");
    Tool::new("tar")
        .args(["--create", "--format=ustar", "--sort=name", "--mtime=@0"])
        .args([
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mode=u=rwX,go=rX",
            "--file",
        ])
        .arg(&archive)
        .arg("--directory")
        .arg(work)
        .arg("boot")
        .run()?;
    Ok(archive)
}

/// GRUB's modules among the collected packages.
pub fn modules(packages: &Path) -> PathBuf {
    packages.join("usr/lib/grub/powerpc-ieee1275")
}

/// The menu. Kernel and initramfs lie in `directory` of the device that `root`
/// names when the menu runs.
///
/// No entry names a console: without `console=` the kernel takes the one that
/// the firmware was using.
pub fn menu(directory: &str) -> String {
    let entry = |title: &str, arguments: &str| {
        format!(
            "menuentry \"{title}\" {{\n\techo \"Loading {title} ...\"\n\
             \tlinux {directory}/{KERNEL} {arguments}\n\tinitrd {directory}/{INITRAMFS}\n}}\n"
        )
    };
    [
        format!("set default=0\nset timeout={TIMEOUT}\n"),
        entry("Lifeboat", "lifeboat.mode=menu quiet"),
        entry("Lifeboat: maintenance shell", "lifeboat.mode=shell quiet"),
        entry(
            "Lifeboat: show everything that happens",
            "lifeboat.mode=menu lifeboat.debug",
        ),
        "menuentry \"Start the system on the disk (firmware's next device)\" {\n\texit\n}\n"
            .to_owned(),
        "menuentry \"Power off\" {\n\thalt\n}\n".to_owned(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_starts_the_menu_on_the_firmwares_console() {
        let text = menu("/boot");
        let linux: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("\tlinux "))
            .collect();
        assert_eq!(linux[0], "\tlinux /boot/vmlinuz lifeboat.mode=menu quiet");
        assert_eq!(linux.len(), 3);
        assert!(!text.contains("console="));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
