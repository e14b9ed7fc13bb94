//! The place of a device in sysfs, as a pattern that also matches after the next start.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::attribute;

/// A device of a class: its directory, and where it is.
pub(super) struct Placed {
    /// The kernel's name.
    pub(super) name: String,
    /// Its directory in the class.
    pub(super) path: PathBuf,
    /// Its place: `/sys/devices/pci0000:00/0000:00:01.0/virtio*/block/*`.
    pub(super) pattern: String,
}

/// The devices of a class that something drives, sorted by their places.
pub(super) fn placed(root: &Path, class: &str) -> Vec<Placed> {
    let entries = std::fs::read_dir(root.join(class)).into_iter().flatten();
    let mut found: Vec<Placed> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let real = std::fs::canonicalize(&path).ok()?;
            let base = std::fs::canonicalize(root).ok()?;
            let real = real.strip_prefix(base).ok()?.to_string_lossy().into_owned();
            path.join("device").exists().then(|| Placed {
                name: entry.file_name().to_string_lossy().into_owned(),
                pattern: pattern(&real),
                path,
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.pattern, &a.name).cmp(&(&b.pattern, &b.name)));
    found
}

impl Placed {
    /// An attribute on one line, blanks made one.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let text = attribute(self.path.join(name))?;
        let words: Vec<&str> = text.split_whitespace().collect();
        Some(words.join(" ")).filter(|text| !text.is_empty())
    }

    /// The same as a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

/// What drivers count is left open: `virtio0`, `host3`, the kernel's name at the end.
fn pattern(real: &str) -> String {
    let parts: Vec<&str> = real.split('/').collect();
    let last = parts.len() - 1;
    let part = |(at, part): (usize, &&str)| {
        let class = at > 0 && ["block", "net"].contains(&parts[at - 1]);
        if at == last && class {
            return "*".to_owned();
        }
        open(part)
    };
    let parts: Vec<String> = parts.iter().enumerate().map(part).collect();
    format!("/{}", parts.join("/"))
}

fn open(part: &str) -> String {
    // A SCSI address and its target begin with the number of the host.
    let numbers = part.strip_prefix("target").unwrap_or(part);
    let all = numbers.split(':').all(|n| n.parse::<u64>().is_ok());
    if numbers.contains(':') && all && numbers.matches(':').count() <= 3 {
        let before = &part[..part.len() - numbers.len()];
        let after = numbers.split_once(':').map_or("", |(_, after)| after);
        return format!("{before}*:{after}");
    }
    let counted = [
        "virtio",
        "host",
        "nvme-subsys",
        "nvme",
        "ata",
        "link",
        "dev",
        "rport-",
        "end_device-",
        "port-",
    ];
    let digit = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
    let found = counted
        .iter()
        .find_map(|word| Some((word, part.strip_prefix(word).filter(digit)?)));
    match found {
        // The namespace is the disk's own.
        Some((word, rest)) if *word == "nvme" => match rest.rsplit_once('n') {
            Some((_, namespace)) => format!("nvme*n{namespace}"),
            None => "nvme*".to_owned(),
        },
        Some((word, _)) => format!("{word}*"),
        None => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drivers_count_is_left_open() {
        for (path, wanted) in [
            (
                "sys/devices/pci0000:00/0000:00:01.0/virtio0/block/vda",
                "/sys/devices/pci0000:00/0000:00:01.0/virtio*/block/*",
            ),
            (
                "sys/devices/vio/71000003/host3/target3:0:2/3:0:2:0/block/sdb",
                "/sys/devices/vio/71000003/host*/target*:0:2/*:0:2:0/block/*",
            ),
            (
                "sys/devices/pci0000:00/0000:00:03.0/nvme/nvme0/nvme0n1",
                "/sys/devices/pci0000:00/0000:00:03.0/nvme/nvme*/nvme*n1",
            ),
            (
                "sys/devices/vio/30000002/net/env2",
                "/sys/devices/vio/30000002/net/*",
            ),
        ] {
            assert_eq!(pattern(path), wanted);
        }
    }
}
