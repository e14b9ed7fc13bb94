//! ext2, ext3, ext4: `dumpe2fs -h`.

use std::collections::HashMap;

use super::Made;
use crate::model::{Ext, Format};

/// Features of ext3; with any other it is ext4, without a journal ext2.
const EXT3: &[&str] = &[
    "dir_index",
    "dir_prealloc",
    "ext_attr",
    "filetype",
    "has_journal",
    "large_file",
    "meta_bg",
    "resize_inode",
    "sparse_super",
];

/// States of a mounted file system, not properties of its format.
const STATES: &[&str] = &["needs_recovery", "orphan_present"];

/// Reads what `dumpe2fs -h` prints.
pub(in crate::system) fn ext(text: &str) -> Option<Made> {
    let fields: HashMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let number = |name: &str| fields.get(name)?.parse::<u64>().ok();
    let blocks = number("Block count")?;
    let inodes = number("Inode count").filter(|n| *n > 0)?;
    let block = u32::try_from(number("Block size")?).ok()?;
    let size = blocks.checked_mul(u64::from(block))?;
    let features: Vec<String> = fields
        .get("Filesystem features")?
        .split_whitespace()
        .filter(|feature| !STATES.contains(feature) && *feature != "(none)")
        .map(str::to_owned)
        .collect();
    let reserved = number("Reserved block count")?.saturating_mul(100);
    let percent = reserved.saturating_add(blocks / 2) / blocks.max(1);
    let free = number("Free blocks").map(|free| free.saturating_mul(u64::from(block)));
    let free_inodes = number("Free inodes");
    Some(Made {
        size,
        uuid: fields.get("Filesystem UUID")?.to_lowercase(),
        label: fields
            .get("Filesystem volume name")
            .filter(|name| **name != "<none>" && !name.is_empty())
            .map(|name| (*name).to_owned()),
        used: free.map(|free| size.saturating_sub(free)),
        files: free_inodes.map(|free| inodes.saturating_sub(free)),
        format: Format::Ext(Ext {
            version: version(&features),
            features,
            block,
            // Only revision 1 has a choice.
            inode: u32::try_from(number("Inode size").unwrap_or(128)).ok()?,
            inode_ratio: ratio(size, inodes),
            reserved: u8::try_from(percent.min(50)).ok()?,
        }),
    })
}

fn version(features: &[String]) -> u8 {
    if features.iter().any(|f| !EXT3.contains(&f.as_str())) {
        4
    } else if features.iter().any(|f| f == "has_journal") {
        3
    } else {
        2
    }
}

/// What was given to `mke2fs -i`: it makes whole blocks of inodes, so what comes
/// out is not quite the round number that went in. It takes 1024 to 64 MB.
fn ratio(size: u64, inodes: u64) -> u32 {
    let found = (size / inodes).clamp(1024, 64 << 20);
    let above = found.next_power_of_two();
    let round = [above, above / 2]
        .into_iter()
        .find(|round| round.abs_diff(found) <= round / 32)
        .unwrap_or(found);
    u32::try_from(round).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As printed by dumpe2fs 1.47.
    const DEMO: &str = include_str!("../../../tests/recorded/dumpe2fs-ext4.txt");

    #[test]
    fn the_demo_is_read() {
        let made = ext(DEMO).unwrap();
        let Format::Ext(format) = &made.format else {
            panic!("no ext")
        };
        assert_eq!((format.version, format.block, format.inode), (4, 4096, 256));
        assert_eq!((format.inode_ratio, format.reserved), (16384, 5));
        assert_eq!(made.size, 1280 << 20);
        assert_eq!(made.label.as_deref(), Some("root"));
        assert!(!format.features.iter().any(|f| f == "needs_recovery"));
    }

    #[test]
    fn the_version_is_told_by_the_features() {
        let of = |text: &str| version(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            of("ext_attr resize_inode dir_index filetype sparse_super large_file"),
            2
        );
        assert_eq!(of("has_journal ext_attr filetype"), 3);
        assert_eq!(of("has_journal extent"), 4);
    }

    #[test]
    fn ratios_are_what_was_asked_for() {
        for (size, inodes, wanted) in [
            (1_342_177_280, 81920, 16384),
            (402_653_184, 24576, 16384),
            (1_000_000_000, 61_056, 16384),
            (104_857_600, 25_584, 4096),
            (1 << 40, 1 << 20, 1 << 20),
            (1_000_000, 100, 10_000),
        ] {
            assert_eq!(ratio(size, inodes), wanted, "{size} {inodes}");
        }
    }

    #[test]
    fn what_is_no_report_is_none() {
        for text in ["", "Block count: 0", "Inode count: 0\nBlock count: 1"] {
            assert_eq!(ext(text), None);
        }
    }
}
