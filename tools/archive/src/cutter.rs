//! A backup that comes as a stream, cut into its frames. Only the few bytes that say
//! how long each part is are looked at; what they say is bounded.

use std::io::{self, BufReader, Read};

use nix::errno::Errno;
use zstd::zstd_safe::compress_bound;

use crate::endmark;
use crate::frames::{ENTRY, MAX_FRAME_SIZE, MAX_PADDING, SKIPPABLE_MAGIC, ZSTD_MAGIC};

/// Bytes asked of the stream at a time. A tape gives a whole record or an error.
const READ: usize = 1 << 20;
/// Blocks of a zstd frame have at most this many bytes.
const MAX_BLOCK: u32 = 128 << 10;

/// Why there is no next part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uncut {
    /// The stream ends here, in the middle of something.
    Short,
    /// What is here is not what a backup has here.
    Foreign,
    /// The stream could not be read.
    Unreadable(Errno),
}

/// A zstd frame as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub bytes: Vec<u8>,
    /// The length of its content, as its header says.
    pub raw: u32,
}

/// What follows the last zstd frame: the bytes of the seek table, and those of the
/// end mark.
#[derive(Debug)]
pub(crate) struct Tail {
    pub table: Vec<u8>,
    pub mark: [u8; endmark::LENGTH],
}

/// The parts of a stream, in order.
#[derive(Debug)]
pub(crate) struct Cutter<R> {
    reader: BufReader<R>,
    /// How many bytes have been taken.
    taken: u64,
    /// The magic of the part that is next, once it was looked at.
    magic: Option<[u8; 4]>,
}

impl<R: Read> Cutter<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(READ, reader),
            taken: 0,
            magic: None,
        }
    }

    /// How many bytes of the stream have been read.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The next zstd frame; `None` if something else is next.
    pub fn frame(&mut self) -> Result<Option<Cut>, Uncut> {
        if self.magic()? != ZSTD_MAGIC {
            return Ok(None);
        }
        self.magic = None;
        let mut bytes = ZSTD_MAGIC.to_vec();
        let [descriptor] = self.copy(&mut bytes)?;
        let raw = self.content_size(descriptor, &mut bytes)?;
        let longest = compress_bound(MAX_FRAME_SIZE as usize);
        loop {
            let header = self.copy::<3>(&mut bytes)?;
            let [low, middle, high] = header;
            let header = u32::from_le_bytes([low, middle, high, 0]);
            let (last, kind, size) = (header & 1 == 1, header >> 1 & 3, header >> 3);
            // A block of one repeated byte has only that.
            let length = if kind == 1 { 1 } else { size };
            if kind == 3 || size > MAX_BLOCK || bytes.len() + length as usize > longest {
                return Err(Uncut::Foreign);
            }
            self.append(&mut bytes, length as usize)?;
            if last {
                break;
            }
        }
        // Its checksum: a frame without one was refused with its descriptor.
        self.copy::<4>(&mut bytes)?;
        Ok(Some(Cut { bytes, raw }))
    }

    /// Reads the rest of a frame header. Lifeboat's frames have their content's size
    /// and a checksum, and need no dictionary.
    fn content_size(&mut self, descriptor: u8, bytes: &mut Vec<u8>) -> Result<u32, Uncut> {
        let (checksum, other) = (descriptor & 4 != 0, descriptor & 0b1011 != 0);
        if !checksum || other {
            return Err(Uncut::Foreign);
        }
        let single_segment = descriptor & 0x20 != 0;
        if !single_segment {
            self.copy::<1>(bytes)?;
        }
        let size = match descriptor >> 6 {
            0 if single_segment => u64::from(u8::from_le_bytes(self.copy(bytes)?)),
            1 => u64::from(u16::from_le_bytes(self.copy(bytes)?)) + 256,
            2 => u64::from(u32::from_le_bytes(self.copy(bytes)?)),
            3 => u64::from_le_bytes(self.copy(bytes)?),
            _ => return Err(Uncut::Foreign),
        };
        u32::try_from(size)
            .ok()
            .filter(|&size| size <= MAX_FRAME_SIZE)
            .ok_or(Uncut::Foreign)
    }

    /// Reads what follows `frames` zstd frames: skippable frames of zeros, if any,
    /// and the one with seek table and end mark, which may have zeros too.
    pub fn tail(&mut self, frames: usize) -> Result<Tail, Uncut> {
        let table = frames * ENTRY;
        let whole = table + endmark::LENGTH;
        let mut padding = 0;
        loop {
            let magic = self.magic()?;
            if magic[0] & 0xF0 != 0x50 || magic[1..] != SKIPPABLE_MAGIC[1..] {
                return Err(Uncut::Foreign);
            }
            self.magic = None;
            let length = u32::from_le_bytes(self.take()?) as usize;
            let is_last = magic == SKIPPABLE_MAGIC && length >= whole;
            let zeros = if is_last { length - whole } else { length };
            padding += zeros as u64;
            if padding > u64::from(MAX_PADDING) {
                return Err(Uncut::Foreign);
            }
            self.zeros(zeros)?;
            if is_last {
                let mut bytes = Vec::new();
                self.append(&mut bytes, table)?;
                let mark = self.take()?;
                return Ok(Tail { table: bytes, mark });
            }
        }
    }

    /// Reads to the end of the stream, where a tape may have filled its last record
    /// with zeros.
    pub fn end(&mut self) -> Result<(), Uncut> {
        let mut byte = [0];
        loop {
            match self.reader.read(&mut byte) {
                Ok(0) => return Ok(()),
                Ok(_) if byte == [0] => self.taken += 1,
                Ok(_) => return Err(Uncut::Foreign),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
    }

    fn magic(&mut self) -> Result<[u8; 4], Uncut> {
        let magic = match self.magic {
            Some(magic) => magic,
            None => self.take()?,
        };
        self.magic = Some(magic);
        Ok(magic)
    }

    fn zeros(&mut self, mut left: usize) -> Result<(), Uncut> {
        let mut block = [0; 4096];
        while left > 0 {
            let now = left.min(block.len());
            self.fill(&mut block[..now])?;
            if block[..now].iter().any(|&byte| byte != 0) {
                return Err(Uncut::Foreign);
            }
            left -= now;
        }
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Uncut> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes bytes that belong to a frame.
    fn copy<const N: usize>(&mut self, to: &mut Vec<u8>) -> Result<[u8; N], Uncut> {
        let bytes = self.take()?;
        to.extend_from_slice(&bytes);
        Ok(bytes)
    }

    fn append(&mut self, to: &mut Vec<u8>, length: usize) -> Result<(), Uncut> {
        let start = to.len();
        to.resize(start + length, 0);
        self.fill(&mut to[start..])
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Uncut> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.reader.read(&mut bytes[filled..]) {
                Ok(0) => return Err(Uncut::Short),
                Ok(read) => {
                    filled += read;
                    self.taken += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
        Ok(())
    }
}

fn unreadable(error: &io::Error) -> Uncut {
    // A reader that is no file has no errno.
    Uncut::Unreadable(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
