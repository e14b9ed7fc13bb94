//! What lies on a disk or partition, told from its first bytes.

use std::fmt;

use serde::Serialize;

use crate::guid::Guid;

/// How many bytes of the start of a device [`identify`] wants. It covers the
/// swap signature of 64 KiB pages and the superblock of btrfs.
pub const HEAD: usize = 72 << 10;

/// What the first sector of a PReP partition says while a restore runs; the
/// boot record, written last, replaces it. See [`Found::Unfinished`].
pub const UNFINISHED: &[u8] = b"LIFEBOAT RESTORE UNFINISHED\n";

/// Where a disk with a partition table says the same: behind the largest table
/// and before the first partition. It is written first and blanked last.
pub const MARK: u64 = 60 << 10;

/// What was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// Nothing but zeros.
    Empty,
    /// GPT.
    Gpt,
    /// DOS partition table.
    Mbr,
    /// LVM physical volume.
    Lvm,
    /// ext2, ext3, ext4.
    Ext,
    /// XFS.
    Xfs,
    /// FAT.
    Vfat,
    /// Swap.
    Swap,
    /// CD image.
    Iso9660,
    /// Member of an md array.
    Md,
    /// LUKS.
    Luks,
    /// btrfs.
    Btrfs,
    /// A restore by Lifeboat that did not end.
    Unfinished,
    /// Something, and be it only a boot record.
    Unknown,
}

/// What was recognised, and how it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// The kind.
    pub found: Found,
    /// UUID as blkid prints it, where the kind has one that is read here.
    pub uuid: Option<String>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Gpt => "GPT",
            Self::Mbr => "DOS partition table",
            Self::Lvm => "LVM physical volume",
            Self::Ext => "ext file system",
            Self::Xfs => "XFS file system",
            Self::Vfat => "FAT file system",
            Self::Swap => "swap",
            Self::Iso9660 => "CD image",
            Self::Md => "member of an md array",
            Self::Luks => "LUKS",
            Self::Btrfs => "btrfs file system",
            Self::Unfinished => "unfinished restore",
            Self::Unknown => "unknown data",
        })
    }
}

/// Recognises what `head`, the first [`HEAD`] bytes of a device, belongs to.
/// `tail` is the end of the device, where GPT keeps its backup and old md
/// arrays their superblock; it may be empty.
#[must_use]
pub fn identify(head: &[u8], tail: &[u8]) -> Signature {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    let plain = |found| Signature { found, uuid: None };
    let with_uuid = |found, offset| Signature {
        found,
        uuid: uuid_at(head, offset),
    };
    let mark = usize::try_from(MARK).unwrap_or(usize::MAX);
    if at(0, UNFINISHED) || at(mark, UNFINISHED) {
        return plain(Found::Unfinished);
    }
    // Containers first: a file system inside may shine through.
    if at(0, b"LUKS\xba\xbe") {
        return plain(Found::Luks);
    }
    // The label is in one of the first four sectors (LVM2's lvm.8, pvcreate --labelsector).
    if (0..4).any(|sector| at(sector * 512, b"LABELONE") && at(sector * 512 + 24, b"LVM2 001")) {
        return plain(Found::Lvm);
    }
    // md 1.1 and 1.2 at the start, little-endian.
    if [0, 4096]
        .iter()
        .any(|offset| at(*offset, &0xa92b_4efc_u32.to_le_bytes()))
    {
        return plain(Found::Md);
    }
    if [512, 4096].iter().any(|sector| at(*sector, b"EFI PART")) {
        return plain(Found::Gpt);
    }
    if at(0x438, &[0x53, 0xef]) {
        return with_uuid(Found::Ext, 0x468);
    }
    if at(0, b"XFSB") {
        return with_uuid(Found::Xfs, 32);
    }
    if at(0x1_0040, b"_BHRfS_M") {
        return with_uuid(Found::Btrfs, 0x1_0020);
    }
    // The signature ends the first page; the pages of Linux are 4 to 64 KiB.
    let pages = [4096, 8192, 16384, 32768, 65536];
    if pages
        .iter()
        .any(|page| at(page - 10, b"SWAPSPACE2") || at(page - 10, b"SWAP-SPACE"))
    {
        return with_uuid(Found::Swap, 1024 + 12);
    }
    if at(0x8001, b"CD001") {
        return plain(Found::Iso9660);
    }
    if let Some(id) = fat(head) {
        return Signature {
            found: Found::Vfat,
            uuid: Some(id),
        };
    }
    if at(510, &[0x55, 0xaa]) {
        return plain(Found::Mbr);
    }
    plain(at_the_end(head, tail))
}

/// What is left when the start says nothing.
fn at_the_end(head: &[u8], tail: &[u8]) -> Found {
    let backup_header = [512, 4096].iter().any(|sector| {
        tail.len()
            .checked_sub(*sector)
            .is_some_and(|at| tail[at..].starts_with(b"EFI PART"))
    });
    // md 0.90 and 1.0 lie within the last 128 KiB, on a 4 KiB border from the
    // end of the device, in the byte order of the CPU and in little-endian.
    let magic = 0xa92b_4efc_u32;
    let md = tail.rchunks(4096).any(|block| {
        block.starts_with(&magic.to_le_bytes()) || block.starts_with(&magic.to_be_bytes())
    });
    if backup_header {
        Found::Gpt
    } else if md {
        Found::Md
    } else if head.iter().chain(tail).all(|byte| *byte == 0) {
        Found::Empty
    } else {
        Found::Unknown
    }
}

