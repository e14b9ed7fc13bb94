//! Frames of any content to a whole backup whose hashes and marks are as they
//! should be: what [`create`](crate::create()) does at its end, for content that no
//! writer makes.

use std::io;

use crate::endmark::EndMark;
use crate::frames::{
    Frame, MAX_FRAME_SIZE, SKIPPABLE_MAGIC, Totals, compressor, encode_table, frame_hash,
};

/// A frame's content and where its first member begins in it.
pub(crate) type Content = (Vec<u8>, Option<u64>);

/// The backup of these frames, the last of which holds the manifest's member with
/// this text. `members` is the number of its lines.
pub(crate) fn seal(contents: &[Content], text: &[u8], members: u64) -> io::Result<Vec<u8>> {
    let mut compressor = compressor(1)?;
    let (mut bytes, mut frames, mut offset) = (Vec::new(), Vec::new(), 0);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    for (content, first) in contents {
        let packed = compressor.compress(content)?;
        let frame = Frame {
            at: bytes.len() as u64,
            offset,
            compressed: length(&packed)?,
            raw: length(content)?,
            hash: frame_hash(&packed),
            first_member: first.map(|first| offset + first),
        };
        offset = frame.end();
        bytes.extend_from_slice(&packed);
        frames.push(frame);
    }
    let table = encode_table(&frames);
    let mark = EndMark {
        frame_size: MAX_FRAME_SIZE,
        totals: Totals {
            frames: frames.len() as u64,
            members,
            bytes_raw: offset,
            bytes_compressed: bytes.len() as u64,
        },
        manifest_offset: frames.last().map_or(0, |frame| frame.offset),
        manifest_frame: (frames.len() as u64).saturating_sub(1),
        manifest_length: text.len() as u64,
        manifest_hash: *blake3::hash(text).as_bytes(),
        table_length: table.len() as u64,
        table_hash: *blake3::hash(&table).as_bytes(),
        padding: 0,
    }
    .encode();
    let payload = [&table[..], &mark].concat();
    bytes.extend_from_slice(&SKIPPABLE_MAGIC);
    bytes.extend_from_slice(&length(&payload)?.to_le_bytes());
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}
