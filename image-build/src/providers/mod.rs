//! The table from which `cfgmgr` knows the package of a driver or of firmware: the
//! aliases of every module of the collected kernel, and the files of the firmware
//! packages of the same release. `tools/devices` says what a line is.

mod firmware;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use lifeboat_sys::fs;

use crate::budget::Budget;
use crate::cache::{self, Key};
use crate::collect::Packages;
use crate::compress::gzip;
use crate::debian::{ARCHITECTURE, SUITE};
use crate::kernel::{Kernel, name};
use crate::modinfo::ModInfo;
use crate::modules;
use crate::progress::step;

/// Where the table is installed.
pub const PATH: &str = "usr/lib/lifeboat/packages.table.gz";
/// Counts up when the way of making it changes.
const RECIPE: &str = "1";
/// The package of every module; `%r` is the kernel's release.
const KERNEL: &str = "linux-image-%r";
/// So many modules are in memory at a time.
const SHARE: usize = 128;

/// The compressed table, whose parts are kept in the cache.
///
/// # Errors
/// When a module cannot be read, or the table is above its budget.
pub fn table(packages: &Packages) -> anyhow::Result<Vec<u8>> {
    let key = Key::default()
        .with(RECIPE)
        .with(SUITE)
        .with(ARCHITECTURE)
        .with(fs::read(&packages.versions)?);
    let cache = cache::directory()?;
    let drivers = cache::entry(&cache, "drivers", &key, false, |into| {
        step("Reading what every module of the kernel drives", || {
            drivers(&packages.root, &into.join("table"))
        })
    })?;
    let mut text = format!("# Debian {SUITE} {ARCHITECTURE}: drivers and firmware\n");
    text += &fs::read_to_string(drivers.join("table"))?;
    let firmware = cache::entry(&cache, "firmware", &key, false, |into| {
        step("Listing Debian's firmware packages (200 kB)", || {
            firmware::table(into)
        })
    });
    match firmware {
        Ok(entry) => text += &fs::read_to_string(entry.join("table"))?,
        // A mirror without these lists must not stop a build, nor change it in silence.
        Err(error) => eprintln!(
            "  The packages of firmware cannot be listed, and cfgmgr will not name them: {error:#}"
        ),
    }
    let packed = gzip(text.as_bytes());
    Budget::Table.check(packed.len() as u64)?;
    Ok(packed)
}

/// Writes a line for each alias of a device.
fn drivers(root: &Path, to: &Path) -> anyhow::Result<()> {
    let kernel = Kernel::find(root)?;
    // The preferred of two modules stands first.
    let mut paths: Vec<&String> = kernel.paths.values().collect();
    paths.sort_by_key(|path| kernel.order.get(*path));
    let paths: Vec<String> = paths.into_iter().cloned().collect();
    let (mut text, mut seen) = (String::new(), BTreeSet::new());
    for share in paths.chunks(SHARE) {
        for (path, bytes) in modules::read_all(&kernel, share)? {
            let info = ModInfo::of_module(&bytes).with_context(|| path.clone())?;
            for line in info.aliases.iter().filter_map(|alias| line(alias, &path)) {
                if seen.insert(line.clone()) {
                    text += &line;
                }
            }
        }
    }
    Ok(fs::write(to, text)?)
}

/// The line of an alias, if it is one of a device: `BUS:…`.
fn line(alias: &str, path: &str) -> Option<String> {
    let (bus, _) = alias.split_once(':')?;
    let pattern = word(alias);
    (bus != "devname").then(|| format!("{pattern} {KERNEL} {}\n", name(path)))
}

/// A pattern as one word.
fn word(pattern: &str) -> String {
    pattern.replace([' ', '\t'], "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_devices_are_in_the_table() {
        let path = "kernel/drivers/net/virtio-net.ko";
        assert_eq!(
            line("virtio:d00000001v*", path).as_deref(),
            Some("virtio:d00000001v* linux-image-%r virtio_net\n")
        );
        assert_eq!(line("dmi:a b", path).unwrap().split(' ').count(), 3);
        for other in ["fs-ext4", "devname:loop-control", "net-pf-16"] {
            assert_eq!(line(other, path), None, "{other}");
        }
    }

    #[test]
    fn cfgmgr_reads_the_lines() {
        use lifeboat_devices::distribution::Distribution;
        use lifeboat_devices::table::{SHIPPED, Table};
        let text = line("virtio:d00000001v*", "kernel/drivers/net/virtio_net.ko").unwrap();
        let table = Table::parse(&[], &text);
        let debian = Distribution::parse("ID=debian", "6.12");
        let found = table
            .of_device("virtio:d00000001v00001AF4", &debian)
            .unwrap();
        assert_eq!(found.package, "linux-image-6.12");
        assert_eq!(SHIPPED, PATH);
    }
}
