//! The one kernel among the collected packages: its release, its image, and the
//! names and paths of its modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{self, FsError, PathContext as _};

use crate::elf::{Elf, ElfError};
use crate::modinfo::canonical;

/// The kernel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// Not exactly one kernel was collected.
    #[error("0590-805 {} holds {found} kernels instead of one", path.display())]
    Count {
        /// Where kernels were looked for.
        path: PathBuf,
        /// How many there were.
        found: usize,
    },
    /// The image is not what a boot loader can load.
    #[error("0590-806 Kernel {} cannot be used", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ElfError,
    },
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FsError),
}

/// A collected kernel.
pub struct Kernel {
    /// As `uname -r` says it.
    pub release: String,
    /// Its module directory on the build host.
    pub modules: PathBuf,
    /// Module name → path below the module directory, without compression suffix.
    pub paths: BTreeMap<String, String>,
    /// Position of each path in `modules.order`: the earlier of two modules with
    /// the same alias is the preferred one.
    pub order: BTreeMap<String, usize>,
    /// Names of what other kernels have as modules and this one has built in.
    pub builtin: BTreeSet<String>,
    image: PathBuf,
}

impl Kernel {
    /// Finds the kernel below the root of the collected packages.
    ///
    /// # Errors
    /// [`KernelError`] when there is none, or more than one.
    pub fn find(root: &Path) -> Result<Self, KernelError> {
        let all = root.join("usr/lib/modules");
        let mut releases = Vec::new();
        for entry in std::fs::read_dir(&all).at("read directory", &all)? {
            let entry = entry.at("read directory", &all)?;
            releases.push(entry.file_name().to_string_lossy().into_owned());
        }
        let [release] = releases.as_slice() else {
            return Err(KernelError::Count {
                path: all,
                found: releases.len(),
            });
        };
        let modules = all.join(release);
        let listed = fs::read_to_string(modules.join("modules.order"))?;
        let builtin = fs::read_to_string(modules.join("modules.builtin"))?;
        Ok(Self {
            image: root.join(format!("boot/vmlinux-{release}")),
            release: release.clone(),
            paths: listed
                .lines()
                .map(|path| (name(path), path.to_owned()))
                .collect(),
            order: listed
                .lines()
                .enumerate()
                .map(|(at, path)| (path.to_owned(), at))
                .collect(),
            builtin: builtin.lines().map(name).collect(),
            modules,
        })
    }

    /// The image without its symbol table (an eighth of the file), which no boot
    /// loader reads.
    ///
    /// # Errors
    /// [`KernelError`] when it cannot be read or is no ELF file.
    pub fn image(&self) -> Result<Vec<u8>, KernelError> {
        let bytes = fs::read(&self.image)?;
        Elf::parse(&bytes)
            .and_then(|elf| elf.loadable())
            .map_err(|source| KernelError::Image {
                path: self.image.clone(),
                source,
            })
    }

    /// When the distribution built the kernel, in seconds since 1970: the date
    /// that all files of the image get.
    ///
    /// # Errors
    /// [`KernelError::File`] when the image is missing.
    pub fn date(&self) -> Result<i64, KernelError> {
        use std::os::unix::fs::MetadataExt as _;
        Ok(std::fs::metadata(&self.image)
            .at("examine", &self.image)?
            .mtime())
    }
}

/// `kernel/drivers/md/dm-mod.ko` → `dm_mod`.
pub fn name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    canonical(file.strip_suffix(".ko").unwrap_or(file))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A kernel tree with these modules (contents are the caller's business).
    pub(crate) fn tree(modules: &[&str], builtin: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let lib = dir.path().join("usr/lib/modules/6.1");
        fs::create_dir_all(&lib).unwrap();
        let lines = |paths: &[&str]| paths.iter().map(|p| format!("{p}\n")).collect::<String>();
        fs::write(lib.join("modules.order"), lines(modules)).unwrap();
        fs::write(lib.join("modules.builtin"), lines(builtin)).unwrap();
        dir
    }

    #[test]
    fn names_paths_and_builtins_are_found() {
        let dir = tree(
            &["kernel/drivers/md/dm-mod.ko", "kernel/fs/ext4/ext4.ko"],
            &["kernel/drivers/char/nvram.ko"],
        );
        let kernel = Kernel::find(dir.path()).unwrap();
        assert_eq!(kernel.release, "6.1");
        assert_eq!(kernel.paths["dm_mod"], "kernel/drivers/md/dm-mod.ko");
        assert_eq!(kernel.order["kernel/fs/ext4/ext4.ko"], 1);
        assert!(kernel.builtin.contains("nvram"));
    }

    #[test]
    fn two_kernels_are_one_too_many() {
        let dir = tree(&[], &[]);
        fs::create_dir_all(dir.path().join("usr/lib/modules/6.2")).unwrap();
        let error = Kernel::find(dir.path()).err().unwrap();
        assert!(
            matches!(error, KernelError::Count { found: 2, .. }),
            "{error}"
        );
    }
}
