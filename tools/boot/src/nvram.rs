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
mod tests;
