//! btrfs: sysfs and `btrfs subvolume list`.

use super::Made;
use crate::model::{Btrfs, Format, Subvolume};
use crate::system::host::Host;

/// What sysfs calls a feature, and what `mkfs.btrfs -O` calls it; blank for what
/// comes and goes with what is stored.
const FEATURES: &[(&str, &str)] = &[
    ("big_metadata", ""),
    ("block_group_tree", "block-group-tree"),
    ("compress_lzo", ""),
    ("compress_zstd", ""),
    ("default_subvol", ""),
    ("extended_iref", "extref"),
    ("free_space_tree", "free-space-tree"),
    ("metadata_uuid", ""),
    ("mixed_backref", ""),
    ("mixed_groups", "mixed-bg"),
    ("no_holes", "no-holes"),
    ("raid1c34", ""),
    ("raid56", "raid56"),
    ("raid_stripe_tree", "raid-stripe-tree"),
    ("simple_quota", "squota"),
    ("skinny_metadata", "skinny-metadata"),
    ("zoned", "zoned"),
];

/// Reads what sysfs says of a mounted btrfs. Devices and subvolumes are not here.
pub(in crate::system) fn btrfs(host: &dyn Host, uuid: &str) -> Option<Made> {
    let base = format!("/sys/fs/btrfs/{uuid}");
    let number = |file: &str| {
        let number = host.number(&format!("{base}/{file}"))?;
        u32::try_from(number).ok()
    };
    let features = host.list(&format!("{base}/features"));
    let known = |name: &String| FEATURES.iter().find(|(sysfs, _)| sysfs == name);
    let named = features
        .iter()
        .map(|name| known(name).map_or(name.as_str(), |(_, mkfs)| mkfs));
    // "crc32c (crc32c-intel)".
    let checksum = host.text(&format!("{base}/checksum")).unwrap_or_default();
    let checksum = checksum.split(' ').next().filter(|name| !name.is_empty());
    Some(Made {
        size: 0,
        uuid: uuid.to_owned(),
        label: host
            .text(&format!("{base}/label"))
            .filter(|label| !label.is_empty()),
        used: None,
        files: None,
        format: Format::Btrfs(Btrfs {
            features: named
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            sector: number("sectorsize")?,
            node: number("nodesize")?,
            checksum: checksum.unwrap_or("crc32c").to_owned(),
            data: profile(host, &base, "data"),
            metadata: profile(host, &base, "metadata"),
            more: Vec::new(),
            subvolumes: Vec::new(),
        }),
    })
}

/// The profile of data or metadata: the directory in which something is
/// allocated. While a balance changes it there are two; the first counts.
fn profile(host: &dyn Host, base: &str, what: &str) -> String {
    let kinds = [
        "single", "dup", "raid0", "raid1", "raid1c3", "raid1c4", "raid10", "raid5", "raid6",
    ];
    let path = format!("{base}/allocation/{what}");
    // Small file systems keep both together.
    let mixed = format!("{base}/allocation/mixed");
    let there = |path: &str| {
        let used = |kind: &str| host.number(&format!("{path}/{kind}/total_bytes"));
        kinds
            .into_iter()
            .find(|kind| used(kind).is_some_and(|n| n > 0))
    };
    there(&path)
        .or_else(|| there(&mixed))
        .unwrap_or("single")
        .to_owned()
}

/// Reads `btrfs subvolume list MOUNT`, the same with `-r`, and `btrfs subvolume
/// get-default MOUNT`. Subvolumes of deleted ones do not count.
pub(in crate::system) fn subvolumes(all: &str, read_only: &str, default: &str) -> Vec<Subvolume> {
    let locked: Vec<&str> = read_only.lines().filter_map(path).collect();
    let default = path(default);
    let subvolume = |path: &str| Subvolume {
        path: path.to_owned(),
        mount: None,
        options: "defaults".to_owned(),
        dump: 0,
        pass: 0,
        default: default == Some(path),
        read_only: locked.contains(&path),
    };
    all.lines().filter_map(path).map(subvolume).collect()
}

/// `ID 257 gen 9 top level 5 path @home`.
fn path(line: &str) -> Option<&str> {
    let (_, path) = line.trim_end().split_once(" path ")?;
    // "get-default" of some versions writes the path from the top tree.
    Some(path.strip_prefix("<FS_TREE>/").unwrap_or(path)).filter(|path| *path != "DELETED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subvolumes_are_read() {
        let all = "ID 256 gen 30 top level 5 path @\nID 257 gen 28 top level 5 path @home\n\
                   ID 258 gen 12 top level 256 path @/.snapshots/1/snap shot\n";
        let locked = "ID 258 gen 12 top level 256 path @/.snapshots/1/snap shot\n";
        let found = subvolumes(all, locked, "ID 256 gen 30 top level 5 path @\n");
        let told: Vec<_> = found
            .iter()
            .map(|s| (s.path.as_str(), s.default, s.read_only))
            .collect();
        assert_eq!(
            told,
            [
                ("@", true, false),
                ("@home", false, false),
                ("@/.snapshots/1/snap shot", false, true)
            ]
        );
        assert!(subvolumes("", "", "ID 5 (FS_TREE)\n").is_empty());
    }
}
