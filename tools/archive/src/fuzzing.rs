//! What the parsers of the format promise, whatever bytes they are given: one
//! function for each. It panics when a promise is broken. `tests/fuzz` calls them
//! with what libFuzzer makes up, ordinary tests with what it has found.

use std::fs::File;
use std::io::{self, Write};
use std::iter::once;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::memfd::{MFdFlags, memfd_create};
use zstd::bulk::Decompressor;

use crate::endmark::{self, EndMark};
use crate::frames::{Frame, ZSTD_MAGIC, encode_table, frame_hash, parse_table, unpack};
use crate::incoming::Incoming;
use crate::manifest::{Builder, Entry, EntryKind, Manifest};
use crate::member::{Kind, Member};
use crate::members::{next_member, read_data};
use crate::open::Backup;
use crate::pax::encode;
use crate::seal::{Content, seal};
use crate::sparse::{MapReader, Segment, encode_map};
use crate::stream::{Piece, Stream};
use crate::target::place;
use crate::ustar::{BLOCK, Block};

/// The largest content of a frame that is unpacked here, in bytes.
const FRAME: usize = 1 << 16;

/// Members one after the other, as in a tar stream: what is read is read again
/// from what is written for it.
pub fn pax(data: &[u8]) {
    let mut pieces = once(piece(with_checksums(data)));
    let mut stream = Stream::new(&mut pieces);
    while let Ok(Some(member)) = next_member(&mut stream) {
        check_member(&member);
        if read_data(&mut stream, member.stored).is_err() {
            break;
        }
    }
}

/// The map of a sparse file whose length is the first eight bytes.
pub fn sparse(data: &[u8]) {
    let Some((length, map)) = data.split_first_chunk() else {
        return;
    };
    let length = u64::from_le_bytes(*length);
    let Some(segments) = read_map(map, length) else {
        return;
    };
    let mut end = 0;
    for segment in &segments {
        assert!(segment.offset >= end, "segments ascend");
        end = segment.offset + segment.length;
        assert!(end <= length, "segments lie in the file");
    }
    let again = read_map(&encode_map(&segments, length), length);
    let again = again.expect("what is written is read");
    let (same, tail) = again.split_at(segments.len());
    assert_eq!(same, segments);
    assert!(tail.iter().all(|segment| segment.length == 0) && tail.len() <= 1);
}

/// A manifest's text.
pub fn manifest(data: &[u8]) {
    let Some(manifest) = Manifest::parse(data.to_vec()) else {
        return;
    };
    let mut builder = Builder::new();
    let entries: Vec<Entry> = manifest.entries().collect();
    entries.iter().for_each(|entry| builder.add(entry));
    let (lines, text) = builder.finish();
    let newlines = data.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let unended = u64::from(!data.ends_with(b"\n"));
    assert_eq!(lines + 1, newlines + unended, "no line is lost");
    let again = Manifest::parse(text).expect("what is written is read");
    assert!(again.entries().eq(entries.iter().cloned()));
    for entry in &entries {
        assert!(
            again
                .find(&entry.path)
                .is_some_and(|found| found.path == entry.path)
        );
    }
}

/// A seek table, an end mark without its hash, and a compressed frame: each as
/// which the bytes can be taken.
pub fn frame(data: &[u8]) {
    if let Some(frames) = parse_table(data) {
        assert_eq!(encode_table(&frames), data);
        let mut end = (0, 0);
        for frame in &frames {
            assert_eq!((frame.at, frame.offset), end, "frames lie side by side");
            end = (frame.at + u64::from(frame.compressed), frame.end());
        }
    }
    if let Some(covered) = data.first_chunk::<{ endmark::LENGTH - 32 }>() {
        let mut bytes = [0; endmark::LENGTH];
        bytes[..covered.len()].copy_from_slice(covered);
        bytes[covered.len()..].copy_from_slice(blake3::hash(covered).as_bytes());
        if let Ok(mark) = EndMark::parse(&bytes) {
            assert_eq!(EndMark::parse(&mark.encode()), Ok(mark));
        }
    }
    if let Some((raw, packed)) = data.split_first_chunk() {
        let raw = usize::from(u16::from_le_bytes(*raw)).min(FRAME);
        let frame = Frame {
            hash: frame_hash(packed),
            ..frame_of(raw)
        };
        let mut decompressor = Decompressor::new().expect("there is memory");
        let content = unpack(
            &frame,
            packed,
            Vec::with_capacity(frame.raw as usize),
            &mut decompressor,
        );
        assert!(content.is_none_or(|content| content.len() == raw));
    }
}

