//! From a recorded format to the command that makes it again.
//!
//! Every feature is named, those that were absent too: the defaults of the
//! rescue image's own tools must never sneak in, for GRUB and the restored
//! kernel must be able to read the result.

use crate::guid::Guid;
use crate::model::{Btrfs, Ext, FileSystem, Format, Swap, Vfat, Xfs};
use crate::size::MB;

/// What `mke2fs -O` can make without further parameters (ext4(5) of e2fsprogs
/// 1.47). Missing on purpose: `bigalloc`, `casefold` and `journal_dev`.
const EXT_FEATURES: &[&str] = &[
    "64bit",
    "dir_index",
    "dir_nlink",
    "dir_prealloc",
    "ea_inode",
    "encrypt",
    "ext_attr",
    "extent",
    "extra_isize",
    "fast_commit",
    "filetype",
    "flex_bg",
    "has_journal",
    "huge_file",
    "inline_data",
    "large_dir",
    "large_file",
    "meta_bg",
    "metadata_csum",
    "metadata_csum_seed",
    "mmp",
    "orphan_file",
    "project",
    "quota",
    "resize_inode",
    "sparse_super",
    "sparse_super2",
    "stable_inodes",
    "uninit_bg",
    "verity",
];

/// States of a mounted file system that `dumpe2fs` lists among the features.
const EXT_STATES: &[&str] = &["needs_recovery", "orphan_present"];

/// What `xfs_info` prints, and the option of `mkfs.xfs` 6.13 that makes it:
/// key, option, suboption, and whether a file system whose record lacks the key
/// was made without it (by tools too old to print it).
const XFS_FEATURES: &[(&str, &str, &str, bool)] = &[
    ("crc", "-m", "crc", false),
    ("finobt", "-m", "finobt", true),
    ("rmapbt", "-m", "rmapbt", true),
    ("reflink", "-m", "reflink", true),
    ("bigtime", "-m", "bigtime", true),
    ("inobtcount", "-m", "inobtcount", true),
    ("metadir", "-m", "metadir", true),
    ("sparse", "-i", "sparse", true),
    ("nrext64", "-i", "nrext64", true),
    ("exchange", "-i", "exchange", true),
    ("attr", "-i", "attr", false),
    ("projid32bit", "-i", "projid32bit", false),
    ("imaxpct", "-i", "maxpct", false),
    ("ftype", "-n", "ftype", false),
    ("parent", "-n", "parent", true),
    ("dirbsize", "-n", "size", false),
    ("sectsz", "-s", "size", false),
    ("lazy-count", "-l", "lazy-count", false),
];

/// What `mkfs.btrfs -O` of btrfs-progs 6.14 can make. Missing on purpose: `quota`,
/// which the kernel counts anew when it is switched on, and `zoned`.
const BTRFS_FEATURES: &[&str] = &[
    "mixed-bg",
    "extref",
    "raid56",
    "skinny-metadata",
    "no-holes",
    "free-space-tree",
    "raid1c34",
    "block-group-tree",
    "squota",
];

/// Of those the ones that `mkfs.btrfs` adds by itself, or may one day.
const BTRFS_DEFAULTS: &[&str] = &[
    "extref",
    "skinny-metadata",
    "no-holes",
    "free-space-tree",
    "block-group-tree",
];

/// Whether the format can be made again; the error names what cannot.
pub(crate) fn check(fs: &FileSystem) -> Result<(), String> {
    let known = match &fs.format {
        Format::Ext(ext) => ext_features(ext).try_for_each(|feature| {
            let known = EXT_FEATURES.contains(&feature);
            known
                .then_some(())
                .ok_or_else(|| format!("the ext feature {feature}"))
        }),
        Format::Xfs(xfs) => xfs.features.iter().try_for_each(|(key, value)| {
            let known = key == "ascii-ci" || XFS_FEATURES.iter().any(|(name, ..)| name == key);
            known
                .then_some(())
                .ok_or_else(|| format!("the XFS feature {key}={value}"))
        }),
        Format::Vfat(_) | Format::Swap(_) => Ok(()),
        Format::Btrfs(btrfs) => btrfs.features.iter().try_for_each(|feature| {
            let known = BTRFS_FEATURES.contains(&feature.as_str());
            known
                .then_some(())
                .ok_or_else(|| format!("the btrfs feature {feature}"))
        }),
        Format::Other(_) => Err(format!("a file system of type {}", fs.format.name())),
    };
    known?;
    let right = match &fs.format {
        Format::Vfat(_) => is_volume_id(&fs.uuid),
        _ => fs.uuid.parse::<Guid>().is_ok(),
    };
    if !right {
        return Err(format!("the UUID \"{}\"", fs.uuid));
    }
    // mkfs.xfs: 12, ext: 16, FAT: 11, swap: 15 bytes.
    let room = match &fs.format {
        Format::Ext(_) => 16,
        Format::Xfs(_) => 12,
        Format::Vfat(_) => 11,
        Format::Swap(_) => 15,
        Format::Btrfs(_) | Format::Other(_) => 255,
    };
    match &fs.label {
        Some(label) if label.len() > room => Err(format!("the label \"{label}\"")),
        _ => Ok(()),
    }
}

/// The smallest size that the format can have at all.
pub(crate) fn smallest(format: &Format) -> u64 {
    match format {
        // mkfs.xfs refuses less since xfsprogs 6.0.
        Format::Xfs(_) => 300 * MB,
        Format::Ext(_) => 8 * MB,
        // Below 65525 clusters it would not be FAT32.
        Format::Vfat(Vfat { bits: 32 }) => 34 * MB,
        Format::Vfat(_) | Format::Swap(_) => MB,
        // mkfs.btrfs refuses less for the usual profiles.
        Format::Btrfs(_) => 109 * MB,
        Format::Other(_) => 0,
    }
}

