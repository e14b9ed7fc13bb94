//! The running system, as far as devices need to know it.

use std::path::{Path, PathBuf};

use nix::sys::utsname::uname;

use crate::modules::Module;

/// The running system: where its things are.
#[derive(Debug)]
pub(crate) struct System<'a> {
    /// Its root directory.
    pub root: &'a Path,
    /// As `uname -r` says it.
    pub release: String,
}

impl<'a> System<'a> {
    /// The system below `root`, with the kernel that runs.
    pub fn running(root: &'a Path) -> Self {
        let release = match uname() {
            Ok(uname) => uname.release().to_string_lossy().into_owned(),
            Err(_) => String::new(),
        };
        Self { root, release }
    }

    /// Where sysfs is.
    pub fn sys(&self) -> PathBuf {
        self.root.join("sys")
    }

    /// `/lib/modules/VERSION`.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.release)
    }

    /// Whether a module's file is there.
    pub fn holds(&self, module: &Module) -> bool {
        self.modules().join(&module.path).exists()
    }

    /// Whether a program of the system is installed.
    pub fn has(&self, program: &str) -> bool {
        ["usr/sbin", "usr/bin", "sbin", "bin"]
            .iter()
            .any(|directory| self.root.join(directory).join(program).exists())
    }
}
