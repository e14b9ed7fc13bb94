//! The decompressed stream: frames in order, and a position in them.

use std::ops::Range;

use nix::errno::Errno;
use zstd::bulk::Decompressor;

use crate::frames::{Frame, unpack};
use crate::open::Backup;
use crate::pipeline::in_order;
use crate::report::Trouble;
use crate::ustar::{BLOCK, Malformed};

/// Why the stream cannot go on where it is.
#[derive(Debug, Clone)]
pub(crate) enum Broken {
    /// The frame here is damaged.
    Frame(usize),
    /// The frame here could not be read.
    Unreadable(usize, Errno),
    /// What should be a header is not one.
    Header(Malformed),
    /// The stream ends in the middle of something.
    Short,
}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Self {
        Self::Header(malformed)
    }
}

impl Broken {
    /// The same, as said of a file.
    pub fn trouble(&self) -> Trouble {
        match self.clone() {
            Self::Frame(frame) => Trouble::DamagedFrame { frame },
            Self::Unreadable(frame, errno) => Trouble::UnreadableFrame {
                frame,
                source: errno.into(),
            },
            Self::Header(malformed) => Trouble::Malformed(malformed),
            Self::Short => Trouble::Missing,
        }
    }
}

/// A frame's content, or why there is none.
pub(crate) type Content = Result<Vec<u8>, Broken>;

/// How much of the machine reading may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Threads that decompress.
    pub threads: usize,
    /// Bytes that frames in flight may take.
    pub memory: usize,
}

/// Reads these frames of a backup, unpacks them on several threads, and gives
/// `consume` the stream.
pub(crate) fn read<R>(
    backup: &Backup,
    range: Range<usize>,
    effort: Effort,
    consume: impl FnOnce(&mut Stream<'_>) -> R,
) -> R {
    let all = backup.frames();
    let frames = &all[range.clone()];
    let worker = || {
        let mut decompressor = Decompressor::new();
        move |(index, bytes): (usize, Result<Vec<u8>, Errno>)| {
            let bytes = bytes.map_err(|errno| Broken::Unreadable(index, errno))?;
            // Only memory can be missing here.
            let decompressor = decompressor
                .as_mut()
                .map_err(|_| Broken::Unreadable(index, Errno::ENOMEM))?;
            unpack(&all[index], &bytes, decompressor).ok_or(Broken::Frame(index))
        }
    };
    let window = window(frames, effort);
    let (_, result) = in_order(
        // More would wait, each holding on to the memory of a frame.
        effort.threads.min(window),
        window,
        worker,
        |feed| {
            range
                .into_iter()
                .try_for_each(|index| feed.push((index, backup.read_frame(index))))
        },
        |mut contents| consume(&mut Stream::new(frames, &mut contents)),
    );
    result
}

/// How many frames may be in flight, of which two more than the window exist.
fn window(frames: &[Frame], effort: Effort) -> usize {
    let weight = |frame: &Frame| frame.raw as usize + frame.compressed as usize;
    let largest = frames.iter().map(weight).max().unwrap_or(0).max(1);
    (effort.memory / largest)
        .saturating_sub(2)
        .clamp(1, 4 * effort.threads.max(1))
}

/// A position in the decompressed stream.
pub(crate) struct Stream<'a> {
    frames: &'a [Frame],
    contents: &'a mut dyn Iterator<Item = Content>,
    /// The frame here, as a place in `frames`, and what it holds.
    index: usize,
    content: Content,
    /// The place in its content.
    at: usize,
}

impl<'a> Stream<'a> {
    /// The stream of these frames, whose contents come in the same order.
    pub fn new(frames: &'a [Frame], contents: &'a mut dyn Iterator<Item = Content>) -> Self {
        let content = contents.next().unwrap_or(Err(Broken::Short));
        Self {
            frames,
            contents,
            index: 0,
            content,
            at: 0,
        }
    }

    /// Where this is, in bytes of the whole stream.
    pub fn offset(&self) -> u64 {
        let end = self.frames.last().map_or(0, Frame::end);
        self.frames
            .get(self.index)
            .map_or(end, |frame| frame.offset + self.at as u64)
    }

