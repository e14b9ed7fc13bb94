//! NVRAM of a CHRP/PAPR machine: partitions of 16-byte blocks, of which the one
//! named `common` holds the firmware's variables.
//!
//! Layout (PowerPC CHRP System Binding, section "NVRAM"): each partition starts
//! with a 16-byte header: signature (u8), checksum (u8), length in 16-byte
//! blocks, header included (u16, big-endian), name (12 bytes, NUL-padded). The
//! content of `common` (signature 0x70) is a sequence of NUL-terminated
//! `name=value` strings, ended by an empty one.

/// Bytes of a partition header, and the unit of partition lengths.
const BLOCK: usize = 16;
/// Signature of the system partition.
const SYSTEM: u8 = 0x70;
/// Name of the partition with the firmware's variables.
const COMMON: &str = "common";

/// What can be wrong with an NVRAM image.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NvramError {
    /// A header does not add up.
    #[error("0590-401 The NVRAM partition at byte {offset} is damaged: {reason}")]
    Damaged {
        /// Byte offset of the header.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// The firmware has not formatted it, or somebody else did.
    #[error("0590-402 The NVRAM has no partition named common; start the machine's firmware once")]
    NoCommon,
    /// More variables than the partition can hold.
    #[error(
        "0590-403 The NVRAM variables need {needed} bytes, the common partition holds {present}; \
         remove variables at the firmware prompt"
    )]
    Full {
        /// Bytes that the variables need.
        needed: usize,
        /// Bytes that there are.
        present: usize,
    },
}

/// One partition of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Kind of the partition: 0x70 system, 0x51 log, 0x7f free.
    pub signature: u8,
    /// Name without padding.
    pub name: String,
    /// Byte offset of the header.
    pub offset: usize,
    /// Bytes, header included.
    pub length: usize,
}

/// The header's checksum: its other bytes added with end-around carry.
fn checksum(header: &[u8]) -> u8 {
    let sum = header
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != 1)
        .fold(0u16, |sum, (_, byte)| {
            let sum = sum + u16::from(*byte);
            (sum & 0xff) + (sum >> 8)
        });
    u8::try_from(sum).unwrap_or(u8::MAX)
}

/// Lists the partitions of an NVRAM image.
///
/// # Errors
/// [`NvramError::Damaged`] with the offset of the first bad header.
pub fn partitions(image: &[u8]) -> Result<Vec<Partition>, NvramError> {
    let mut found = Vec::new();
    let mut offset = 0;
    while let Some(header) = image.get(offset..offset + BLOCK) {
        let damaged = |reason| NvramError::Damaged { offset, reason };
        let blocks = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let length = blocks * BLOCK;
        if length == 0 {
            return Err(damaged("its length is zero"));
        }
        if offset + length > image.len() {
            return Err(damaged("it reaches behind the end of the NVRAM"));
        }
        if checksum(header) != header[1] {
            return Err(damaged("the checksum of its header is wrong"));
        }
        let name = header[4..]
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default();
        found.push(Partition {
            signature: header[0],
            name: String::from_utf8_lossy(name).into_owned(),
            offset,
            length,
        });
        offset += length;
    }
    Ok(found)
}

/// The firmware's variables: the content of the `common` partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// Where the content starts in the image.
    offset: usize,
    /// Bytes of content.
    capacity: usize,
    /// `name=value` strings as found, order kept.
    entries: Vec<Vec<u8>>,
}

impl Common {
    /// Finds and reads the variables of an NVRAM image.
    ///
    /// # Errors
    /// [`NvramError`] when headers are damaged or there is no such partition.
    pub fn parse(image: &[u8]) -> Result<Self, NvramError> {
        let partition = partitions(image)?
            .into_iter()
            .find(|p| p.signature == SYSTEM && p.name == COMMON)
            .ok_or(NvramError::NoCommon)?;
        let offset = partition.offset + BLOCK;
        let content = &image[offset..partition.offset + partition.length];
        let entries = content
            .split(|byte| *byte == 0)
            .take_while(|entry| !entry.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        Ok(Self {
            offset,
            capacity: content.len(),
            entries,
        })
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let entry = self.entries.iter().find(|entry| is_named(entry, name))?;
        Some(String::from_utf8_lossy(&entry[name.len() + 1..]).into_owned())
    }

    /// Sets a variable, in its old place if it had one.
    pub fn set(&mut self, name: &str, value: &str) {
        let entry = format!("{name}={value}").into_bytes();
        match self.entries.iter_mut().find(|entry| is_named(entry, name)) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// The bytes to write, and where: the whole content of the partition.
    ///
    /// # Errors
    /// [`NvramError::Full`] when the variables do not fit.
    pub fn content(&self) -> Result<(usize, Vec<u8>), NvramError> {
        let mut bytes = Vec::with_capacity(self.capacity);
        for entry in &self.entries {
            bytes.extend_from_slice(entry);
            bytes.push(0);
        }
        // The empty string that ends the list.
        bytes.push(0);
        if bytes.len() > self.capacity {
            return Err(NvramError::Full {
                needed: bytes.len(),
                present: self.capacity,
            });
        }
        bytes.resize(self.capacity, 0);
        Ok((self.offset, bytes))
    }
}

fn is_named(entry: &[u8], name: &str) -> bool {
    entry
        .strip_prefix(name.as_bytes())
        .is_some_and(|rest| rest.first() == Some(&b'='))
}

#[cfg(test)]
mod tests {
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
    }
}
