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
    #[error("0590-432 The system has no update-initramfs; its boot image cannot be rebuilt")]
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

/// Rebuilds the initramfs of one kernel and checks that a new file is there.
///
/// # Errors
/// [`BootImageError`] with what the tool said.
pub fn rebuild(chroot: &Chroot, version: &str) -> Result<(), BootImageError> {
    if !chroot.root().join("usr/sbin/update-initramfs").exists() {
        return Err(BootImageError::NoTool);
    }
    let image = chroot.root().join(format!("boot/initrd.img-{version}"));
    let before = modified(&image);
    let mode = if before.is_some() { "-u" } else { "-c" };
    Tool::new("update-initramfs")
        .args([mode, "-k", version])
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

fn modified(path: &Path) -> Option<SystemTime> {
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
}
