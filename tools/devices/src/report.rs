//! The report of `cfgmgr` as text.

use std::fmt::{self, Display, Formatter};

use crate::cfgmgr::{Configured, Report};

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
        writeln!(f)?;
        self.devices.iter().try_for_each(|device| line(f, device))
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
