//! NVRAM images, whole and damaged.

use super::*;
use proptest::prelude::*;

/// An image as SLOF lays it out: a log, `common`, free space.
fn image(variables: &[&str]) -> Vec<u8> {
    let mut image = Vec::new();
    for (signature, name, blocks) in [
        (0x51, "ibm,CPU0log", 4),
        (0x70, "common", 16),
        (0x7f, "", 8u16),
    ] {
        let start = image.len();
        image.push(signature);
        image.push(0);
        image.extend(blocks.to_be_bytes());
        let mut padded = [if name.is_empty() { 0xff } else { 0 }; 12];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        image.extend(padded);
        image[start + 1] = checksum(&image[start..start + BLOCK]);
        let mut content = vec![0; usize::from(blocks) * BLOCK - BLOCK];
        if name == COMMON {
            let text: Vec<u8> = variables
                .iter()
                .flat_map(|v| v.bytes().chain([0]))
                .collect();
            content[..text.len()].copy_from_slice(&text);
        }
        image.extend(content);
    }
    image
}

#[test]
fn variables_are_read_and_replaced_in_place() {
    let mut image = image(&["auto-boot?=true", "boot-device=/old", "x=1"]);
    let mut common = Common::parse(&image).unwrap();
    assert_eq!(common.get("boot-device").as_deref(), Some("/old"));
    assert_eq!(
        common.get("boot"),
        None,
        "a prefix of a name is another name"
    );
    common.set("boot-device", "/a /b");
    common.set("new", "2");
    let (offset, content) = common.content().unwrap();
    image[offset..offset + content.len()].copy_from_slice(&content);
    let again = Common::parse(&image).unwrap();
    assert_eq!(again, common);
    assert_eq!(again.get("x").as_deref(), Some("1"));
    assert_eq!(again.entries[1], b"boot-device=/a /b");
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let mut common = Common::parse(&image(&[])).unwrap();
    common.set("boot-device", &"x".repeat(300));
    assert_eq!(
        common.content(),
        Err(NvramError::Full {
            needed: 314,
            present: 240
        })
    );
}

#[test]
fn damage_is_named() {
    let mut bad = image(&[]);
    bad[4] ^= 1;
    assert!(matches!(
        Common::parse(&bad),
        Err(NvramError::Damaged { offset: 0, .. })
    ));
    let mut short = image(&[]);
    short.truncate(80);
    assert!(matches!(
        Common::parse(&short),
        Err(NvramError::Damaged { offset: 64, .. })
    ));
    assert_eq!(Common::parse(&[]), Err(NvramError::NoCommon));
    assert!(matches!(
        Common::parse(&[0; 64]),
        Err(NvramError::Damaged { .. })
    ));
}

/// The header of a partition.
fn header(signature: u8, name: &str, blocks: u16) -> Vec<u8> {
    let mut header = vec![signature, 0];
    header.extend(blocks.to_be_bytes());
    header.extend(name.as_bytes());
    header.resize(BLOCK, 0);
    header[1] = checksum(&header);
    header
}

#[test]
fn damage_in_any_header_is_noticed_before_anything_is_used() {
    for (offset, _) in [(0, "log"), (64, "common"), (320, "free")] {
        let mut bad = image(&["boot-device=/old"]);
        bad[offset + 1] ^= 0x10;
        let damaged = Common::parse(&bad).unwrap_err();
        assert!(matches!(damaged, NvramError::Damaged { offset: at, .. } if at == offset));
    }
}

#[test]
fn an_image_without_common_is_said() {
    let logs: Vec<u8> = [header(0x51, "ibm,rtas-log", 1), header(0x7f, "free", 1)].concat();
    assert_eq!(Common::parse(&logs), Err(NvramError::NoCommon));
    // The name alone does not make it the firmware's.
    let foreign = header(0x7f, COMMON, 1);
    assert_eq!(Common::parse(&foreign), Err(NvramError::NoCommon));
}

#[test]
fn a_partition_over_the_end_is_refused() {
    let whole = [
        header(0x51, "log", 1),
        header(SYSTEM, COMMON, 3),
        vec![0; 32],
    ]
    .concat();
    assert!(Common::parse(&whole).is_ok());
    let over = [
        header(0x51, "log", 1),
        header(SYSTEM, COMMON, 4),
        vec![0; 32],
    ]
    .concat();
    assert!(matches!(
        Common::parse(&over),
        Err(NvramError::Damaged { offset: 16, reason }) if reason.contains("end")
    ));
}

#[test]
fn a_full_partition_takes_what_fits_to_the_byte() {
    let image = [header(SYSTEM, COMMON, 2), vec![0; 16]].concat();
    let mut common = Common::parse(&image).unwrap();
    // Ten letters, the equals sign, three of value, and two ends.
    common.set("boot-devic", "/ab");
    assert_eq!(common.content().unwrap().1.len(), 16);
    common.set("boot-devic", "/abc");
    let full = NvramError::Full {
        needed: 17,
        present: 16,
    };
    assert_eq!(common.content(), Err(full));
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Common::parse(&bytes);
    }

    #[test]
    fn any_single_flip_in_a_header_is_noticed(bit in 0usize..128) {
        let mut bad = image(&["boot-device=/old"]);
        bad[64 + bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Common::parse(&bad).is_err());
    }

    /// Whatever is set is read back, and nothing else in the image changes.
    #[test]
    fn what_is_set_is_read_back(values in proptest::collection::vec("[ -~]{0,20}", 1..6)) {
        let mut image = image(&["auto-boot?=true"]);
        let before = image.clone();
        let mut common = Common::parse(&image).unwrap();
        for (number, value) in values.iter().enumerate() {
            common.set(&format!("v{number}"), value);
        }
        let (offset, content) = common.content().unwrap();
        image[offset..offset + content.len()].copy_from_slice(&content);
        let again = Common::parse(&image).unwrap();
        for (number, value) in values.iter().enumerate() {
            let name = format!("v{number}");
            prop_assert_eq!(again.get(&name), Some(value.clone()));
        }
        prop_assert_eq!(again.get("auto-boot?"), Some("true".to_owned()));
        prop_assert_eq!(&image[..offset], &before[..offset]);
        let end = offset + content.len();
        prop_assert_eq!(&image[end..], &before[end..]);
    }
}
