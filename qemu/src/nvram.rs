//! Reads the NVRAM that the firmware keeps, to judge what the product wrote.
//!
//! Written without the product's own code, on purpose: a judge that shares the
//! parser shares its mistakes. Partitions follow each other from offset 0; each
//! begins with 16 bytes: signature (u8), checksum (u8), length (u16, big-endian,
//! in units of 16 bytes, header included), name (12 bytes, NUL-padded).

use std::path::Path;

use crate::error::{Error, Result};

const UNIT: usize = 16;
const HEADER: usize = 16;

/// The signature of free space.
const FREE: u8 = 0x7f;

/// A partition of NVRAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// What kind: 0x70 is the system's variables, 0x51 firmware logs, 0x7f free.
    pub signature: u8,
    /// Name, without padding.
    pub name: String,
    /// What follows the header.
    pub data: Vec<u8>,
}

/// Reads the partitions from a file.
///
/// # Errors
/// [`Error::Nvram`] with the file and what is wrong with it.
pub fn read(path: &Path) -> Result<Vec<Partition>> {
    let fail = |why: String| Error::Nvram {
        path: path.to_owned(),
        why,
    };
    let bytes = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    parse(&bytes).map_err(fail)
}

/// The variables of the `common` partition, such as `boot-device`: what it says,
/// where it is there.
///
/// # Errors
/// [`Error::Nvram`] with the file and what is wrong with it.
pub fn variable(path: &Path, name: &str) -> Result<Option<String>> {
    let partitions = read(path)?;
    let common = partitions.iter().find(|p| p.name == "common");
    Ok(common.and_then(|p| lookup(&p.data, name)))
}

/// Splits the bytes of NVRAM into its partitions.
///
/// # Errors
/// A sentence with the offset.
pub fn parse(bytes: &[u8]) -> std::result::Result<Vec<Partition>, String> {
    let mut partitions = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let rest = &bytes[offset..];
        let Some(header) = rest.first_chunk::<HEADER>() else {
            return Err(format!(
                "{} bytes at offset {offset} are no header",
                rest.len()
            ));
        };
        let [signature, sum, high, low, name @ ..] = *header;
        let length = usize::from(u16::from_be_bytes([high, low])) * UNIT;
        if length < HEADER || length > rest.len() {
            return Err(format!(
                "partition at offset {offset} claims {length} bytes"
            ));
        }
        let expected = checksum(header);
        // The firmware leaves the checksum of free space at 0.
        if sum != expected && signature != FREE {
            return Err(format!(
                "partition at offset {offset} has checksum {sum:#04x}, not {expected:#04x}"
            ));
        }
        let name = String::from_utf8_lossy(&name)
            .trim_end_matches('\0')
            .to_owned();
        partitions.push(Partition {
            signature,
            name,
            data: rest[HEADER..length].to_vec(),
        });
        offset += length;
    }
    Ok(partitions)
}

/// The sum of all header bytes but the checksum, carries added back in.
fn checksum(header: &[u8; HEADER]) -> u8 {
    header
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 1)
        .fold(0u8, |sum, (_, byte)| {
            let (sum, carry) = sum.overflowing_add(*byte);
            sum + u8::from(carry)
        })
}

/// Finds `name=value` among NUL-separated strings; an empty one ends the list.
fn lookup(data: &[u8], name: &str) -> Option<String> {
    data.split(|byte| *byte == 0)
        .take_while(|entry| !entry.is_empty())
        .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn partition(signature: u8, name: &str, units: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(units) * UNIT];
        bytes[0] = signature;
        bytes[2..4].copy_from_slice(&units.to_be_bytes());
        bytes[4..4 + name.len()].copy_from_slice(name.as_bytes());
        bytes[16..16 + data.len()].copy_from_slice(data);
        bytes[1] = checksum(bytes.first_chunk().unwrap());
        bytes
    }

    #[test]
    fn partitions_follow_each_other() {
        let mut bytes = partition(0x51, "ibm,CPU0log", 4, b"");
        bytes.extend(partition(
            0x70,
            "common",
            8,
            b"boot-device=/a /b\0auto-boot?=true\0\0x=y",
        ));
        bytes.extend(partition(FREE, "wwwwwwwwwwww", 2, b""));
        let partitions = parse(&bytes).unwrap();
        let names: Vec<_> = partitions.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["ibm,CPU0log", "common", "wwwwwwwwwwww"]);
        assert_eq!(partitions[1].data.len(), 8 * 16 - 16);
        assert_eq!(lookup(&partitions[1].data, "boot-device").unwrap(), "/a /b");
        assert_eq!(lookup(&partitions[1].data, "boot"), None);
        assert_eq!(lookup(&partitions[1].data, "x"), None);
    }

    #[test]
    fn damage_is_named_with_its_offset() {
        let good = partition(0x70, "common", 4, b"");
        let mut long = good.clone();
        long[3] = 5;
        assert_eq!(
            parse(&long).unwrap_err(),
            "partition at offset 0 claims 80 bytes"
        );
        let mut flipped = good.clone();
        flipped[5] ^= 1;
        assert!(
            parse(&flipped)
                .unwrap_err()
                .starts_with("partition at offset 0 has checksum")
        );
        let mut rest = good;
        rest.extend([1, 2, 3]);
        assert_eq!(
            parse(&rest).unwrap_err(),
            "3 bytes at offset 64 are no header"
        );
        assert!(parse(&[0; 64]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            if let Ok(partitions) = parse(&bytes) {
                let total: usize = partitions.iter().map(|p| p.data.len() + HEADER).sum();
                prop_assert_eq!(total, bytes.len());
            }
        }
    }
}
