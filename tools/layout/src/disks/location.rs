//! The place of a disk in the machine.

/// The stable part of a disk's path below `/sys/devices`.
///
/// `virtio0`, `host2` and the like count up in the order in which drivers
/// found things; bus addresses, SCSI channel, target and LUN stay.
pub(crate) fn stable(path: &str) -> String {
    let mut kept = Vec::new();
    let mut address = None;
    for part in path.split('/') {
        if part == "block" {
            break;
        }
        if let Some(rest) = scsi_address(part) {
            address = Some(rest.to_owned());
        } else if let Some(namespace) = nvme_namespace(part) {
            address = Some(namespace.to_owned());
        } else if !counted(part) {
            kept.push(part);
        }
    }
    kept.extend(address.as_deref());
    kept.join("/")
}

/// A key by which locations sort as a person would: numbers by value.
pub(crate) fn sort_key(location: &str) -> (String, Vec<u64>) {
    let (bus, address) = location.rsplit_once('/').unwrap_or(("", location));
    let numbers: Option<Vec<u64>> = address.split(':').map(|n| n.parse().ok()).collect();
    match numbers {
        Some(numbers) => (bus.to_owned(), numbers),
        None => (location.to_owned(), Vec::new()),
    }
}

/// `0:0:2:1` without the host number in front.
fn scsi_address(part: &str) -> Option<&str> {
    let numbers = part
        .split(':')
        .filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    (part.matches(':').count() == 3 && numbers.count() == 4)
        .then(|| part.split_once(':'))?
        .map(|(_, rest)| rest)
}

/// `n1` of `nvme0n1`.
fn nvme_namespace(part: &str) -> Option<&str> {
    let rest = part
        .strip_prefix("nvme")?
        .trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.starts_with('n') && rest.len() > 1 && rest[1..].bytes().all(|b| b.is_ascii_digit()))
        .then_some(rest)
}

/// Names that drivers number in the order of discovery.
fn counted(part: &str) -> bool {
    part == "nvme"
        || [
            "virtio",
            "host",
            "target",
            "rport-",
            "nvme",
            "ata",
            "link",
            "dev",
            "end_device-",
            "port-",
        ]
        .iter()
        .any(|name| {
            part.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drivers_count_is_left_out() {
        for (path, location) in [
            (
                "pci0000:00/0000:00:01.0/virtio0/block/vda",
                "pci0000:00/0000:00:01.0",
            ),
            (
                "pci0000:00/0000:00:02.0/virtio1/host0/target0:0:0/0:0:0:1/block/sda",
                "pci0000:00/0000:00:02.0/0:0:1",
            ),
            (
                "vio/71000003/host3/target3:0:2/3:0:2:0/block/sdb",
                "vio/71000003/0:2:0",
            ),
            (
                "pci0000:00/0000:00:03.0/nvme/nvme0/nvme0n1",
                "pci0000:00/0000:00:03.0/n1",
            ),
        ] {
            assert_eq!(stable(path), location);
        }
    }

    #[test]
    fn luns_sort_by_value() {
        let mut locations = [
            "vio/71000003/0:10:0",
            "vio/71000003/0:2:0",
            "pci0000:00/0000:00:01.0",
        ];
        locations.sort_by_key(|location| sort_key(location));
        assert_eq!(
            locations,
            [
                "pci0000:00/0000:00:01.0",
                "vio/71000003/0:2:0",
                "vio/71000003/0:10:0"
            ]
        );
    }
}
