//! The decompressed stream: frames in order, and a position in them.

use std::ops::Range;
use std::sync::Arc;

use nix::errno::Errno;

use crate::frames::Frame;
use crate::report::Trouble;
use crate::stock::{Content, Slice};
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

/// A frame of the stream, and its content, or why there is none.
#[derive(Debug)]
pub(crate) struct Piece {
    pub frame: Frame,
    pub content: Result<Arc<Content>, Broken>,
}

/// A position in the decompressed stream.
pub(crate) struct Stream<'a> {
    pieces: &'a mut dyn Iterator<Item = Piece>,
    /// The frame here; `None` after the last.
    piece: Option<Piece>,
    /// Where this is, in bytes of the whole stream.
    offset: u64,
}

impl<'a> Stream<'a> {
    /// The stream of these frames, from the first one's first byte on.
    pub fn new(pieces: &'a mut dyn Iterator<Item = Piece>) -> Self {
        let piece = pieces.next();
        let offset = piece.as_ref().map_or(0, |piece| piece.frame.offset);
        Self {
            pieces,
            piece,
            offset,
        }
    }

    /// Where this is, in bytes of the whole stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// True after the last byte.
    pub fn at_end(&mut self) -> bool {
        self.enter();
        self.piece.is_none()
    }

    /// Takes at least one and at most `limit` bytes, as many as come in one piece.
    pub fn take(&mut self, limit: u64) -> Result<&[u8], Broken> {
        let (content, range) = self.next(limit)?;
        Ok(&content[range])
    }

    /// The same, for somebody who keeps them.
    pub fn share(&mut self, limit: u64) -> Result<Slice, Broken> {
        let (content, range) = self.next(limit)?;
        Ok(Slice::new(content, range))
    }

    /// True if the next `length` bytes come in one piece.
    pub fn is_whole(&mut self, length: u64) -> bool {
        self.enter();
        let piece = self.piece.as_ref();
        piece.is_some_and(|piece| piece.frame.end().saturating_sub(self.offset) >= length)
    }

    fn next(&mut self, limit: u64) -> Result<(&Arc<Content>, Range<usize>), Broken> {
        self.enter();
        let piece = self.piece.as_ref().ok_or(Broken::Short)?;
        let content = piece.content.as_ref().map_err(Clone::clone)?;
        // Frames that nobody wanted may lie between.
        let at = self.offset.checked_sub(piece.frame.offset);
        let at = at.and_then(|at| usize::try_from(at).ok());
        let at = at.ok_or(Broken::Short)?;
        let rest = content.len().checked_sub(at).ok_or(Broken::Short)?;
        let length = usize::try_from(limit).map_or(rest, |limit| limit.min(rest));
        self.offset += length as u64;
        Ok((content, at..at + length))
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
        while self.piece.is_some() {
            self.next_frame();
            if let Some(Piece { frame, content }) = &self.piece
                && let (Some(first), Ok(_)) = (frame.first_member, content)
            {
                self.offset = first;
                return;
            }
        }
    }

    /// Goes forward to this place, whether what lies between is sound or not.
    pub fn seek(&mut self, offset: u64) {
        self.offset = self.offset.max(offset);
    }

    /// Goes to the next frame once this one is used up.
    fn enter(&mut self) {
        while let Some(Piece { frame, content }) = &self.piece
            && self.offset >= frame.end()
            // A damaged frame without content is damage all the same.
            && (content.is_ok() || self.offset > frame.offset)
        {
            self.next_frame();
        }
    }

    fn next_frame(&mut self) {
        let next = self.pieces.next();
        if let (None, Some(last)) = (&next, &self.piece) {
            self.offset = self.offset.max(last.frame.end());
        }
        self.piece = next;
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
        let mut pieces = frames
            .into_iter()
            .zip(contents)
            .enumerate()
            .map(|(i, (frame, text))| Piece {
                frame,
                content: text
                    .map(|text| Arc::new(Content::from(text.as_bytes().to_vec())))
                    .ok_or(Broken::Frame(i)),
            });
        check(&mut Stream::new(&mut pieces));
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
