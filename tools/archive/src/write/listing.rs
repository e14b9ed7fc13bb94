//! The manifest while the backup is written. A system has a million files, and their
//! lines more bytes than may be in memory: they wait there compressed.

use std::io;

use blake3::Hasher;
use zstd::bulk::{Compressor, Decompressor};

use crate::manifest::{Builder, Entry};

/// Lines of a manifest.
pub(crate) struct Listing {
    lines: Builder,
    /// The length of a piece of the text, until the line that ends it.
    size: usize,
    pieces: Vec<Piece>,
    length: u64,
    hasher: Hasher,
    compressor: Compressor<'static>,
}

/// A piece of the text, packed.
pub(crate) struct Piece {
    packed: Vec<u8>,
    /// The length of the text.
    pub length: usize,
}

impl Listing {
    pub fn new(size: usize) -> io::Result<Self> {
        Ok(Self {
            lines: Builder::new(),
            size,
            pieces: Vec::new(),
            length: 0,
            hasher: Hasher::new(),
            compressor: Compressor::new(1)?,
        })
    }

    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.lines.add(entry);
        if self.lines.length() < self.size {
            return Ok(());
        }
        self.put_away()
    }

    fn put_away(&mut self) -> io::Result<()> {
        let text = self.lines.take();
        self.hasher.update(text.as_bytes());
        self.length += text.len() as u64;
        self.pieces.push(Piece {
            packed: self.compressor.compress(text.as_bytes())?,
            length: text.len(),
        });
        Ok(())
    }

    /// What there is to say about the text, and its pieces.
    pub fn finish(mut self) -> io::Result<(Listed, Vec<Piece>)> {
        self.put_away()?;
        let listed = Listed {
            lines: self.lines.lines(),
            length: self.length,
            hash: *self.hasher.finalize().as_bytes(),
        };
        Ok((listed, self.pieces))
    }
}

/// What the end mark says about a manifest's text.
#[derive(Default)]
pub(crate) struct Listed {
    /// How many lines it has, the first not counted.
    pub lines: u64,
    pub length: u64,
    pub hash: [u8; 32],
}

impl Piece {
    /// The text.
    pub fn unpack(&self) -> io::Result<Vec<u8>> {
        Decompressor::new()?.decompress(&self.packed, self.length)
    }
}
