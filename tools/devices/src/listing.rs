//! The devices of a machine, as sysfs and the device tree show them, in AIX's words:
//! for `lsdev` and `lscfg`. Disks are listed by who numbers them.

use std::path::Path;

use lifeboat_sys::fs::attribute;

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name: `cd0`, `eth0`, or the address of an adapter.
    pub name: String,
    /// `adapter`, `cdrom`, `if`, `processor`, `tape`.
    pub class: &'static str,
    /// Whether something drives it.
    pub available: bool,
    /// The firmware's location code, or the place in sysfs.
    pub location: String,
    /// What it is.
    pub description: String,
    /// What the device says of itself, by AIX's labels.
    pub product_data: Vec<(&'static str, String)>,
}

/// Kinds of PCI devices by class code; bridges are no devices of anybody's.
const PCI: [(&str, &str); 8] = [
    ("0x0107", "SAS adapter"),
    ("0x0108", "NVMe adapter"),
    ("0x01", "Storage adapter"),
    ("0x02", "Network adapter"),
    ("0x03", "Graphics adapter"),
    ("0x0c03", "USB adapter"),
    ("0x0c04", "Fibre Channel adapter"),
    ("0x06", ""),
];
/// Virtual devices by the name of their node.
const VIRTUAL: [(&str, &str); 6] = [
    ("l-lan", "Virtual Ethernet adapter"),
    ("nvram", "NVRAM"),
    ("v-scsi", "Virtual SCSI adapter"),
    ("vfc-client", "Virtual Fibre Channel adapter"),
    ("vnic", "Virtual NIC adapter"),
    ("vty", "Console"),
];

/// Adapters, CD and tape drives, network interfaces and processors below `sysfs`
/// (`/sys`), by class.
#[must_use]
pub fn devices(sysfs: &Path) -> Vec<Listed> {
    let mut all = Vec::new();
    for bus in ["pci", "vio"] {
        let place = sysfs.join("bus").join(bus).join("devices");
        all.extend(names(&place).filter_map(|name| adapter(sysfs, bus, &name)));
    }
    for (directory, prefix, class, word) in [
        ("class/block", "sr", "cdrom", "cd"),
        ("class/scsi_tape", "st", "tape", "rmt"),
    ] {
        let number = |name: &String| {
            let number = name.strip_prefix(prefix)?;
            number
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| number.to_owned())
        };
        let drives = names(&sysfs.join(directory))
            .filter_map(|name| Some((number(&name)?, sysfs.join(directory).join(name))));
        all.extend(drives.map(|(number, place)| Listed {
            name: format!("{word}{number}"),
            class,
            ..scsi(sysfs, &place)
        }));
    }
    let interfaces = names(&sysfs.join("class/net")).filter(|name| name != "lo");
    all.extend(interfaces.map(|name| interface(sysfs, name)));
    all.extend(processors(sysfs));
    all
}

/// The location code of what a device hangs on, if the firmware gives one.
#[must_use]
pub fn location(sysfs: &Path, device: &Path) -> Option<String> {
    let device = device.canonicalize().ok()?;
    let sysfs = sysfs.canonicalize().ok()?;
    let places = device
        .ancestors()
        .take_while(|place| place.starts_with(&sysfs));
    places
        .map(|place| place.join("of_node/ibm,loc-code"))
        .find_map(attribute)
}