    /// True after the last byte.
    pub fn at_end(&mut self) -> bool {
        self.enter();
        self.index == self.frames.len()
    }

    /// Takes at least one and at most `limit` bytes, as many as come in one piece.
    pub fn take(&mut self, limit: u64) -> Result<&[u8], Broken> {
        self.enter();
        let content = self.content.as_ref().map_err(Clone::clone)?;
        let rest = &content[self.at..];
        let length = usize::try_from(limit).map_or(rest.len(), |limit| limit.min(rest.len()));
        self.at += length;
        Ok(&rest[..length])
    }

    /// Passes over `length` bytes.
    pub fn skip(&mut self, mut length: u64) -> Result<(), Broken> {
        while length > 0 {
            length -= self.take(length)?.len() as u64;
        }
        Ok(())
    }

    /// Takes the next block of 512 bytes.
    pub fn block(&mut self) -> Result<[u8; BLOCK], Broken> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let bytes = self.take((BLOCK - filled) as u64)?;
            block[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        Ok(block)
    }

    /// Gives the frame here up and goes to the first header in a later, sound one;
    /// to the end if there is none.
    pub fn resync(&mut self) {
        while self.index < self.frames.len() {
            self.next_frame();
            let frame = self.frames.get(self.index);
            let start = frame.and_then(|frame| Some(frame.first_member? - frame.offset));
            if let (Some(start), Ok(content)) = (start, &self.content) {
                // A member's start lies inside its frame.
                self.at = usize::try_from(start)
                    .unwrap_or(content.len())
                    .min(content.len());
                return;
            }
        }
    }

    /// Goes to the next frame once this one is used up.
    fn enter(&mut self) {
        while self.index < self.frames.len()
            && self
                .content
                .as_ref()
                .is_ok_and(|content| self.at == content.len())
        {
            self.next_frame();
        }
    }

    fn next_frame(&mut self) {
        self.index += 1;
        self.at = 0;
        self.content = self.contents.next().unwrap_or(Err(Broken::Short));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of the given contents; a member begins where a capital letter is.
    fn stream(contents: &[Option<&str>], check: impl FnOnce(&mut Stream<'_>)) {
        let mut frames = Vec::new();
        let mut offset = 0;
        for content in contents {
            let text = content.unwrap_or("......");
            let first = text.find(char::is_uppercase).map(|at| offset + at as u64);
            let raw = u32::try_from(text.len()).unwrap();
            let frame = Frame {
                at: 0,
                offset,
                compressed: 0,
                raw,
                hash: [0; 16],
                first_member: first,
            };
            offset = frame.end();
            frames.push(frame);
        }
        let content = |(i, text): (usize, &Option<&str>)| match text {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => Err(Broken::Frame(i)),
        };
        check(&mut Stream::new(
            &frames,
            &mut contents.iter().enumerate().map(content),
        ));
    }

    #[test]
    fn bytes_come_across_frames() {
        stream(&[Some("Abc"), Some(""), Some("dE"), Some("fg")], |stream| {
            assert_eq!(stream.take(2).unwrap(), b"Ab");
            stream.skip(2).unwrap();
            assert_eq!((stream.offset(), stream.take(9).unwrap()), (4, &b"E"[..]));
            stream.skip(2).unwrap();
            assert!(stream.at_end() && matches!(stream.take(1), Err(Broken::Short)));
            assert_eq!(stream.offset(), 7);
        });
    }

    #[test]
    fn after_a_damaged_frame_the_next_member_is_found() {
        stream(
            &[Some("Abc"), None, Some("ghi"), Some("jkL"), Some("m")],
            |stream| {
                assert!(matches!(stream.skip(5), Err(Broken::Frame(1))));
                stream.resync();
                assert_eq!((stream.offset(), stream.take(9).unwrap()), (14, &b"L"[..]));
                stream.resync();
                assert!(stream.at_end());
            },
        );
    }
}
