//! Frames read by one thread, unpacked by several, and used in order by the caller's.

use std::sync::Arc;

use nix::errno::Errno;
use zstd::bulk::Decompressor;

use crate::frames::{Frame, frame_hash, unpack};
use crate::pipeline::{Closed, Feed, in_order};
use crate::stock::{Content, Share, Stock};
use crate::stream::{Broken, Piece};

/// How much of the machine reading may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Threads that decompress.
    pub threads: usize,
    /// Bytes that frames in flight may take.
    pub memory: usize,
}

/// Frames that nobody has unpacked yet are at most these: the memory bounds them more.
const WINDOW: usize = 64;

/// A frame as it was read.
pub(crate) struct Packed {
    /// Which one of the backup.
    pub index: usize,
    /// What is known of it. The hash is known where `listed` is true; otherwise it is
    /// found out.
    pub frame: Frame,
    pub listed: bool,
    pub bytes: Result<Vec<u8>, Errno>,
    pub share: Share,
}

/// Where frames go that were read.
pub(crate) struct Intake {
    feed: Feed<Packed, Piece>,
    stock: Arc<Stock>,
}

impl Intake {
    /// Memory for a frame of this size, as soon as there is some.
    pub fn share(&self, frame: &Frame) -> Share {
        self.stock.share(weight(frame))
    }

    /// The next frame.
    pub fn push(&self, packed: Packed) -> Result<(), Closed> {
        self.feed.push(packed)
    }
}

fn weight(frame: &Frame) -> usize {
    frame.raw as usize + frame.compressed as usize
}

/// Runs `read` on a thread of its own, and `consume` with the stream of what it read.
pub(crate) fn unpacked<P: Send, R>(
    effort: Effort,
    read: impl FnOnce(&Intake) -> P + Send,
    consume: impl FnOnce(&mut dyn Iterator<Item = Piece>) -> R,
) -> (P, R) {
    let stock = Stock::new(effort.memory);
    in_order(
        effort.threads,
        WINDOW,
        unpacker,
        |feed| read(&Intake { feed, stock }),
        |mut pieces| consume(&mut pieces),
    )
}

/// One worker.
fn unpacker() -> impl FnMut(Packed) -> Piece {
    let mut decompressor = Decompressor::new();
    move |packed| {
        let Packed {
            index,
            mut frame,
            listed,
            bytes,
            share,
        } = packed;
        let content = match (bytes, &mut decompressor) {
            (Ok(bytes), Ok(decompressor)) => {
                let hash = frame_hash(&bytes);
                let sound = !listed || hash == frame.hash;
                frame.hash = hash;
                let content = sound.then(|| {
                    let buffer = share.buffer(frame.raw as usize);
                    unpack(&frame, &bytes, buffer, decompressor)
                });
                share.give_back(bytes);
                content.flatten().ok_or(Broken::Frame(index))
            }
            (Err(errno), _) => Err(Broken::Unreadable(index, errno)),
            // Only memory can be missing here.
            (_, Err(_)) => Err(Broken::Unreadable(index, Errno::ENOMEM)),
        };
        let content = content.map(|bytes| Arc::new(Content::new(bytes, share)));
        Piece { frame, content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{ZSTD_MAGIC, compressor};

    fn sound(content: &[u8]) -> (Frame, Vec<u8>) {
        let bytes = compressor(3).unwrap().compress(content).unwrap();
        let frame = Frame {
            at: 0,
            offset: 0,
            compressed: bytes.len().try_into().unwrap(),
            raw: content.len().try_into().unwrap(),
            hash: frame_hash(&bytes),
            first_member: None,
        };
        (frame, bytes)
    }

    /// What comes of a frame that is listed, or not.
    fn taken(frame: &Frame, bytes: &[u8], listed: bool) -> Result<Vec<u8>, Broken> {
        let packed = |intake: &Intake| {
            let packed = Packed {
                index: 7,
                frame: frame.clone(),
                listed,
                bytes: Ok(bytes.to_vec()),
                share: intake.share(frame),
            };
            assert!(intake.push(packed).is_ok());
        };
        let effort = Effort {
            threads: 2,
            memory: 1 << 20,
        };
        let (_, piece) = unpacked(effort, packed, |pieces| pieces.next().unwrap());
        assert!(piece.frame.hash == frame_hash(bytes));
        piece.content.map(|content| content.to_vec())
    }

    #[test]
    fn a_frame_is_unpacked_only_if_it_is_sound() {
        let content = b"lifeboat ".repeat(100);
        let (mut frame, bytes) = sound(&content);
        assert!(bytes.starts_with(&ZSTD_MAGIC));
        for listed in [true, false] {
            assert_eq!(taken(&frame, &bytes, listed).unwrap(), content);
            let mut bad = bytes.clone();
            bad[20] ^= 1;
            let broken = taken(&frame, &bad, listed);
            assert!(matches!(broken, Err(Broken::Frame(7))), "{broken:?}");
        }
        frame.raw -= 1;
        assert!(taken(&frame, &bytes, true).is_err());
        frame.raw += 2;
        assert!(taken(&frame, &bytes, true).is_err());
    }
}
