//! The least that a file system can be and still hold what it holds.
//!
//! `statvfs` counts what files, directories and attributes take, but not what
//! the format itself takes, and that depends on the size: it is reckoned here
//! for the smaller file system. On top comes room for a system to start in and
//! to rebuild its boot image ([`SPARE`] and a tenth).

use super::host::Usage;
use crate::mkfs;
use crate::model::{Ext, Format};
use crate::size::{MB, align_up};

/// What a restored system needs beyond what was in the backup: logs, and a new
/// initramfs beside the old one.
const SPARE: u64 = 64 * MB;

/// How many times the size of an ext is reckoned; it settles in a few.
const ROUNDS: usize = 50;

/// Bytes, whole MB, at most `size`, for a file system of this format and size
/// that is used so far.
pub(super) fn minimum(format: &Format, size: u64, usage: &Usage) -> u64 {
    let content = usage.used + usage.used / 10 + SPARE;
    let least = match format {
        Format::Ext(ext) => ext_minimum(ext, content, usage.files),
        // The log of a small XFS has 64 MB. Reverse mapping, reference counts
        // and free inodes keep some percent of each allocation group; inodes
        // are made as needed and counted as content.
        Format::Xfs(_) => (content + 64 * MB) / 95 * 100,
        // Metadata is there twice and allocated in chunks.
        Format::Btrfs(_) => content / 4 * 5 + 256 * MB,
        // Two tables of four bytes for each cluster of 512 bytes at least.
        Format::Vfat(_) => content / 98 * 100,
        Format::Swap(_) | Format::Other(_) => size,
    };
    align_up(least.max(mkfs::smallest(format)), MB).min(size)
}

fn ext_minimum(ext: &Ext, content: u64, files: u64) -> u64 {
    // It has all its inodes from the beginning.
    let inodes = (files + files / 10 + 1024).saturating_mul(u64::from(ext.inode_ratio));
    let mut size = content.max(inodes);
    for _ in 0..ROUNDS {
        let needed = content + ext_overhead(ext, size);
        if needed <= size {
            break;
        }
        size = needed;
    }
    size
}

/// What mke2fs takes of so many bytes.
fn ext_overhead(ext: &Ext, size: u64) -> u64 {
    let has = |feature: &str| ext.features.iter().any(|f| f == feature);
    let inodes = size / u64::from(ext.inode_ratio.max(1)) * u64::from(ext.inode);
    let reserved = size / 100 * u64::from(ext.reserved);
    // Group descriptors and, for growing, up to 1024 blocks of them with each of
    // the few copies of the superblock; bitmaps; the orphan file.
    let groups = size / 100 + 16 * MB;
    let journal = if has("has_journal") { journal(size) } else { 0 };
    inodes + reserved + groups + journal
}

/// The journal that mke2fs makes (ext2fs_default_journal_size in e2fsprogs
/// 1.47, in blocks of 4096 bytes).
fn journal(size: u64) -> u64 {
    let steps = [
        (128 * MB, 4 * MB),
        (1024 * MB, 16 * MB),
        (2048 * MB, 32 * MB),
        (16384 * MB, 64 * MB),
        (32768 * MB, 128 * MB),
        (65536 * MB, 256 * MB),
        (131_072 * MB, 512 * MB),
    ];
    let found = steps.iter().find(|(below, _)| size < *below);
    found.map_or(1024 * MB, |(_, journal)| *journal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Swap, Xfs};

    fn ext(ratio: u32) -> Format {
        Format::Ext(Ext {
            version: 4,
            features: vec!["has_journal".to_owned()],
            block: 4096,
            inode: 256,
            inode_ratio: ratio,
            reserved: 5,
        })
    }

    fn of(format: &Format, size_mb: u64, used_mb: u64, files: u64) -> u64 {
        let usage = Usage {
            size: size_mb * MB,
            used: used_mb * MB,
            files,
        };
        minimum(format, size_mb * MB, &usage) / MB
    }

    #[test]
    fn it_is_more_than_the_content_and_no_more_than_the_size() {
        assert_eq!(of(&ext(16384), 1280, 500, 14_000), 699);
        assert_eq!(of(&ext(16384), 1280, 1200, 14_000), 1280);
        let xfs = Format::Xfs(Xfs {
            features: Vec::new(),
            block: 4096,
            inode: 512,
        });
        assert_eq!(of(&xfs, 2048, 20, 100), 300);
        assert_eq!(of(&xfs, 20480, 1000, 100), 1293);
        assert_eq!(of(&Format::Swap(Swap { page: 4096 }), 256, 0, 0), 256);
    }

    #[test]
    fn many_small_files_need_inodes() {
        let many = of(&ext(16384), 100_000, 100, 1_000_000);
        assert_eq!(many, (1_101_024 * 16384) / MB + 1);
    }
}
