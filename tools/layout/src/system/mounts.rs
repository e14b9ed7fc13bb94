//! What is mounted, swapped to, and wanted by fstab.

/// A line of `/proc/self/mountinfo` (proc(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// Device number, `253:0`; of btrfs one that no device has.
    pub(super) number: String,
    /// What of the file system is mounted; `/` but for bind mounts and subvolumes.
    pub(super) root: String,
    /// Where.
    pub(super) at: String,
    /// Options of this mount.
    pub(super) options: String,
    /// The kernel's name of the kind.
    pub(super) kind: String,
    /// What was mounted: `/dev/vda2`.
    pub(super) source: String,
}

/// A line of fstab (fstab(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The device: a path, `UUID=...`, `LABEL=...`.
    pub(super) device: String,
    /// Where it is to be mounted; `none` or `swap` for swap.
    pub(super) at: String,
    /// The kind.
    pub(super) kind: String,
    /// The options.
    pub(super) options: String,
    /// The fifth field.
    pub(super) dump: u8,
    /// The sixth field.
    pub(super) pass: u8,
}

/// The mounts, of two in one place the upper one.
pub(super) fn mounts(mountinfo: &str) -> Vec<Mount> {
    let mut all: Vec<Mount> = Vec::new();
    for mount in mountinfo.lines().filter_map(mount) {
        all.retain(|lower| lower.at != mount.at);
        all.push(mount);
    }
    all
}

fn mount(line: &str) -> Option<Mount> {
    let (front, back) = line.split_once(" - ")?;
    let mut front = front.split(' ').skip(2);
    let mut back = back.split(' ');
    Some(Mount {
        number: front.next()?.to_owned(),
        root: unescape(front.next()?),
        at: unescape(front.next()?),
        options: front.next()?.to_owned(),
        kind: back.next()?.to_owned(),
        source: unescape(back.next()?),
    })
}

/// The devices of `/proc/swaps`; files do not count.
pub(super) fn swaps(text: &str) -> Vec<String> {
    let rows = text.lines().skip(1).map(str::split_whitespace);
    rows.filter_map(|mut row| {
        let (path, kind) = (row.next()?, row.next()?);
        (kind == "partition").then(|| unescape(path))
    })
    .collect()
}

/// The entries of an fstab.
pub(super) fn entries(fstab: &str) -> Vec<Entry> {
    let lines = fstab.lines().map(str::trim_start);
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let device = fields.next()?.replace('"', "");
            let at = unescape(fields.next()?);
            let trimmed = at.trim_end_matches('/');
            Some(Entry {
                device,
                at: if trimmed.is_empty() { &at } else { trimmed }.to_owned(),
                kind: fields.next()?.to_owned(),
                options: fields.next().unwrap_or("defaults").to_owned(),
                dump: fields.next().map_or(0, |field| field.parse().unwrap_or(0)),
                pass: fields.next().map_or(0, |field| field.parse().unwrap_or(0)),
            })
        })
        .collect()
}

/// The kernel writes blanks, tabs, line ends and backslashes as `\040` and the like.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..3).filter(|_| *first == b'\\');
        let octal = digits.and_then(|d| std::str::from_utf8(d).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_is_read_and_the_upper_mount_counts() {
        let text = "\
22 1 252:2 / / rw,relatime shared:1 - ext4 /dev/vda2 rw
36 22 0:45 /@home /home rw,noatime shared:9 master:2 - btrfs /dev/vda3 rw,subvol=/@home
37 22 252:5 / /a\\040b rw - xfs /dev/vdb1 rw
40 22 252:6 / /home rw - ext4 /dev/vdc1 rw
broken line
";
        let all = mounts(text);
        let places: Vec<_> = all
            .iter()
            .map(|m| (m.at.as_str(), m.kind.as_str()))
            .collect();
        assert_eq!(places, [("/", "ext4"), ("/a b", "xfs"), ("/home", "ext4")]);
        assert_eq!(all[0].source, "/dev/vda2");
    }

    #[test]
    fn only_devices_are_swapped_to() {
        let text = "Filename\tType\tSize\tUsed\tPriority\n\
                    /dev/dm-1                               partition\t262080\t0\t-2\n\
                    /swap.img                               file\t100\t0\t-3\n";
        assert_eq!(swaps(text), ["/dev/dm-1"]);
    }

    #[test]
    fn fstab_is_read() {
        let text = "# comment\n\n  UUID=\"1-2\"  /boot/ ext4 defaults 0 2\n/dev/x none swap sw\n/dev/y / ext4\n";
        let all = entries(text);
        assert_eq!(
            (all[0].device.as_str(), all[0].at.as_str()),
            ("UUID=1-2", "/boot")
        );
        assert_eq!((all[0].dump, all[0].pass), (0, 2));
        assert_eq!(all[1].options, "sw");
        assert_eq!(
            (all[2].at.as_str(), all[2].options.as_str()),
            ("/", "defaults")
        );
    }

    #[test]
    fn odd_escapes_stay() {
        for text in ["a\\", "\\9", "\\400x", "\\04"] {
            assert_eq!(unescape(text), text);
        }
    }
}
