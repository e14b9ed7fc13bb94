//! Frames: independent zstd frames of the decompressed stream, and the seek table
//! that says where each begins and what its bytes hash to.

use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound};

/// The usual length of a decompressed frame: 8 MiB.
pub const DEFAULT_FRAME_SIZE: u32 = 8 << 20;
/// No reader has to hold a decompressed frame larger than this.
pub const MAX_FRAME_SIZE: u32 = 16 << 20;
/// A backup has at most this many zeros before its seek table.
pub(crate) const MAX_PADDING: u32 = 64 << 20;

/// The first bytes of every zstd frame.
pub(crate) const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// The first bytes of the skippable frame that holds the seek table.
pub(crate) const SKIPPABLE_MAGIC: [u8; 4] = 0x184D_2A5C_u32.to_le_bytes();

/// Length of one seek table entry in bytes.
pub(crate) const ENTRY: usize = 32;
/// In an entry: no member begins in this frame.
const NO_MEMBER: u64 = u64::MAX;

/// Counts over a whole backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// zstd frames, without the skippable one.
    pub frames: u64,
    /// Lines of the manifest: members of the archive, and sockets.
    pub members: u64,
    /// Length of the decompressed stream in bytes.
    pub bytes_raw: u64,
    /// Length of all zstd frames in bytes.
    pub bytes_compressed: u64,
}

/// What the seek table says about a frame, and where that puts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where it begins in the backup.
    pub at: u64,
    /// Where its content begins in the decompressed stream.
    pub offset: u64,
    /// Its length in the backup.
    pub compressed: u32,
    /// The length of its content.
    pub raw: u32,
    /// The first half of BLAKE3 of its compressed bytes.
    pub hash: [u8; 16],
    /// Where in the decompressed stream its first member header begins.
    pub first_member: Option<u64>,
}

impl Frame {
    /// Where the next frame's content begins in the decompressed stream.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.raw)
    }
}

/// The hash by which a frame is recognised as sound.
pub(crate) fn frame_hash(compressed: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(compressed).as_bytes()[..16]);
    half
}

/// A compressor whose frames carry their content's length and checksum.
pub(crate) fn compressor(level: i32) -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

/// Unpacks a frame, whose hash is checked elsewhere, into a buffer; `None` if it is
/// damaged.
pub(crate) fn unpack(
    frame: &Frame,
    packed: &[u8],
    mut buffer: Vec<u8>,
    decompressor: &mut Decompressor<'_>,
) -> Option<Vec<u8>> {
    let length = frame.raw as usize;
    let unpacked = decompressor.decompress_to_buffer(packed, &mut buffer);
    (unpacked.ok()? == length).then_some(buffer)
}

/// The seek table of these frames.
pub(crate) fn encode_table(frames: &[Frame]) -> Vec<u8> {
    let mut table = Vec::with_capacity(frames.len() * ENTRY);
    for frame in frames {
        table.extend_from_slice(&frame.compressed.to_le_bytes());
        table.extend_from_slice(&frame.raw.to_le_bytes());
        table.extend_from_slice(&frame.hash);
        table.extend_from_slice(&frame.first_member.unwrap_or(NO_MEMBER).to_le_bytes());
    }
    table
}

/// Reads a seek table; `None` unless it describes frames that can be.
pub(crate) fn parse_table(table: &[u8]) -> Option<Vec<Frame>> {
    let (mut at, mut offset) = (0_u64, 0_u64);
    let mut frames = Vec::with_capacity(table.len() / ENTRY);
    for entry in table.chunks(ENTRY) {
        let entry: &[u8; ENTRY] = entry.try_into().ok()?;
        let (numbers, rest) = entry.split_at(8);
        let (hash, first) = rest.split_at(16);
        let first = u64::from_le_bytes(first.try_into().ok()?);
        let frame = Frame {
            at,
            offset,
            compressed: u32::from_le_bytes(numbers[..4].try_into().ok()?),
            raw: u32::from_le_bytes(numbers[4..].try_into().ok()?),
            hash: hash.try_into().ok()?,
            first_member: (first != NO_MEMBER).then_some(first),
        };
        let fits = frame.raw <= MAX_FRAME_SIZE
            && frame.compressed as usize <= compress_bound(MAX_FRAME_SIZE as usize)
            && frame
                .first_member
                .is_none_or(|first| (offset..frame.end()).contains(&first));
        if !fits {
            return None;
        }
        at += u64::from(frame.compressed);
        offset = frame.end();
        frames.push(frame);
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        let frame = |at, offset, raw, first_member| Frame {
            at,
            offset,
            compressed: 100,
            raw,
            hash: [7; 16],
            first_member,
        };
        vec![
            frame(0, 0, 1024, Some(0)),
            frame(100, 1024, 2048, None),
            frame(200, 3072, 512, Some(3072)),
        ]
    }

    #[test]
    fn a_table_comes_back() {
        assert_eq!(parse_table(&encode_table(&frames())), Some(frames()));
    }

    #[test]
    fn impossible_tables_are_refused() {
        let table = encode_table(&frames());
        assert_eq!(parse_table(&table[..ENTRY + 1]), None);
        let mut outside = frames();
        outside[1].first_member = Some(100);
        assert_eq!(parse_table(&encode_table(&outside)), None);
        let mut huge = frames();
        huge[2].raw = MAX_FRAME_SIZE + 1;
        assert_eq!(parse_table(&encode_table(&huge)), None);
    }
}
