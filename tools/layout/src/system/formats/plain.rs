//! Formats that are read from the first bytes: swap and FAT.

use super::Made;
use crate::model::{Format, Swap, Vfat};
use crate::signature::{Found, identify};

/// Sizes that a page can have.
const PAGES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];

/// Text of a field that is filled up with NULs or blanks.
fn text(head: &[u8], at: usize, length: usize) -> Option<String> {
    let field = head.get(at..at + length)?;
    let text = String::from_utf8_lossy(field);
    let text = text.trim_end_matches(['\0', ' ']).to_owned();
    (!text.is_empty()).then_some(text)
}

/// Reads a swap header; `size` is that of the device.
pub(in crate::system) fn swap(head: &[u8], size: u64) -> Option<Made> {
    let signature = identify(head, &[]);
    let marked = |page: &&usize| {
        let end = head.get(**page - 10..**page);
        end.is_some_and(|end| end == b"SWAPSPACE2" || end == b"SWAP-SPACE")
    };
    let page = PAGES
        .iter()
        .find(marked)
        .filter(|_| signature.found == Found::Swap)?;
    Some(Made {
        size,
        uuid: signature.uuid?,
        label: text(head, 1024 + 28, 16),
        used: None,
        files: None,
        format: Format::Swap(Swap {
            page: u32::try_from(*page).ok()?,
        }),
    })
}

/// Reads the boot sector of a FAT; `size` is that of the device.
pub(in crate::system) fn vfat(head: &[u8], size: u64) -> Option<Made> {
    let signature = identify(head, &[]);
    let is = |at: usize, name: &[u8]| head.get(at..at + name.len()) == Some(name);
    let (bits, label_at) = if is(82, b"FAT32") {
        (32, 71)
    } else if is(54, b"FAT16") {
        (16, 43)
    } else if is(54, b"FAT12") {
        (12, 43)
    } else {
        return None;
    };
    Some(Made {
        size,
        uuid: signature.uuid.filter(|_| signature.found == Found::Vfat)?,
        label: text(head, label_at, 11).filter(|label| label != "NO NAME"),
        used: None,
        files: None,
        format: Format::Vfat(Vfat { bits }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_swap_is_where_its_signature_is() {
        for page in PAGES {
            let mut head = vec![0; 72 << 10];
            head[page - 10..page].copy_from_slice(b"SWAPSPACE2");
            head[1036] = 1;
            head[1052..1056].copy_from_slice(b"swap");
            let made = swap(&head, 1 << 28).unwrap();
            assert_eq!(
                made.format,
                Format::Swap(Swap {
                    page: u32::try_from(page).unwrap(),
                })
            );
            assert_eq!(made.label.as_deref(), Some("swap"));
        }
        assert_eq!(swap(&[0; 72 << 10], 1), None);
    }

    #[test]
    fn the_width_of_a_fat_is_in_its_boot_sector() {
        for (at, kind, label, bits) in [
            (82, b"FAT32", 71, 32),
            (54, b"FAT16", 43, 16),
            (54, b"FAT12", 43, 12),
        ] {
            let mut head = vec![0; 512];
            head[at..at + 5].copy_from_slice(kind);
            head[label..label + 11].copy_from_slice(b"EFI SYSTEM ");
            let made = vfat(&head, 1 << 28).unwrap();
            assert_eq!(made.format, Format::Vfat(Vfat { bits }));
            assert_eq!(made.label.as_deref(), Some("EFI SYSTEM"));
            head[label..label + 11].copy_from_slice(b"NO NAME    ");
            assert_eq!(vfat(&head, 1 << 28).unwrap().label, None);
        }
    }
}
