//! The software that devices lack, and the packages that would provide it.

use serde::Serialize;

use crate::cfgmgr::Configured;
use crate::distribution::Distribution;
use crate::firmware;
use crate::ids::Ids;
use crate::modules::ModuleIndex;
use crate::system::System;
use crate::table::{Provider, Table};

/// Kinds of PCI devices that work without a driver (base class): memory, bridges,
/// system peripherals, and what calls itself not essential.
const PASSIVE: [&str; 4] = ["bc05", "bc06", "bc08", "bc13"];

/// Buses of what is attached to a machine; the others lead to parts of it.
const ATTACHED: [&str; 7] = ["mmc", "pci", "scsi", "sdio", "usb", "vio", "virtio"];

/// What is lacking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// A driver; the module's name, where the table knows it.
    Module(Option<String>),
    /// A file of firmware, below `/lib/firmware`.
    Firmware(String),
}

/// A device and the software that it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// Bus and name: `pci 0000:00:01.0`.
    pub device: String,
    /// What it is, in the words of `modules.alias`.
    pub modalias: String,
    /// Vendor and device, as `14e4:168e`.
    pub ids: Option<String>,
    /// Vendor and device in words.
    pub words: Option<String>,
    /// What it lacks.
    pub need: Need,
    /// The package that would provide it.
    pub package: Option<String>,
    /// Whether the device does not work, or not wholly, without it.
    pub needed: bool,
}

/// What is looked at to find out.
pub(crate) struct Looking<'a> {
    pub distribution: Distribution,
    pub system: &'a System<'a>,
    pub index: &'a ModuleIndex,
    pub table: &'a Table,
    /// Whether firmware that drivers do without is listed as well.
    pub thorough: bool,
}

impl Looking<'_> {
    /// What these devices lack.
    pub fn at(&self, devices: &[Configured]) -> Vec<Lack> {
        let drivers = devices.iter().filter_map(|device| self.driver(device));
        let mut all: Vec<Lack> = drivers.collect();
        for asked in firmware::asked() {
            let named = |device: &&Configured| {
                let name = device.name.split_once(' ').map(|(_, name)| name);
                name.is_some_and(|name| asked.device.ends_with(&format!(" {name}")))
            };
            if let Some(device) = devices.iter().find(named) {
                self.add_firmware(&mut all, device, &asked.file, true);
            }
        }
        for device in devices.iter().filter(|_| self.thorough) {
            for file in device.modules.iter().flat_map(|name| firmware::named(name)) {
                self.add_firmware(&mut all, device, &file, false);
            }
        }
        all
    }

    /// The driver that a device lacks, if it does.
    fn driver(&self, device: &Configured) -> Option<Lack> {
        if device.driver.is_some() || !device.modules.is_empty() {
            return None;
        }
        let provider = self.table.of_device(&device.modalias, &self.distribution);
        let indexed = self.index.matching(&device.modalias);
        let indexed = indexed.first().map(|name| (*name).to_owned());
        let is_known = provider.is_some() || indexed.is_some();
        let needed = if is_known {
            is_attached(&device.modalias)
        } else {
            is_adapter(&device.modalias)
        };
        if !(needed || is_known && self.thorough) {
            return None;
        }
        let (package, module) = match provider {
            Some(Provider { package, module }) => (Some(package), module),
            None => (None, None),
        };
        let need = Need::Module(module.or(indexed));
        Some(self.lack(device, need, package, needed))
    }

    /// Adds a file of firmware, unless it is installed or listed already.
    fn add_firmware(&self, all: &mut Vec<Lack>, device: &Configured, file: &str, wanted: bool) {
        let System { root, release } = self.system;
        let need = Need::Firmware(file.to_owned());
        let is_listed = all.iter().any(|lack| lack.need == need);
        if is_listed || firmware::is_there(root, release, file) {
            return;
        }
        let provider = self.table.of_firmware(file, &self.distribution);
        let package = provider.map(|provider| provider.package);
        // Drivers ask for newer and newer files until they find one: what nobody has is
        // not missed by a device that has its driver.
        let needed = wanted && (device.driver.is_none() || package.is_some());
        if needed || self.thorough {
            all.push(self.lack(device, need, package, needed));
        }
    }

    fn lack(&self, device: &Configured, need: Need, package: Option<String>, needed: bool) -> Lack {
        let ids = Ids::of(&device.modalias);
        Lack {
            device: device.name.clone(),
            modalias: device.modalias.clone(),
            words: ids.as_ref().and_then(|ids| ids.words(self.system.root)),
            ids: ids.map(|ids| format!("{}:{}", ids.vendor, ids.device)),
            need,
            package,
            needed,
        }
    }
}

fn is_attached(modalias: &str) -> bool {
    let bus = modalias.split(':').next().unwrap_or_default();
    ATTACHED.contains(&bus)
}

/// Whether a device that nobody knows is one that does nothing without a driver.
fn is_adapter(modalias: &str) -> bool {
    match modalias.split_once(':') {
        Some(("pci", rest)) => {
            // v, d, sv and sd with eight digits each stand before the class.
            let class = rest.get(38..42);
            class.is_some_and(|class| !PASSIVE.contains(&class))
        }
        Some(("virtio", _)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_are_not_missed() {
        for (modalias, adapter) in [
            (
                "pci:v000014E4d0000168Esv00001014sd0000049Dbc02sc00i00",
                true,
            ),
            (
                "pci:v00001014d000003DCsv00000000sd00000000bc06sc04i00",
                false,
            ),
            ("virtio:d00000063v00001AF4", true),
            ("platform:pseries-wdt", false),
            ("vio:TnvramSqemu,spapr-nvram", false),
        ] {
            assert_eq!(is_adapter(modalias), adapter, "{modalias}");
        }
        assert!(is_attached("vio:TvscsiSIBM,v-scsi") && !is_attached("platform:pseries-wdt"));
    }
}