/// Bytes of the largest sector that the format can live on.
pub(crate) fn largest_sector(format: &Format) -> u32 {
    match format {
        Format::Ext(ext) => ext.block,
        Format::Xfs(xfs) => xfs.block,
        Format::Vfat(_) => 4096,
        Format::Swap(swap) => swap.page,
        Format::Btrfs(btrfs) => btrfs.sector,
        Format::Other(_) => u32::MAX,
    }
}

/// The programs that make the format, beside the kernel.
pub(crate) fn program(format: &Format) -> String {
    match format {
        Format::Ext(_) => "mke2fs".to_owned(),
        Format::Swap(_) => "mkswap".to_owned(),
        other => format!("mkfs.{}", other.name()),
    }
}

/// The command that makes the file system on `device`, whose sectors have
/// `sector` bytes. Further devices of a btrfs are to follow.
#[must_use]
pub fn command(fs: &FileSystem, device: &str, sector: u32) -> Vec<String> {
    let mut argv = vec![program(&fs.format)];
    match &fs.format {
        Format::Ext(ext) => ext_arguments(ext, &fs.uuid, &mut argv),
        Format::Xfs(xfs) => xfs_arguments(xfs, &fs.uuid, sector, &mut argv),
        Format::Vfat(Vfat { bits }) => {
            argv.extend([
                "-F".to_owned(),
                bits.to_string(),
                "-i".to_owned(),
                fs.uuid.replace('-', ""),
            ]);
        }
        Format::Swap(Swap { page }) => {
            argv.extend(["-f", "-p", &page.to_string(), "-U", &fs.uuid].map(str::to_owned));
        }
        Format::Btrfs(btrfs) => btrfs_arguments(btrfs, &fs.uuid, &mut argv),
        // `check` refuses them.
        Format::Other(_) => {}
    }
    if let Some(label) = &fs.label {
        let option = if matches!(fs.format, Format::Vfat(_)) {
            "-n"
        } else {
            "-L"
        };
        argv.extend([option.to_owned(), label.clone()]);
    }
    argv.push(device.to_owned());
    argv
}

fn ext_features(ext: &Ext) -> impl Iterator<Item = &str> {
    ext.features
        .iter()
        .map(String::as_str)
        .filter(|f| !EXT_STATES.contains(f))
}

fn ext_arguments(ext: &Ext, uuid: &str, argv: &mut Vec<String>) {
    // "none" first clears what mke2fs.conf would add.
    let features: Vec<&str> = std::iter::once("none").chain(ext_features(ext)).collect();
    let arguments = [
        "-F".to_owned(),
        "-q".to_owned(),
        "-t".to_owned(),
        format!("ext{}", ext.version),
        "-b".to_owned(),
        ext.block.to_string(),
        "-I".to_owned(),
        ext.inode.to_string(),
        "-i".to_owned(),
        ext.inode_ratio.to_string(),
        "-m".to_owned(),
        ext.reserved.to_string(),
        "-O".to_owned(),
        features.join(","),
        "-U".to_owned(),
        uuid.to_owned(),
    ];
    argv.extend(arguments);
}

fn xfs_arguments(xfs: &Xfs, uuid: &str, sector: u32, argv: &mut Vec<String>) {
    let recorded = |key: &str| {
        xfs.features
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| *value)
    };
    let mut groups = [
        ("-b", vec![format!("size={}", xfs.block)]),
        ("-m", vec![format!("uuid={uuid}")]),
        ("-i", vec![format!("size={}", xfs.inode)]),
        ("-n", vec![]),
        ("-s", vec![]),
        ("-l", vec![]),
    ];
    for (key, option, suboption, absent_means_off) in XFS_FEATURES {
        let value = match recorded(key) {
            // A disk with larger sectors than the old one cannot do smaller writes.
            Some(value) if *key == "sectsz" => value.max(sector),
            Some(value) => value,
            None if *absent_means_off => 0,
            None => continue,
        };
        for (name, values) in &mut groups {
            if name == option {
                values.push(format!("{suboption}={value}"));
            }
        }
    }
    if recorded("ascii-ci") == Some(1) {
        groups[3].1.push("version=ci".to_owned());
    }
    argv.extend(["-f".to_owned(), "-q".to_owned()]);
    for (option, values) in groups {
        if !values.is_empty() {
            argv.extend([option.to_owned(), values.join(",")]);
        }
    }
}

fn btrfs_arguments(btrfs: &Btrfs, uuid: &str, argv: &mut Vec<String>) {
    let on = btrfs.features.iter().map(String::as_str);
    let recorded = |feature: &&&str| btrfs.features.iter().any(|name| name == **feature);
    let off = BTRFS_DEFAULTS.iter().filter(|feature| !recorded(feature));
    let features: Vec<String> = on
        .map(str::to_owned)
        .chain(off.map(|feature| format!("^{feature}")))
        .collect();
    argv.extend(["-f", "-q", "-U", uuid].map(str::to_owned));
    for (option, value) in [
        ("--csum", btrfs.checksum.clone()),
        ("-n", btrfs.node.to_string()),
        ("-s", btrfs.sector.to_string()),
        ("-d", btrfs.data.clone()),
        ("-m", btrfs.metadata.clone()),
        ("-O", features.join(",")),
    ] {
        argv.extend([option.to_owned(), value]);
    }
}

fn is_volume_id(text: &str) -> bool {
    let hex = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit());
    text.split_once('-')
        .is_some_and(|(high, low)| hex(high) && hex(low))
}
