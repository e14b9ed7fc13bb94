//! `cfgmgr`: look at every device of a running system, load the drivers that
//! are missing, configure what is behind them, and say what no installed
//! software drives.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, attribute};
use lifeboat_sys::run::Tool;
use serde::Serialize;

use crate::coldplug::{self, Coldplug, Device};
use crate::distribution::Distribution;
use crate::insert::{Insert, Kernel, Modprobe, Parameters};
use crate::lacking::{Lack, Looking};
use crate::load::Loader;
use crate::modules::ModuleIndex;
use crate::phase::Phase;
use crate::scope::Scope;
use crate::system::System;
use crate::table::{Table, TableError};
use crate::{network, volumes};

/// Devices that drivers bring may take this long to appear.
const SETTLE: Duration = Duration::from_secs(60);

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
    /// `-l` names no device.
    #[error("0590-507 There is no device {0}")]
    NoDevice(String),
    /// The table of packages cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// What is to be configured.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// How far.
    pub phase: Phase,
    /// A device by name (`sda`, `eth0`, `host0`, `0000:00:01.0`); all if not given.
    pub only: Option<String>,
    /// Also list the firmware that drivers name and work without.
    pub thorough: bool,
}

/// One device in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Configured {
    /// Its place in sysfs.
    pub path: PathBuf,
    /// Bus and name: `pci 0000:00:01.0`.
    pub name: String,
    /// What it is, in the words of `modules.alias`.
    pub modalias: String,
    /// The driver that has it now.
    pub driver: Option<String>,
    /// Whether it had none before, or was not there.
    pub new: bool,
    /// The installed modules that answer it.
    pub modules: Vec<String>,
    /// Those of them that are not in the kernel, each with the reason.
    pub missing: Vec<(String, String)>,
}

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The running kernel's version.
    pub kernel: String,
    /// All devices that were asked for and name themselves, sorted by bus and name.
    pub devices: Vec<Configured>,
    /// Modules loaded by this run, in order.
    pub loaded: Vec<String>,
    /// What else was configured, in words.
    pub done: Vec<String>,
    /// What could not be, in words.
    pub failed: Vec<String>,
    /// The software that devices lack.
    pub lacking: Vec<Lack>,
}

impl Report {
    /// Whether every device has its software, and nothing failed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let lacks = self.lacking.iter().any(|lack| lack.needed);
        let missing = self.devices.iter().any(|device| !device.missing.is_empty());
        !lacks && !missing && self.failed.is_empty()
    }

    /// The packages that would provide what is lacking, sorted, each once.
    #[must_use]
    pub fn packages(&self) -> Vec<&str> {
        let needed = self.lacking.iter().filter(|lack| lack.needed);
        let mut packages: Vec<&str> = needed.filter_map(|lack| lack.package.as_deref()).collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }
}

/// Configures the devices of the running system, whose root directory is `root`.
///
/// # Errors
/// [`CfgmgrError`] when modules or devices cannot be listed at all, or the request
/// makes no sense; a module that cannot be loaded is part of the report.
pub fn configure(root: &Path, request: &Request) -> Result<Report, CfgmgrError> {
    let system = System::running(root);
    let directory = system.modules();
    let read = ModuleIndex::read(&directory);
    let index = read.map_err(|source| CfgmgrError::Modules {
        release: system.release.clone(),
        source,
    })?;
    let table = Table::read(root)?;
    let cmdline = attribute(root.join("proc/cmdline")).unwrap_or_default();
    let kernel = Kernel::new(&directory, Parameters::parse(&cmdline));
    let insert: &dyn Insert = if system.has("modprobe") {
        &Modprobe
    } else {
        &kernel
    };
    let mut report = load(&system, request, &index, insert)?;
    let looking = Looking {
        distribution: Distribution::find(root, &system.release),
        system: &system,
        index: &index,
        table: &table,
        thorough: request.thorough,
    };
    report.lacking = looking.at(&report.devices);
    if request.phase == Phase::Run {
        let scope = scope(&system, request)?;
        network::bring_up(&system, &scope, &mut report);
        volumes::activate(&system, &scope, &mut report);
    }
    Ok(report)
}

fn scope(system: &System<'_>, request: &Request) -> Result<Scope, CfgmgrError> {
    let Some(name) = &request.only else {
        return Ok(Scope::default());
    };
    Scope::named(&system.sys(), name).ok_or_else(|| CfgmgrError::NoDevice(name.clone()))
}

/// Loads the drivers that are missing, and looks at all devices afterwards.
fn load(
    system: &System<'_>,
    request: &Request,
    index: &ModuleIndex,
    insert: &dyn Insert,
) -> Result<Report, CfgmgrError> {
    let sys = &*system.sys();
    let scope = scope(system, request)?;
    let before = coldplug::devices(sys).map_err(CfgmgrError::Devices)?;
    let before: BTreeMap<PathBuf, bool> = before
        .into_iter()
        .map(|device| (device.path, device.driver.is_some()))
        .collect();
    let present = coldplug::modules(sys).map_err(CfgmgrError::Devices)?;
    let loader = Loader::new(insert, present);
    let mut coldplug = Coldplug::new(index, &loader);
    let wanted = |device: &Device| scope.has(device) && request.phase.wants(device, index);
    let mut findings = coldplug
        .scan_wanted(sys, wanted)
        .map_err(CfgmgrError::Devices)?;
    volumes::rescan(sys, &scope);
    if system.has("udevadm") {
        let settle = Tool::new("udevadm").args(["settle", "--timeout=30"]);
        if let Err(error) = settle.deadline(SETTLE).run() {
            // Devices that are late are looked at by the next run.
            log::warn!("{error}");
        }
    }
    let later = coldplug
        .scan_wanted(sys, wanted)
        .map_err(CfgmgrError::Devices)?;
    findings.add(later);

    let failed = findings
        .failed
        .iter()
        .map(|error| (&*error.module, chain(&error.source)));
    let failed: HashMap<&str, String> = failed.collect();
    // An index may be older than the removal of a module's file.
    let installed = |name: &&str| {
        index.is_builtin(name)
            || index
                .module(name)
                .is_some_and(|module| system.holds(module))
    };
    let configured = |device: Device| {
        let mut modules = index.matching(&device.modalias);
        modules.retain(installed);
        let missing = modules
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), failed.get(name)?.clone())));
        Configured {
            name: format!("{} {}", device.bus, device.name()),
            missing: missing.collect(),
            modules: modules.into_iter().map(str::to_owned).collect(),
            new: device.driver.is_some() && before.get(&device.path) != Some(&true),
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
    let devices = devices.into_iter().filter(wanted).map(configured).collect();
    Ok(Report {
        kernel: system.release.clone(),
        devices,
        loaded,
        done: Vec::new(),
        failed: Vec::new(),
        lacking: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
