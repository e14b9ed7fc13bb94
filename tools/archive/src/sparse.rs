//! Files with holes, as GNU tar's sparse format 1.0 stores them: before the data
//! a map of decimal lines (how many segments, then offset and length of each),
//! padded to whole blocks; then the segments without the holes.

use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use crate::pax::padding;
use crate::ustar::{BLOCK, Malformed};

/// A file in more pieces than this is stored with its later holes filled: a map
/// has to fit into memory.
const MAX_SEGMENTS: usize = 1 << 16;

/// A piece of a sparse file that is not a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where in the file it begins.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// Knows where in the file the bytes go that come one after the other.
#[derive(Debug, Default)]
pub(crate) struct Placer {
    /// What is left of the segments, the last one first.
    left: Vec<Segment>,
}

impl Placer {
    pub fn new(segments: &[Segment]) -> Self {
        Self {
            left: segments.iter().rev().copied().collect(),
        }
    }

    /// Gives the bytes to `write`, each piece with its place in the file.
    pub fn place<E>(
        &mut self,
        mut bytes: &[u8],
        mut write: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty()
            && let Some(Segment { offset, length }) = self.left.pop()
        {
            let here =
                usize::try_from(length).map_or(bytes.len(), |length| length.min(bytes.len()));
            let (now, later) = bytes.split_at(here);
            write(offset, now)?;
            bytes = later;
            let (offset, length) = (offset + here as u64, length - here as u64);
            if length > 0 {
                self.left.push(Segment { offset, length });
            }
        }
        Ok(())
    }
}

