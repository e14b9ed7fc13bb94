//! Names that the system itself gives to devices: multipath's aliases, encrypted devices
//! and md arrays. Nobody makes these devices in the rescue system, but what they lie on
//! can be looked for.

use std::collections::BTreeMap;

/// The names with what each stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Aliases {
    /// multipath's aliases, each with the identifier of its disk.
    multipath: BTreeMap<String, String>,
    /// The devices below the encrypted ones, by the names of these.
    crypts: BTreeMap<String, String>,
    /// Paths of the arrays whose members are there.
    arrays: Vec<String>,
}

impl Aliases {
    /// From the system's `bindings`, `crypttab` and `mdadm.conf`, and what `mdadm
    /// --examine --scan` says of the disks.
    pub(super) fn read(bindings: &str, crypttab: &str, mdadm: &str, scan: &str) -> Self {
        let present: Vec<(&str, &str)> = arrays(scan).collect();
        let is_present = |uuid: &str| present.iter().any(|(_, there)| *there == uuid);
        let named = arrays(mdadm).filter(|(_, uuid)| is_present(uuid));
        let paths = named
            .chain(present.iter().copied())
            .flat_map(|(node, uuid)| [node.to_owned(), format!("/dev/disk/by-id/md-uuid-{uuid}")]);
        Self {
            multipath: pairs(bindings),
            crypts: pairs(crypttab),
            arrays: paths.collect(),
        }
    }

    /// What the encrypted device of this path lies on.
    pub(super) fn under_crypt(&self, path: &str) -> Option<&str> {
        let name = path.strip_prefix("/dev/mapper/")?;
        self.crypts.get(name).map(String::as_str)
    }

    /// The identifiers that the disk behind a path of multipath can have: by its alias,
    /// or named by the identifier itself; the path may be of a partition.
    pub(super) fn disk_ids<'a>(&'a self, path: &'a str) -> Vec<&'a str> {
        let Some(name) = path.strip_prefix("/dev/mapper/") else {
            return Vec::new();
        };
        let disk = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let disks = [name, disk].into_iter().chain(
            ["-part", "p"]
                .iter()
                .filter_map(|between| disk.strip_suffix(between)),
        );
        disks
            .map(|disk| self.multipath.get(disk).map_or(disk, String::as_str))
            .collect()
    }

    /// Whether the path is one of an array whose members are there.
    pub(super) fn is_array(&self, path: &str) -> bool {
        self.arrays.iter().any(|array| array == path)
    }
}

/// The first two words of each line that is no comment.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .collect()
}

/// The nodes and UUIDs of lines `ARRAY`.
fn arrays(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let keyword = words.next()?;
        let node = words.next().filter(|node| node.starts_with('/'))?;
        let uuid = words.find_map(|word| word.strip_prefix("UUID="))?;
        keyword
            .eq_ignore_ascii_case("array")
            .then_some((node, uuid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases() -> Aliases {
        Aliases::read(
            "# bindings\nmpathb 3600a\n",
            "secret UUID=1111 none luks\n",
            "ARRAY /dev/md0 metadata=1.2 UUID=aa:bb name=host:0\nARRAY /dev/md9 UUID=cc:dd\n",
            "ARRAY /dev/md/0  metadata=1.2 UUID=aa:bb name=host:0\n",
        )
    }

    #[test]
    fn arrays_whose_members_are_there_have_the_names_of_both() {
        let aliases = aliases();
        for path in ["/dev/md0", "/dev/md/0", "/dev/disk/by-id/md-uuid-aa:bb"] {
            assert!(aliases.is_array(path), "{path}");
        }
        assert!(!aliases.is_array("/dev/md9"));
    }

    #[test]
    fn mapped_names_lead_to_what_is_below() {
        let aliases = aliases();
        assert_eq!(aliases.under_crypt("/dev/mapper/secret"), Some("UUID=1111"));
        for path in [
            "mpathb",
            "mpathb1",
            "mpathbp1",
            "mpathb-part1",
            "3600a-part1",
        ] {
            let path = format!("/dev/mapper/{path}");
            let ids = aliases.disk_ids(&path);
            assert!(ids.contains(&"3600a"), "{path}: {ids:?}");
        }
        assert!(aliases.disk_ids("/dev/sda").is_empty());
    }
}