/// What a SCSI device, or a disk on another bus, says of itself.
#[must_use]
pub fn product_data(place: &Path) -> Vec<(&'static str, String)> {
    let labels = [
        ("Manufacturer", "device/vendor"),
        ("Machine Type and Model", "device/model"),
        ("ROS Level and ID", "device/rev"),
        ("Serial Number", "device/serial"),
    ];
    labels
        .iter()
        .filter_map(|(label, file)| Some((*label, attribute(place.join(file))?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn scsi(sysfs: &Path, place: &Path) -> Listed {
    let data = product_data(place);
    let words: Vec<&str> = data
        .iter()
        .take(2)
        .map(|(_, value)| value.as_str())
        .collect();
    Listed {
        name: String::new(),
        class: "",
        available: true,
        location: location(sysfs, place).unwrap_or_default(),
        description: words.join(" "),
        product_data: data,
    }
}

fn adapter(sysfs: &Path, bus: &str, name: &str) -> Option<Listed> {
    let place = sysfs.join("bus").join(bus).join("devices").join(name);
    let kind = if bus == "pci" {
        let class = attribute(place.join("class"))?;
        let known = PCI.iter().filter(|(code, _)| class.starts_with(code));
        let known = known.max_by_key(|(code, _)| code.len());
        known.map_or("PCI device", |(_, kind)| kind)
    } else {
        let node =
            attribute(place.join("of_node/name")).or_else(|| attribute(place.join("name")))?;
        let known = VIRTUAL.iter().find(|(name, _)| *name == node);
        known.map_or("Virtual device", |(_, kind)| kind)
    };
    if kind.is_empty() {
        return None;
    }
    let driver = place.join("driver").canonicalize().ok();
    let driver = driver.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    Some(Listed {
        name: name.to_owned(),
        class: "adapter",
        available: driver.is_some(),
        location: location(sysfs, &place).unwrap_or_else(|| name.to_owned()),
        description: driver.map_or_else(|| kind.to_owned(), |driver| format!("{kind} ({driver})")),
        product_data: Vec::new(),
    })
}

fn interface(sysfs: &Path, name: String) -> Listed {
    let place = sysfs.join("class/net").join(&name);
    let address = attribute(place.join("address"));
    Listed {
        class: "if",
        available: attribute(place.join("operstate")).as_deref() != Some("down"),
        location: location(sysfs, &place).unwrap_or_default(),
        description: "Network interface".to_owned(),
        product_data: address
            .map(|address| ("Network Address", address))
            .into_iter()
            .collect(),
        name,
    }
}

fn processors(sysfs: &Path) -> impl Iterator<Item = Listed> {
    let cpus = sysfs.join("firmware/devicetree/base/cpus");
    let nodes = names(&cpus).filter_map(move |name| {
        let node = cpus.join(&name);
        let is_cpu = attribute(node.join("device_type")).as_deref() == Some("cpu");
        is_cpu.then(|| (name, attribute(node.join("ibm,loc-code"))))
    });
    nodes.enumerate().map(|(number, (node, location))| Listed {
        name: format!("proc{number}"),
        class: "processor",
        available: true,
        location: location.unwrap_or_default(),
        description: node.split('@').next().unwrap_or_default().to_owned(),
        product_data: Vec::new(),
    })
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn devices_are_listed_by_class_with_their_places() {
        let root = tempfile::tempdir().unwrap();
        let sys = root.path();
        let file = |path: &str, text: &str| {
            let path = sys.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let link = |path: &str, target: &str| {
            let path = sys.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::create_dir_all(sys.join(target)).unwrap();
            symlink(sys.join(target), path).unwrap();
        };
        let tree = "firmware/devicetree/base";
        file(&format!("{tree}/vdevice/v-scsi@30000002/name"), "v-scsi\0");
        file(
            &format!("{tree}/vdevice/v-scsi@30000002/ibm,loc-code"),
            "U9009-V3-C2\0",
        );
        file(
            &format!("{tree}/cpus/PowerPC,POWER9@0/device_type"),
            "cpu\0",
        );
        let adapter = "devices/vio/30000002";
        link(
            &format!("{adapter}/of_node"),
            &format!("{tree}/vdevice/v-scsi@30000002"),
        );
        link(&format!("{adapter}/driver"), "bus/vio/drivers/ibmvscsi");
        link("bus/vio/devices/30000002", adapter);
        let scsi = format!("{adapter}/host0/target0:0:2/0:0:2:0");
        file(&format!("{scsi}/vendor"), "AIX     \n");
        file(&format!("{scsi}/model"), "VOPTA           \n");
        link(&format!("{scsi}/block/sr0/device"), &scsi);
        link("class/block/sr0", &format!("{scsi}/block/sr0"));
        file("devices/pci0000:00/0000:00:00.0/class", "0x060400\n");
        link(
            "bus/pci/devices/0000:00:00.0",
            "devices/pci0000:00/0000:00:00.0",
        );
        file("devices/pci0000:00/0000:00:01.0/class", "0x010802\n");
        link(
            "bus/pci/devices/0000:00:01.0",
            "devices/pci0000:00/0000:00:01.0",
        );

        let all = devices(sys);
        let lines: Vec<String> = all
            .iter()
            .map(|device| {
                let Listed {
                    name,
                    class,
                    location,
                    description,
                    ..
                } = device;
                format!("{class} {name} {location} {description}")
            })
            .collect();
        assert_eq!(
            lines,
            [
                "adapter 0000:00:01.0 0000:00:01.0 NVMe adapter",
                "adapter 30000002 U9009-V3-C2 Virtual SCSI adapter (ibmvscsi)",
                "cdrom cd0 U9009-V3-C2 AIX VOPTA",
                "processor proc0  PowerPC,POWER9",
            ]
        );
        let available: Vec<bool> = all.iter().map(|device| device.available).collect();
        assert_eq!(available, [false, true, true, true]);
    }
}
