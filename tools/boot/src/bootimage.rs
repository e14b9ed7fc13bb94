//! Boot images: kernels in `/boot` and their initramfs, rebuilt by the system's
//! own tool.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::run::{RunError, Tool};

use crate::chroot::Chroot;

/// The boot image could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum BootImageError {
    /// No kernel with modules.
    #[error(
        "0590-431 The system has no kernel: no file /boot/vmlinu?-* with a directory in /lib/modules"
    )]
    NoKernel,
    /// A distribution whose tool we do not know.
    #[error(
        "0590-432 The system has neither update-initramfs nor dracut; its boot image cannot be rebuilt"
    )]
    NoTool,
    /// The tool failed.
    #[error("0590-433 The boot image of kernel {version} was not rebuilt")]
    Tool {
        /// Kernel version.
        version: String,
        /// What the tool said.
        #[source]
        source: RunError,
    },
    /// The tool said nothing, but the file is not new.
    #[error("0590-434 {} is empty or was not written anew", path.display())]
    Stale {
        /// The initramfs.
        path: PathBuf,
    },
    /// A directory or file could not be read.
    #[error("0590-435 The boot images cannot be looked at")]
    Read(#[source] FsError),
}

/// Versions of the kernels that are in `/boot` with modules beside them, sorted.
///
/// # Errors
/// [`BootImageError`] when a directory cannot be read or there is none.
pub fn kernels(root: &Path) -> Result<Vec<String>, BootImageError> {
    let boot = root.join("boot");
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(&boot)
        .at("list", &boot)
        .map_err(BootImageError::Read)?
    {
        let entry = entry.at("list", &boot).map_err(BootImageError::Read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let version = name
            .strip_prefix("vmlinux-")
            .or_else(|| name.strip_prefix("vmlinuz-"));
        if let Some(version) = version.filter(|v| root.join("lib/modules").join(v).is_dir()) {
            versions.push(version.to_owned());
        }
    }
    versions.sort();
    versions.dedup();
    if versions.is_empty() {
        Err(BootImageError::NoKernel)
    } else {
        Ok(versions)
    }
}

/// What makes boot images in a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// initramfs-tools, of Debian and its relatives.
    UpdateInitramfs,
    /// dracut, of everybody else.
    Dracut,
}

/// How much a boot image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What the system's own settings say.
    AsSet,
    /// The drivers of every machine, where the maker can be told so: dracut in a
    /// chroot may not see what the machine needs.
    Every,
}

/// Places of dracut.
const DRACUT: [&str; 3] = ["usr/bin/dracut", "usr/sbin/dracut", "sbin/dracut"];

impl Maker {
    /// The one that the system has.
    ///
    /// # Errors
    /// [`BootImageError::NoTool`].
    pub fn of(root: &Path) -> Result<Self, BootImageError> {
        if root.join("usr/sbin/update-initramfs").exists() {
            Ok(Self::UpdateInitramfs)
        } else if DRACUT.iter().any(|path| root.join(path).exists()) {
            Ok(Self::Dracut)
        } else {
            Err(BootImageError::NoTool)
        }
    }

    /// The names that distributions give to the boot image of a kernel, below `/boot`.
    fn names(self, version: &str) -> Vec<String> {
        let debian = format!("initrd.img-{version}");
        match self {
            Self::UpdateInitramfs => vec![debian],
            Self::Dracut => vec![
                format!("initramfs-{version}.img"),
                format!("initrd-{version}"),
                debian,
            ],
        }
    }
}

/// The boot image of a kernel, as a path from the root of the system: the one that is
/// there, else the one that its maker would make.
#[must_use]
pub fn image_of(root: &Path, maker: Maker, version: &str) -> String {
    let names = maker.names(version);
    let there = names
        .iter()
        .find(|name| root.join("boot").join(name).exists());
    format!("boot/{}", there.unwrap_or(&names[0]))
}