/// The volume id of a FAT file system. FAT has no magic of its own: the type
/// strings in the two forms of its boot sector are what every tool goes by.
fn fat(head: &[u8]) -> Option<String> {
    let id_at = if head.get(54..59) == Some(b"FAT12") || head.get(54..59) == Some(b"FAT16") {
        39
    } else if head.get(82..87) == Some(b"FAT32") {
        67
    } else {
        return None;
    };
    let id: [u8; 4] = head.get(id_at..id_at + 4)?.try_into().ok()?;
    let id = u32::from_le_bytes(id);
    Some(format!("{:04X}-{:04X}", id >> 16, id & 0xffff))
}

/// A UUID in text order, as all but GPT store it.
fn uuid_at(head: &[u8], offset: usize) -> Option<String> {
    let raw: [u8; 16] = head.get(offset..offset + 16)?.try_into().ok()?;
    let [a, b, c, d, e, f, g, h, ..] = raw;
    let mut swapped = raw;
    swapped[..8].copy_from_slice(&[d, c, b, a, f, e, h, g]);
    Some(Guid(swapped).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(patches: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        for (at, bytes) in patches {
            head[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    fn found(patches: &[(usize, &[u8])]) -> Found {
        identify(&with(patches), &[]).found
    }

    #[test]
    fn the_known_ones_are_known() {
        let md = 0xa92b_4efc_u32.to_le_bytes();
        for (patches, what) in [
            (vec![], Found::Empty),
            (
                vec![(510, &[0x55, 0xaa][..]), (512, b"EFI PART")],
                Found::Gpt,
            ),
            (vec![(510, &[0x55, 0xaa]), (4096, b"EFI PART")], Found::Gpt),
            (vec![(510, &[0x55, 0xaa])], Found::Mbr),
            (vec![(512, b"LABELONE"), (536, b"LVM2 001")], Found::Lvm),
            (vec![(4096, &md)], Found::Md),
            (vec![(65526, b"SWAPSPACE2")], Found::Swap),
            (
                vec![(0x8001, b"CD001"), (510, &[0x55, 0xaa])],
                Found::Iso9660,
            ),
            (vec![(0x8001, b"CD001")], Found::Iso9660),
            (vec![(0, b"LUKS\xba\xbe")], Found::Luks),
            (vec![(0x1_0040, b"_BHRfS_M")], Found::Btrfs),
            (vec![(0, UNFINISHED)], Found::Unfinished),
            (
                vec![(510, &[0x55, 0xaa]), (60 << 10, UNFINISHED)],
                Found::Unfinished,
            ),
            (vec![(7000, b"x")], Found::Unknown),
        ] {
            assert_eq!(found(&patches), what, "{patches:?}");
        }
    }

    #[test]
    fn uuids_come_as_blkid_prints_them() {
        let raw = [
            0x6f, 0x8a, 0x1c, 0x52, 0x0d, 0x1b, 0x4e, 0x5a, 0x9c, 0x3e, 0x2b, 0x7d, 0x4f, 0x1a,
            0x6e, 1,
        ];
        let uuid = Some("6f8a1c52-0d1b-4e5a-9c3e-2b7d4f1a6e01".to_owned());
        assert_eq!(
            identify(&with(&[(0x438, &[0x53, 0xef]), (0x468, &raw)]), &[]).uuid,
            uuid
        );
        assert_eq!(identify(&with(&[(0, b"XFSB"), (32, &raw)]), &[]).uuid, uuid);
        let swap = with(&[(4086, b"SWAPSPACE2"), (1036, &raw)]);
        assert_eq!(identify(&swap, &[]).uuid, uuid);
        let fat = with(&[
            (82, b"FAT32"),
            (67, &[0x78, 0x56, 0x34, 0x12]),
            (510, &[0x55, 0xaa]),
        ]);
        let fat = identify(&fat, &[]);
        assert_eq!(
            (fat.found, fat.uuid.as_deref()),
            (Found::Vfat, Some("1234-5678"))
        );
    }

    #[test]
    fn the_end_counts_when_the_start_is_blank() {
        let mut tail = vec![0; 1 << 17];
        let length = tail.len();
        assert_eq!(identify(&[0; HEAD], &tail).found, Found::Empty);
        tail[length - 512..length - 504].copy_from_slice(b"EFI PART");
        assert_eq!(identify(&[0; HEAD], &tail).found, Found::Gpt);
        tail.fill(0);
        tail[length - 8192..length - 8188].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
        assert_eq!(identify(&[0; HEAD], &tail).found, Found::Md);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(head in prop::collection::vec(any::<u8>(), 0..5000)) {
            let blank = head.iter().all(|byte| *byte == 0);
            prop_assert_eq!(identify(&head, &[]).found == Found::Empty, blank);
        }
    }
}
