//! What an entry of a boot list stands for on this machine.

use std::path::{Path, PathBuf};

use crate::ofpath::{Call, TREE, network, routes, same, without_arguments};

/// Drivers whose disks all have a path that we can compute: a disk that is in the
/// list and not below the adapter is gone.
const KNOWN: [&str; 6] = ["ahci", "ibmvfc", "ibmvscsi", "ipr", "nvme", "virtio-pci"];
/// Where the adapters are in sysfs.
const BUSES: [&str; 2] = ["bus/pci/devices", "bus/vio/devices"];

/// An entry of a boot list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A disk or CD, by the kernel's name.
    Block(String),
    /// A network interface, by the kernel's name, and what the firmware is told.
    Network(String, Call),
    /// An alias, or something that may well be there.
    Unknown,
    /// Nothing that this machine has.
    Stale,
}

/// The devices of this machine that have a path.
#[derive(Debug)]
pub struct Present {
    tree: PathBuf,
    blocks: Vec<(String, String)>,
    networks: Vec<(String, String)>,
    /// Nodes of adapters with a driver that is [`KNOWN`].
    driven: Vec<PathBuf>,
}

impl Present {
    /// Looks at all block devices and network interfaces below `sysfs`.
    #[must_use]
    pub fn probe(sysfs: &Path) -> Self {
        let mut blocks = Vec::new();
        for name in names(&sysfs.join("class/block")) {
            let place = sysfs.join("class/block").join(&name);
            // The paths of a multipath device are listed themselves.
            if place.join("partition").exists() || place.join("dm").exists() {
                continue;
            }
            let ways = routes(sysfs, &name).unwrap_or_default();
            blocks.extend(ways.into_iter().map(|way| (way.path, name.clone())));
        }
        let path = |name: String| Some((network(sysfs, &name, Call::default()).ok()?, name));
        let networks = names(&sysfs.join("class/net")).into_iter();
        let driver = |adapter: &Path| adapter.join("driver").canonicalize().ok();
        let is_known = |adapter: &Path| {
            let driver = driver(adapter).unwrap_or_default();
            KNOWN.iter().any(|known| driver.ends_with(known))
        };
        let adapters = BUSES.iter().flat_map(|bus| {
            let bus = sysfs.join(bus);
            names(&bus).into_iter().map(move |name| bus.join(name))
        });
        Self {
            tree: sysfs.join(TREE),
            blocks,
            networks: networks.filter_map(path).collect(),
            driven: adapters
                .filter(|adapter| is_known(adapter))
                .filter_map(|adapter| adapter.join("of_node").canonicalize().ok())
                .collect(),
        }
    }

    /// What an entry stands for.
    #[must_use]
    pub fn find(&self, entry: &str) -> Entry {
        let named = |list: &[(String, String)]| {
            let found = list.iter().find(|(path, _)| same(path, entry));
            found.map(|(_, name)| name.clone())
        };
        if let Some(name) = named(&self.blocks) {
            return Entry::Block(name);
        }
        let plain = without_arguments(entry);
        if let Some(name) = named(&self.networks) {
            let arguments = entry[plain.len()..].trim_start_matches(':');
            return Entry::Network(name, Call::parse(arguments));
        }
        if self.is_gone(plain) {
            Entry::Stale
        } else {
            Entry::Unknown
        }
    }

    /// Whether a path names nothing: the bus that it begins with does not have such an
    /// adapter, or the adapter has a driver that would show the disk.
    fn is_gone(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/').filter(|_| self.tree.exists()) else {
            return false;
        };
        let mut above = Path::new(path);
        if self.tree.join(above).exists() {
            return false;
        }
        while let Some(next) = above.parent() {
            above = next;
            if let Ok(node) = self.tree.join(above).canonicalize() {
                return is_bus(above) || self.driven.contains(&node);
            }
        }
        false
    }
}

/// Whether the device tree has all that is on a node: it is no adapter.
fn is_bus(node: &Path) -> bool {
    let name = node.file_name().unwrap_or_default().to_string_lossy();
    let kind = name.split('@').next().unwrap_or_default();
    ["", "pci", "pciex", "vdevice"].contains(&kind)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::tree;

    #[test]
    fn entries_of_a_partition_of_powervm() {
        let sys = tree(include_str!("../../tests/trees/powervm-npiv.tree"));
        let present = Present::probe(sys.path());
        let adapter = "/vdevice/vfc-client@30000003";
        let port = format!("{adapter}/disk@500507680c134c27");
        assert_eq!(
            present.find(&format!("{port},0000000000000000:4")),
            Entry::Block("sda".to_owned())
        );
        assert_eq!(present.find(&format!("{port},5000000000000")), Entry::Stale);
        assert_eq!(
            present.find("/vdevice/vfc-client@30000009/disk@1,0"),
            Entry::Stale
        );
        assert_eq!(present.find(adapter), Entry::Unknown);
    }

    #[test]
    fn disks_of_adapters_that_are_not_known_may_be_there() {
        let sys = tree(include_str!("../../tests/trees/powervm-pci.tree"));
        let present = Present::probe(sys.path());
        let raid = "/pci@800000020000017/raid@0/disk@20000";
        assert_eq!(present.find(raid), Entry::Unknown);
        let sas = "/pci@800000020000015/pci1014,034A@0/sas";
        assert_eq!(
            present.find(&format!("{sas}/disk@a05d83f300")),
            Entry::Block("sda".to_owned())
        );
        assert_eq!(present.find(&format!("{sas}/disk@1")), Entry::Stale);
        for unknown in ["disk", "/pci@800000020000018/scsi@0/x@1/disk@1"] {
            assert_eq!(present.find(unknown), Entry::Unknown);
        }
    }

    #[test]
    fn a_network_entry_tells_what_it_was_given() {
        let sys = tree(include_str!("../../tests/trees/powervm-vscsi.tree"));
        let entry = "/vdevice/l-lan@30000020:speed=auto,duplex=auto,009.003.001.002,,009.003.001.007,000.000.000.000,5,5";
        let call = Call {
            server: "9.3.1.2".parse().ok(),
            client: "9.3.1.7".parse().ok(),
            gateway: None,
        };
        assert_eq!(
            Present::probe(sys.path()).find(entry),
            Entry::Network("env32".to_owned(), call)
        );
    }
}