/// Rebuilds the initramfs of one kernel and checks that a new file is there. `drivers`
/// are modules that it shall have in any case, where the maker can be told so.
///
/// # Errors
/// [`BootImageError`] with what the tool said.
pub fn rebuild(
    chroot: &Chroot,
    maker: Maker,
    version: &str,
    drivers: &[String],
    extent: Extent,
) -> Result<(), BootImageError> {
    let name = image_of(chroot.root(), maker, version);
    let image = chroot.root().join(&name);
    let before = modified(&image);
    tool(
        maker,
        version,
        &format!("/{name}"),
        before.is_some(),
        drivers,
        extent,
    )
    .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    .chroot(chroot.root())
    .run()
    .map_err(|source| BootImageError::Tool {
        version: version.to_owned(),
        source,
    })?;
    let size = std::fs::metadata(&image).map_or(0, |m| m.len());
    if size == 0 || modified(&image) == before {
        return Err(BootImageError::Stale { path: image });
    }
    Ok(())
}

fn tool(
    maker: Maker,
    version: &str,
    image: &str,
    is_there: bool,
    drivers: &[String],
    extent: Extent,
) -> Tool {
    match maker {
        Maker::UpdateInitramfs => {
            let mode = if is_there { "-u" } else { "-c" };
            Tool::new("update-initramfs").args([mode, "-k", version])
        }
        Maker::Dracut => {
            let mut tool = Tool::new("dracut").arg("--force");
            if !drivers.is_empty() {
                tool = tool.args(["--add-drivers", &drivers.join(" ")]);
            }
            if extent == Extent::Every {
                tool = tool.arg("--no-hostonly");
            }
            tool.args([image, version])
        }
    }
}

/// When a file was written last; `None` if it is not there.
pub(crate) fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|m| m.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kernels_with_modules_count() {
        let root = tempfile::tempdir().unwrap();
        let boot = root.path().join("boot");
        std::fs::create_dir_all(&boot).unwrap();
        assert!(matches!(
            kernels(root.path()),
            Err(BootImageError::NoKernel)
        ));
        for name in [
            "vmlinux-6.12.1",
            "vmlinuz-6.1.9",
            "vmlinux-orphan",
            "initrd.img-6.12.1",
        ] {
            std::fs::write(boot.join(name), "").unwrap();
        }
        for version in ["6.12.1", "6.1.9", "5.0-no-kernel"] {
            std::fs::create_dir_all(root.path().join("lib/modules").join(version)).unwrap();
        }
        assert_eq!(kernels(root.path()).unwrap(), ["6.1.9", "6.12.1"]);
    }

    #[test]
    fn the_image_is_the_one_that_the_distribution_names() {
        let root = tempfile::tempdir().unwrap();
        let of = |maker| image_of(root.path(), maker, "5.14");
        assert_eq!(of(Maker::UpdateInitramfs), "boot/initrd.img-5.14");
        assert_eq!(of(Maker::Dracut), "boot/initramfs-5.14.img");
        std::fs::create_dir_all(root.path().join("boot")).unwrap();
        std::fs::write(root.path().join("boot/initrd-5.14"), "").unwrap();
        assert_eq!(of(Maker::Dracut), "boot/initrd-5.14");
    }

    #[test]
    fn the_maker_is_found_and_told_the_drivers() {
        let root = tempfile::tempdir().unwrap();
        assert!(Maker::of(root.path()).is_err());
        std::fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        std::fs::write(root.path().join("usr/bin/dracut"), "").unwrap();
        assert_eq!(Maker::of(root.path()).unwrap(), Maker::Dracut);
        let drivers = ["ibmvscsi".to_owned(), "sd_mod".to_owned()];
        let line = |extent| tool(Maker::Dracut, "5.14", "/boot/i", true, &drivers, extent).argv();
        assert_eq!(
            line(Extent::AsSet),
            "dracut --force --add-drivers ibmvscsi sd_mod /boot/i 5.14"
        );
        assert!(line(Extent::Every).contains("--no-hostonly"));
    }
}