/// A whole backup. Bytes that begin like one are taken as they are; no fuzzer
/// finds hashes, so all others say what the frames hold (see [`recipe`]), and get
/// the hashes that belong to them.
pub fn backup(data: &[u8]) {
    let sealed = if data.starts_with(&ZSTD_MAGIC) {
        data.to_vec()
    } else {
        recipe(data).expect("there is memory")
    };
    let as_stream = Incoming::open(Path::new("stream"), &sealed[..]);
    let as_stream = as_stream.map(|backup| backup.verify(&mut |_| {}).damaged.is_empty());
    let Ok(backup) = in_memory(&sealed) else {
        assert!(
            !as_stream.unwrap_or(false),
            "a stream promises no more than a file"
        );
        return;
    };
    let report = backup.verify(&mut |_| {});
    assert_eq!(
        as_stream.ok(),
        Some(report.damaged.is_empty()),
        "{report:?}"
    );
    let Ok(manifest) = backup.manifest() else {
        assert!(!report.damaged.is_empty(), "a bad manifest is damage");
        return;
    };
    // Each of them reads the manifest again.
    for entry in manifest.entries().take(8) {
        let mut out = Limited(1 << 20);
        let read = backup.read_member(&entry.path, &mut out);
        let file = matches!(entry.kind, EntryKind::File | EntryKind::Sparse);
        assert!(read.is_err() || file || entry.kind == EntryKind::Link);
    }
}

/// Frames from bytes: again and again one byte that says how many blocks a frame
/// has, one that says in which of them its first member begins, and the blocks.
/// The last frame holds the manifest's member, whose text ends at its first NUL.
fn recipe(mut data: &[u8]) -> io::Result<Vec<u8>> {
    let mut contents: Vec<Content> = Vec::new();
    while let [blocks, first, rest @ ..] = data {
        let length = usize::from(*blocks) * BLOCK;
        let (content, rest) = rest.split_at(length.min(rest.len()));
        let mut content = with_checksums(content);
        content.resize(length, 0);
        let first = (first < blocks).then_some(u64::from(*first) * BLOCK as u64);
        contents.push((content, first));
        data = rest;
    }
    let last = contents.last().map_or(&[][..], |(content, _)| content);
    let text = last.get(BLOCK..).unwrap_or_default();
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let lines = text.split_inclusive(|&byte| byte == b'\n').count() as u64;
    seal(&contents, text, lines.saturating_sub(1))
}

/// A backup in a file that has no name.
fn in_memory(bytes: &[u8]) -> io::Result<Backup> {
    let mut file = File::from(memfd_create("backup", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(bytes)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Backup::open(&path).map_err(io::Error::other)
}

/// The same bytes with right checksums in what may be headers: no fuzzer finds
/// them.
fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    for block in data.as_chunks_mut::<BLOCK>().0 {
        if &block[257..262] == b"ustar" {
            *block = Block::of(*block).finish();
        }
    }
    data
}

/// A stream's only frame.
fn piece(content: Vec<u8>) -> Piece {
    Piece {
        frame: frame_of(content.len()),
        content: Ok(Arc::new(content.into())),
    }
}

/// A frame whose content is so long.
fn frame_of(length: usize) -> Frame {
    Frame {
        at: 0,
        offset: 0,
        compressed: 0,
        raw: u32::try_from(length).unwrap_or(u32::MAX),
        hash: [0; 16],
        first_member: Some(0),
    }
}

/// A member that a file system can have is read again as it was written.
fn check_member(member: &Member) {
    let target = match &member.kind {
        Kind::HardLink { target } | Kind::Symlink { target } => target,
        _ => &Vec::new(),
    };
    let texts = [&member.path, target, &member.user, &member.group];
    // The kernel's device numbers have 12 and 20 bits.
    let possible = match member.kind {
        Kind::Char(device) | Kind::Block(device) => {
            device.major < 1 << 12 && device.minor < 1 << 20
        }
        _ => true,
    };
    if !possible || place(&member.path).is_none() || texts.iter().any(|text| text.contains(&0)) {
        return;
    }
    let header = encode(member);
    assert_eq!(header.len() % BLOCK, 0, "headers are whole blocks");
    let again = next_member(&mut Stream::new(&mut once(piece(header))));
    let again = again.ok().flatten().expect("what is written is read");
    assert_eq!(again, *member);
}

/// The segments of a map, if it is a whole one.
fn read_map(map: &[u8], length: u64) -> Option<Vec<Segment>> {
    let mut reader = MapReader::default();
    for block in map.as_chunks::<BLOCK>().0 {
        if let Some(segments) = reader.block(block, length).ok()? {
            return Some(segments);
        }
    }
    None
}

/// Takes so many bytes: a sparse file may have any length.
struct Limited(usize);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
