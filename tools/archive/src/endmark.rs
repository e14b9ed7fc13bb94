//! The end mark: the last 192 bytes of a complete backup.
//!
//! Its length, magic, version and own hash keep their places in every later
//! version, so that an older reader knows a newer backup when it meets one.

use crate::frames::Totals;

/// Length of an end mark in bytes.
pub(crate) const LENGTH: usize = 192;

/// The format that is written here, and the newest that is read.
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: &[u8; 16] = b"LifeboatEndMark\n";
/// What the mark's own hash covers.
const COVERED: usize = LENGTH - 32;

/// What the end mark says. Field order is that of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndMark {
    /// The largest length of a decompressed frame, in bytes.
    pub frame_size: u32,
    /// Counts over the whole backup.
    pub totals: Totals,
    /// Where the manifest's header is in the decompressed stream.
    pub manifest_offset: u64,
    /// The frame that begins there.
    pub manifest_frame: u64,
    /// Length of the manifest's text in bytes.
    pub manifest_length: u64,
    /// BLAKE3 of the manifest's text.
    pub manifest_hash: [u8; 32],
    /// Length of the seek table in bytes.
    pub table_length: u64,
    /// BLAKE3 of the seek table.
    pub table_hash: [u8; 32],
    /// Zeros between the seek table and the end mark.
    pub padding: u64,
}

/// Why bytes are not an end mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMark {
    /// The magic is not there.
    Missing,
    /// The magic is there, but the mark's own hash is wrong.
    Damaged,
    /// A sound mark of a later format.
    Newer(u32),
}

impl EndMark {
    /// The mark's bytes.
    pub fn encode(&self) -> [u8; LENGTH] {
        let totals = &self.totals;
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.frame_size.to_le_bytes());
        for number in [
            totals.frames,
            totals.members,
            totals.bytes_raw,
            totals.bytes_compressed,
            self.manifest_offset,
            self.manifest_frame,
            self.manifest_length,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.manifest_hash);
        bytes.extend_from_slice(&self.table_length.to_le_bytes());
        bytes.extend_from_slice(&self.table_hash);
        bytes.extend_from_slice(&self.padding.to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
        let mut mark = [0; LENGTH];
        mark.copy_from_slice(&bytes);
        mark
    }

    /// Reads a mark.
    pub fn parse(bytes: &[u8; LENGTH]) -> Result<Self, NoMark> {
        if !bytes.starts_with(MAGIC) {
            return Err(NoMark::Missing);
        }
        if blake3::hash(&bytes[..COVERED]) != bytes[COVERED..] {
            return Err(NoMark::Damaged);
        }
        let version = u32_at(bytes, 16);
        if version > FORMAT_VERSION {
            return Err(NoMark::Newer(version));
        }
        let number = |at: usize| u64::from_le_bytes(array_at(bytes, at));
        Ok(Self {
            frame_size: u32_at(bytes, 20),
            totals: Totals {
                frames: number(24),
                members: number(32),
                bytes_raw: number(40),
                bytes_compressed: number(48),
            },
            manifest_offset: number(56),
            manifest_frame: number(64),
            manifest_length: number(72),
            manifest_hash: array_at(bytes, 80),
            table_length: number(112),
            table_hash: array_at(bytes, 120),
            padding: number(152),
        })
    }
}

fn u32_at(bytes: &[u8; LENGTH], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8; LENGTH], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> EndMark {
        EndMark {
            frame_size: 4 << 20,
            totals: Totals {
                frames: 3,
                members: 4,
                bytes_raw: 5,
                bytes_compressed: 6,
            },
            manifest_offset: 7,
            manifest_frame: 2,
            manifest_length: 9,
            manifest_hash: [10; 32],
            table_length: 96,
            table_hash: [11; 32],
            padding: 12,
        }
    }

    #[test]
    fn a_mark_comes_back() {
        assert_eq!(EndMark::parse(&mark().encode()), Ok(mark()));
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let good = mark().encode();
        for bit in 0..LENGTH * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            let seen = if bit < MAGIC.len() * 8 {
                NoMark::Missing
            } else {
                NoMark::Damaged
            };
            assert_eq!(EndMark::parse(&bad), Err(seen), "bit {bit}");
        }
    }

    #[test]
    fn a_later_format_is_recognised() {
        let mut later = mark().encode();
        later[16] = 2;
        let hash = blake3::hash(&later[..COVERED]);
        later[COVERED..].copy_from_slice(hash.as_bytes());
        assert_eq!(EndMark::parse(&later), Err(NoMark::Newer(2)));
    }
}
