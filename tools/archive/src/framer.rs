//! The decompressed stream, cut into frames on its way to the compressors.

use crate::pipeline::{Closed, Feed};

/// A frame's content on its way to a compressor.
pub(crate) struct Raw {
    pub content: Vec<u8>,
    /// Where in the stream its first member header begins.
    pub first_member: Option<u64>,
}

/// Cuts the stream into frames.
pub(crate) struct Framer<O> {
    feed: Feed<Raw, O>,
    size: usize,
    content: Vec<u8>,
    filled: usize,
    first_member: Option<u64>,
    /// Where the frame here begins in the stream.
    start: u64,
    frames: u64,
}

impl<O> Framer<O> {
    /// A stream that begins here, cut after every `size` bytes.
    pub fn new(feed: Feed<Raw, O>, size: usize) -> Self {
        let content = vec![0; size];
        Self {
            feed,
            size,
            content,
            filled: 0,
            first_member: None,
            start: 0,
            frames: 0,
        }
    }

    /// Puts a frame of its own, however long, whose first byte begins a member.
    pub fn whole_frame(&mut self, content: Vec<u8>) -> Result<(), Closed> {
        self.cut()?;
        let first_member = Some(self.start);
        self.start += content.len() as u64;
        self.frames += 1;
        self.feed.push(Raw {
            content,
            first_member,
        })
    }

    /// How many frames were ended.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    fn offset(&self) -> u64 {
        self.start + self.filled as u64
    }

    /// Notes that a member header begins here.
    pub fn begin_member(&mut self) -> u64 {
        let offset = self.offset();
        self.first_member.get_or_insert(offset);
        offset
    }

    /// Room for at least one byte and at most `limit`.
    pub fn room(&mut self, limit: u64) -> &mut [u8] {
        let rest = &mut self.content[self.filled..];
        let length = usize::try_from(limit).map_or(rest.len(), |limit| limit.min(rest.len()));
        &mut rest[..length]
    }

    /// Says how much of the room was filled.
    pub fn advance(&mut self, length: usize) -> Result<(), Closed> {
        self.filled += length;
        if self.filled == self.size {
            self.cut()
        } else {
            Ok(())
        }
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Closed> {
        while !bytes.is_empty() {
            let room = self.room(bytes.len() as u64);
            let (now, later) = bytes.split_at(room.len());
            room.copy_from_slice(now);
            self.advance(now.len())?;
            bytes = later;
        }
        Ok(())
    }

    /// Ends the frame here, unless it is empty.
    pub fn cut(&mut self) -> Result<(), Closed> {
        if self.filled == 0 {
            return Ok(());
        }
        let mut content = std::mem::replace(&mut self.content, vec![0; self.size]);
        content.truncate(self.filled);
        self.start += self.filled as u64;
        self.filled = 0;
        self.frames += 1;
        self.feed.push(Raw {
            content,
            first_member: self.first_member.take(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::in_order;

    /// The frames that a writer makes of frames of 4 bytes.
    fn frames(write: impl FnOnce(&mut Framer<Raw>) -> Result<(), Closed> + Send) -> Vec<Raw> {
        let produce = |feed| write(&mut Framer::new(feed, 4));
        let (written, frames) = in_order(1, 1, || |raw| raw, produce, Iterator::collect);
        assert!(written.is_ok());
        frames
    }

    #[test]
    fn a_frame_ends_where_it_is_full_or_cut() {
        let frames = frames(|framer| {
            framer.whole_frame(b"summary".to_vec())?;
            framer.write(b"123456")?;
            framer.cut()?;
            framer.cut()?;
            assert_eq!((framer.begin_member(), framer.frames()), (13, 3));
            framer.write(b"78")?;
            framer.cut()
        });
        let contents: Vec<_> = frames.iter().map(|frame| &frame.content[..]).collect();
        assert_eq!(contents, [&b"summary"[..], b"1234", b"56", b"78"]);
    }

    #[test]
    fn the_first_member_of_a_frame_is_noted() {
        let frames = frames(|framer| {
            framer.write(b"12")?;
            assert_eq!(framer.begin_member(), 2);
            framer.write(b"3")?;
            assert_eq!(framer.begin_member(), 3);
            framer.write(b"4")?;
            assert_eq!(framer.begin_member(), 4, "a full frame has no room for it");
            framer.write(b"56789")?;
            framer.cut()
        });
        let firsts: Vec<_> = frames.iter().map(|frame| frame.first_member).collect();
        assert_eq!(firsts, [Some(2), Some(4), None]);
    }
}