/// Asks the file system for the segments of a file of `length` bytes. One that
/// knows no holes names the whole file.
pub(crate) fn find_segments(file: &File, length: u64) -> io::Result<Vec<Segment>> {
    let seek = |offset: u64, whence| -> io::Result<Option<u64>> {
        let offset = i64::try_from(offset).map_err(io::Error::other)?;
        match lseek(file, offset, whence) {
            Ok(found) => Ok(u64::try_from(found).ok().map(|found| found.min(length))),
            // No data after this point.
            Err(Errno::ENXIO) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    };
    let mut segments: Vec<Segment> = Vec::new();
    let mut at = 0;
    while at < length {
        let Some(offset) = seek(at, Whence::SeekData)? else {
            break;
        };
        let mut end = seek(offset, Whence::SeekHole)?.unwrap_or(length);
        if segments.len() + 1 == MAX_SEGMENTS {
            end = length;
        }
        if end <= offset {
            break;
        }
        segments.push(Segment {
            offset,
            length: end - offset,
        });
        at = end;
    }
    Ok(segments)
}

/// The map of a file of `length` bytes, padded. GNU tar ends it with an empty
/// segment at the end of the file where the file ends in a hole.
pub(crate) fn encode_map(segments: &[Segment], length: u64) -> Vec<u8> {
    let end = segments.last().map_or(0, |last| last.offset + last.length);
    let tail = (end < length).then_some(Segment {
        offset: length,
        length: 0,
    });
    let all: Vec<_> = segments.iter().copied().chain(tail).collect();
    let mut map = format!("{}\n", all.len()).into_bytes();
    for Segment { offset, length } in all {
        map.extend_from_slice(format!("{offset}\n{length}\n").as_bytes());
    }
    map.resize(map.len() + padding(map.len() as u64), 0);
    map
}

/// A map being read block by block.
#[derive(Debug, Default)]
pub(crate) struct MapReader {
    count: Option<u64>,
    numbers: Vec<u64>,
    digits: Option<u64>,
}

impl MapReader {
    /// Takes the next block; the segments once the map is complete, checked
    /// against the length of the file.
    pub fn block(
        &mut self,
        block: &[u8; BLOCK],
        file: u64,
    ) -> Result<Option<Vec<Segment>>, Malformed> {
        for &byte in block {
            match (byte, self.digits) {
                (b'0'..=b'9', digits) => {
                    let value = digits.unwrap_or(0).checked_mul(10);
                    let value = value.and_then(|v| v.checked_add(u64::from(byte - b'0')));
                    self.digits = Some(value.ok_or(Malformed::Map)?);
                }
                (b'\n', Some(number)) => {
                    self.digits = None;
                    if self.number(number)? {
                        return self.segments(file).map(Some);
                    }
                }
                _ => return Err(Malformed::Map),
            }
        }
        Ok(None)
    }

    /// Takes a number; true after the last one.
    fn number(&mut self, number: u64) -> Result<bool, Malformed> {
        let Some(count) = self.count else {
            // Our own tail segment comes on top.
            if number > MAX_SEGMENTS as u64 + 1 {
                return Err(Malformed::Map);
            }
            self.count = Some(number);
            return Ok(number == 0);
        };
        self.numbers.push(number);
        Ok(self.numbers.len() as u64 == 2 * count)
    }

    fn segments(&self, file: u64) -> Result<Vec<Segment>, Malformed> {
        let mut end = 0;
        let mut segments = Vec::new();
        for pair in self.numbers.chunks_exact(2) {
            let segment = Segment {
                offset: pair[0],
                length: pair[1],
            };
            let after = segment.offset.checked_add(segment.length);
            if segment.offset < end || after.is_none_or(|after| after > file) {
                return Err(Malformed::Map);
            }
            end = segment.offset + segment.length;
            segments.push(segment);
        }
        Ok(segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    fn read(map: &[u8], file: u64) -> Result<Option<Vec<Segment>>, Malformed> {
        let mut reader = MapReader::default();
        for block in map.chunks_exact(BLOCK) {
            if let Some(segments) = reader.block(block.try_into().unwrap(), file)? {
                return Ok(Some(segments));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_map_of_many_blocks_comes_back() {
        let segments: Vec<_> = (0..400)
            .map(|i| Segment {
                offset: i * 8192,
                length: 4096,
            })
            .collect();
        let length = 400 * 8192 - 4096;
        let map = encode_map(&segments, length);
        assert!(map.len() > BLOCK && map.len().is_multiple_of(BLOCK));
        assert_eq!(read(&map, length).unwrap(), Some(segments));
    }

    #[test]
    fn a_hole_at_the_end_has_its_mark() {
        let map = encode_map(
            &[Segment {
                offset: 0,
                length: 5,
            }],
            100,
        );
        assert!(map.starts_with(b"2\n0\n5\n100\n0\n\0"));
        assert!(encode_map(&[], 0).starts_with(b"0\n\0"));
    }

    #[test]
    fn broken_maps_are_refused() {
        for text in [
            "1\n0\n101\n",
            "2\n50\n10\n40\n5\n",
            "1\n99999999999999999999\n",
            "x",
            "9999999\n",
        ] {
            let mut map = text.as_bytes().to_vec();
            map.resize(BLOCK, 0);
            assert_eq!(read(&map, 100), Err(Malformed::Map), "{text}");
        }
    }

    #[test]
    fn bytes_find_their_place() {
        let segments = [(3, 2), (9, 0), (10, 4)];
        let segments = segments.map(|(offset, length)| Segment { offset, length });
        let mut placer = Placer::new(&segments);
        let mut file = vec![b'.'; 14];
        for bytes in [&b"abc"[..], b"de", b"f"] {
            let write = |at: u64, bytes: &[u8]| -> Result<(), ()> {
                let at = usize::try_from(at).unwrap();
                file[at..at + bytes.len()].copy_from_slice(bytes);
                Ok(())
            };
            placer.place(bytes, write).unwrap();
        }
        assert_eq!(file, b"...ab.....cdef");
    }

    #[test]
    fn the_file_system_is_asked_for_holes() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all_at(b"data", 512 << 10).unwrap();
        let segments = find_segments(&file, 1 << 20).unwrap();
        let holds = |s: &Segment| s.offset <= 512 << 10 && s.offset + s.length >= (512 << 10) + 4;
        assert!(segments.iter().any(holds), "{segments:?}");
        assert_eq!(find_segments(&file, 0).unwrap(), []);
    }
}
