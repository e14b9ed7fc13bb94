//! `cfgmgr`: look at every device of a running system, load the drivers that
//! are missing, and say what no installed module drives.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, attribute};
use nix::sys::utsname::uname;

use crate::coldplug::{self, Coldplug, Device};
use crate::insert::{Insert, Kernel, Modprobe, Parameters};
use crate::load::Loader;
use crate::modules::ModuleIndex;

/// Devices could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum CfgmgrError {
    /// The running kernel's modules are not installed.
    #[error("0590-503 The modules of the running kernel {release} cannot be read")]
    Modules {
        /// The kernel's version.
        release: String,
        /// Why.
        #[source]
        source: FsError,
    },
    /// sysfs is not there.
    #[error("0590-504 The devices of this system cannot be listed")]
    Devices(#[source] FsError),
}

/// One device in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its place in sysfs.
    pub path: PathBuf,
    /// Bus and name: `pci 0000:00:01.0`.
    pub name: String,
    /// What it is, in the words of `modules.alias`.
    pub modalias: String,
    /// The driver that has it now.
    pub driver: Option<String>,
    /// The installed modules that answer it.
    pub modules: Vec<String>,
    /// Those of them that are not in the kernel, each with the reason.
    pub missing: Vec<(String, String)>,
}

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The running kernel's version.
    pub kernel: String,
    /// All devices that name themselves, sorted by bus and name.
    pub devices: Vec<Configured>,
    /// Modules loaded by this run, in order.
    pub loaded: Vec<String>,
}

/// Configures the devices of the running system, whose root directory is `root`.
///
/// # Errors
/// [`CfgmgrError`] when modules or devices cannot be listed at all; a module
/// that cannot be loaded is part of the report.
pub fn configure(root: &Path) -> Result<Report, CfgmgrError> {
    let release = match uname() {
        Ok(uname) => uname.release().to_string_lossy().into_owned(),
        Err(_) => String::new(),
    };
    let directory = root.join("lib/modules").join(&release);
    let read = ModuleIndex::read(&directory);
    let index = read.map_err(|source| CfgmgrError::Modules {
        release: release.clone(),
        source,
    })?;
    let cmdline = attribute(root.join("proc/cmdline")).unwrap_or_default();
    let kernel = Kernel::new(&directory, Parameters::parse(&cmdline));
    let has = |modprobe| root.join(modprobe).exists();
    let modprobe = has("sbin/modprobe") || has("usr/sbin/modprobe");
    let insert: &dyn Insert = if modprobe { &Modprobe } else { &kernel };
    configure_with(&root.join("sys"), &release, &index, insert)
}

/// The same with everything given: what is below `/sys`, the index of modules,
/// and who inserts them.
fn configure_with(
    sys: &Path,
    release: &str,
    index: &ModuleIndex,
    insert: &dyn Insert,
) -> Result<Report, CfgmgrError> {
    let present = coldplug::modules(sys).map_err(CfgmgrError::Devices)?;
    let loader = Loader::new(insert, present);
    let findings = Coldplug::new(index, &loader)
        .scan(sys)
        .map_err(CfgmgrError::Devices)?;
    let failed = findings
        .failed
        .iter()
        .map(|error| (&*error.module, chain(&error.source)));
    let failed: HashMap<&str, String> = failed.collect();
    let configured = |device: Device| {
        let modules = index.matching(&device.modalias);
        let missing = modules
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), failed.get(name)?.clone())));
        Configured {
            name: format!("{} {}", device.bus, device.name()),
            missing: missing.collect(),
            modules: modules.into_iter().map(str::to_owned).collect(),
            path: device.path,
            modalias: device.modalias,
            driver: device.driver,
        }
    };
    // modprobe succeeds with a module that the system excludes, without loading it.
    let present = coldplug::modules(sys).map_err(CfgmgrError::Devices)?;
    let loaded = findings.loaded.into_iter();
    let loaded = loaded.filter(|name| present.contains(name)).collect();
    let devices = coldplug::devices(sys).map_err(CfgmgrError::Devices)?;
    let devices = devices.into_iter().map(configured).collect();
    Ok(Report {
        kernel: release.to_owned(),
        devices,
        loaded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coldplug::tests::{Growing, PSERIES, TEXTS, plug};
    use crate::insert::InsertError;
    use crate::modules::Module;
    use lifeboat_sys::fs::PathContext;
    use std::fs::create_dir_all;
    use std::io::{self, ErrorKind};

    #[test]
    fn the_report_says_who_drives_what_and_what_was_loaded() {
        let sys = tempfile::tempdir().unwrap();
        plug(sys.path(), PSERIES);
        create_dir_all(sys.path().join("module/cdrom")).unwrap();
        let kernel = Growing {
            sys: sys.path(),
            excluded: "virtio_blk",
        };
        let index = ModuleIndex::parse(TEXTS);
        let report = configure_with(sys.path(), "6.12", &index, &kernel).unwrap();
        assert!(!report.loaded.contains(&"cdrom".to_owned()));
        assert!(!report.loaded.contains(&"virtio_blk".to_owned()));
        assert_eq!(report.loaded.len(), 6);
        let text = report.to_string();
        let start = "Devices of kernel 6.12: 12, of which 8 have a driver.\nLoaded now: ";
        assert!(text.starts_with(start), "{text}");
        for line in [
            "  ibmvscsi      vio 71000002\n",
            "  -             virtio virtio0: not taken by virtio_blk\n",
            "  -             vio 71000001: no installed module answers vio:TnvramSqemu,spapr-nvram\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    struct Refusing;

    impl Insert for Refusing {
        fn insert(&self, _: &Module) -> Result<(), InsertError> {
            Ok(Err::<(), _>(io::Error::from(ErrorKind::PermissionDenied)).at("load", "x.ko")?)
        }
    }

    #[test]
    fn a_module_that_fails_is_named_with_its_reason() {
        let sys = tempfile::tempdir().unwrap();
        plug(sys.path(), "virtio/virtio1 virtio:d00000002v00001AF4\n");
        create_dir_all(sys.path().join("module")).unwrap();
        let index = ModuleIndex::parse(TEXTS);
        let report = configure_with(sys.path(), "6.12", &index, &Refusing).unwrap();
        assert!(report.loaded.is_empty());
        let text = report.to_string();
        let expected = "  -             virtio virtio1: virtio_blk failed: 0590-001 Cannot load x.ko: permission denied\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_system_without_modules_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let error = configure(root.path()).unwrap_err().to_string();
        assert!(
            error.starts_with("0590-503 The modules of the running kernel"),
            "{error}"
        );
    }
}
