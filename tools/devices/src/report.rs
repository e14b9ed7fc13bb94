//! The report of `cfgmgr` as text: whole, or what changed and what is lacking.

use std::fmt::{self, Display, Formatter};

use crate::cfgmgr::{Configured, Report};
use crate::lacking::{Lack, Need};

impl Report {
    /// What this run has changed, a line each.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let drivers = self
            .loaded
            .iter()
            .map(|name| format!("module {name} loaded"));
        let new = self.devices.iter().filter(|device| device.new);
        let new = new.map(|device| {
            let driver = device.driver.as_deref().unwrap_or_default();
            format!("{} available, driver {driver}", device.name)
        });
        drivers
            .chain(new)
            .chain(self.done.iter().cloned())
            .collect()
    }

    /// What is not in order, a sentence with a number each.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let missing = self.devices.iter().flat_map(|device| {
            let reasons = device.missing.iter();
            reasons.map(|(module, reason)| {
                let name = &device.name;
                format!("0590-508 {name} has no driver: module {module} cannot be loaded: {reason}")
            })
        });
        let lacks = self.lacking.iter().filter(|lack| lack.needed);
        let lacks = lacks.map(ToString::to_string);
        let failed = self.failed.iter().cloned();
        missing.chain(lacks).chain(failed).collect()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let driven = self
            .devices
            .iter()
            .filter(|device| device.driver.is_some())
            .count();
        let all = self.devices.len();
        writeln!(
            f,
            "Devices of kernel {}: {all}, of which {driven} have a driver.",
            self.kernel
        )?;
        match &*self.loaded {
            [] => writeln!(f, "Loaded now: nothing was missing.")?,
            loaded => writeln!(f, "Loaded now: {}.", loaded.join(", "))?,
        }
        for done in &self.done {
            writeln!(f, "Configured now: {done}.")?;
        }
        writeln!(f)?;
        self.devices.iter().try_for_each(|device| line(f, device))?;
        if !(self.lacking.is_empty() && self.failed.is_empty()) {
            writeln!(f)?;
        }
        self.lacking
            .iter()
            .try_for_each(|lack| writeln!(f, "{lack}"))?;
        self.failed
            .iter()
            .try_for_each(|text| writeln!(f, "{text}"))
    }
}

fn line(f: &mut Formatter<'_>, device: &Configured) -> fmt::Result {
    let driver = device.driver.as_deref().unwrap_or("-");
    write!(f, "  {driver:<13} {}", device.name)?;
    let failed = device
        .missing
        .iter()
        .map(|(module, reason)| format!("{module} failed: {reason}"));
    let failed: Vec<String> = failed.collect();
    match (&device.driver, &*device.modules) {
        _ if !failed.is_empty() => writeln!(f, ": {}", failed.join("; ")),
        (None, []) => writeln!(f, ": no installed module answers {}", device.modalias),
        (None, modules) => writeln!(f, ": not taken by {}", modules.join(", ")),
        (Some(_), _) => writeln!(f),
    }
}

impl Display for Lack {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let what = match (&self.words, &self.ids) {
            (Some(words), Some(ids)) => format!("{words}, {ids}"),
            (None, Some(ids)) => ids.clone(),
            _ => self.modalias.clone(),
        };
        let device = format!("{} ({what})", self.device);
        match (&self.need, &self.package) {
            (Need::Module(Some(module)), Some(package)) => write!(
                f,
                "0590-509 {device} has no driver: {module} is in the package {package}"
            ),
            (Need::Module(None), Some(package)) => write!(
                f,
                "0590-510 {device} has no driver: one is in the package {package}"
            ),
            (Need::Module(Some(module)), None) => write!(
                f,
                "0590-511 {device} has no driver: {module} is not installed, and no table names \
                 its package"
            ),
            (Need::Module(None), None) => write!(
                f,
                "0590-512 {device} has no driver, and no table names a package that has one"
            ),
            (Need::Firmware(file), package) if !self.needed => {
                write!(f, "{device} may want the firmware {file}")?;
                package
                    .iter()
                    .try_for_each(|name| write!(f, " (package {name})"))
            }
            (Need::Firmware(file), Some(package)) => write!(
                f,
                "0590-513 {device} lacks its firmware {file}: it is in the package {package}"
            ),
            (Need::Firmware(file), None) => write!(
                f,
                "0590-514 {device} lacks its firmware {file}, and no table names its package"
            ),
        }
    }
}
