//! The manifest: one line for every member, with the hash of its content.
//!
//! ```text
//! lifeboat-manifest 1
//! dir 0755 0 - 7168 .
//! file 0644 3021 9f86d0…(64 digits) 7680 ./etc/passwd
//! link 0644 0 - 12288 ./etc/passwd.old ./etc/passwd
//! socket 0666 0 - - ./run/some.sock
//! ```

use std::fmt::{self, Write};

use crate::escape::{escape, unescape};
use crate::member::{Kind, Member};

/// The manifest's path in the archive.
pub(crate) const PATH: &[u8] = b"./.lifeboat/manifest";

const FIRST_LINE: &str = "lifeboat-manifest 1\n";

/// What a line of the manifest is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file with holes.
    Sparse,
    /// Another name of an earlier file.
    Link,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A character device.
    Char,
    /// A block device.
    Block,
    /// A named pipe.
    Fifo,
    /// A socket: listed, but not stored.
    Socket,
}

const WORDS: [(EntryKind, &str); 9] = [
    (EntryKind::File, "file"),
    (EntryKind::Sparse, "sparse"),
    (EntryKind::Link, "link"),
    (EntryKind::Symlink, "symlink"),
    (EntryKind::Directory, "dir"),
    (EntryKind::Char, "char"),
    (EntryKind::Block, "block"),
    (EntryKind::Fifo, "fifo"),
    (EntryKind::Socket, "socket"),
];

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS
            .iter()
            .find(|(kind, _)| kind == self)
            .map_or("", |(_, word)| word);
        f.pad(word)
    }
}

/// A line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// Length of the file in bytes, holes included; 0 for what is not a file.
    pub size: u64,
    /// BLAKE3 of the member's data as stored, for files.
    pub hash: Option<blake3::Hash>,
    /// Where its header begins in the decompressed stream, if it is stored.
    pub offset: Option<u64>,
    /// Its path: `.` or `./…`, any bytes.
    pub path: Vec<u8>,
    /// The target of a hard or symbolic link.
    pub target: Option<Vec<u8>>,
}

impl Entry {
    /// The line of a member whose data has this hash and whose header is there.
    pub(crate) fn of(member: &Member, hash: Option<blake3::Hash>, offset: u64) -> Self {
        let (kind, target) = match &member.kind {
            Kind::File => (EntryKind::File, None),
            Kind::Sparse { .. } => (EntryKind::Sparse, None),
            Kind::HardLink { target } => (EntryKind::Link, Some(target.clone())),
            Kind::Symlink { target } => (EntryKind::Symlink, Some(target.clone())),
            Kind::Char(_) => (EntryKind::Char, None),
            Kind::Block(_) => (EntryKind::Block, None),
            Kind::Directory => (EntryKind::Directory, None),
            Kind::Fifo => (EntryKind::Fifo, None),
        };
        Self {
            kind,
            mode: member.mode,
            size: member.length(),
            hash,
            offset: Some(offset),
            path: member.path.clone(),
            target,
        }
    }

    /// The line of a socket: there is nothing to store.
    pub(crate) fn socket(path: &[u8], mode: u32) -> Self {
        let kind = EntryKind::Socket;
        Self {
            kind,
            mode,
            size: 0,
            hash: None,
            offset: None,
            path: path.to_vec(),
            target: None,
        }
    }

    /// Reads a line without its newline.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next();
        let kind = word()?;
        let kind = WORDS.iter().find(|(_, word)| *word == kind)?.0;
        let mode = u32::from_str_radix(word()?, 8).ok()?;
        let size = word()?.parse().ok()?;
        let hash = match word()? {
            "-" => None,
            digits => Some(blake3::Hash::from_hex(digits).ok()?),
        };
        let offset = match word()? {
            "-" => None,
            digits => Some(digits.parse().ok()?),
        };
        let path = unescape(word()?)?;
        let target = match word() {
            None => None,
            Some(target) => Some(unescape(target)?),
        };
        let is_file = matches!(kind, EntryKind::File | EntryKind::Sparse);
        let is_link = matches!(kind, EntryKind::Link | EntryKind::Symlink);
        let whole = words.next().is_none()
            && hash.is_some() == is_file
            && target.is_some() == is_link
            && offset.is_none() == (kind == EntryKind::Socket);
        whole.then_some(Self {
            kind,
            mode,
            size,
            hash,
            offset,
            path,
            target,
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:04o} {} ", self.kind, self.mode, self.size)?;
        match &self.hash {
            Some(hash) => write!(f, "{} ", hash.to_hex())?,
            None => f.write_str("- ")?,
        }
        match self.offset {
            Some(offset) => write!(f, "{offset} ")?,
            None => f.write_str("- ")?,
        }
        f.write_str(&escape(&self.path))?;
        match &self.target {
            Some(target) => write!(f, " {}", escape(target)),
            None => Ok(()),
        }
    }
}

/// A manifest being written.
#[derive(Debug)]
pub(crate) struct Builder {
    text: String,
    lines: u64,
}

impl Builder {
    pub fn new() -> Self {
        Self {
            text: FIRST_LINE.to_owned(),
            lines: 0,
        }
    }

    pub fn add(&mut self, entry: &Entry) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{entry}");
        self.lines += 1;
    }

    /// The length of the text here.
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// Hands out the text up to here; it goes on with the next line.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// How many lines there are, the first not counted.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The lines of the text, the first not counted, and the text.
    pub fn finish(self) -> (u64, Vec<u8>) {
        (self.lines, self.text.into_bytes())
    }
}

/// A manifest that was read and checked.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Kept as text: a tenth of what the entries would take.
    text: String,
}

impl Manifest {
    /// Reads a manifest's text; `None` if a line is broken, or the members are not
    /// in the order of the stream.
    pub(crate) fn parse(text: Vec<u8>) -> Option<Self> {
        let text = String::from_utf8(text).ok()?;
        let lines = text.strip_prefix(FIRST_LINE)?;
        let mut last = None;
        for line in lines.split_terminator('\n') {
            let offset = Entry::parse(line)?.offset;
            if offset.is_some() {
                if offset <= last {
                    return None;
                }
                last = offset;
            }
        }
        Some(Self { text })
    }

    /// All entries, in the order of the stream.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        // `parse` has read every line once.
        self.text.lines().skip(1).filter_map(Entry::parse)
    }

    /// The entry of this path (`./etc/passwd`).
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<Entry> {
        self.entries().find(|entry| entry.path == path)
    }
}

/// No line is longer: a path and a target come from an extended header.
const MAX_LINE: usize = 64 << 20;

/// A manifest's text that comes in pieces, taken apart into entries.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// Whether the first line has been seen.
    inside: bool,
}

impl Lines {
    /// Takes the next piece; false if it makes the text no manifest.
    pub fn push(&mut self, text: &[u8], take: &mut dyn FnMut(Entry)) -> bool {
        let mut rest = text;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            let begun = std::mem::take(&mut self.begun);
            let sound = if begun.is_empty() {
                self.line(line, take)
            } else {
                self.line(&[&begun, line].concat(), take)
            };
            if !sound {
                return false;
            }
        }
        self.begun.extend_from_slice(rest);
        self.begun.len() <= MAX_LINE
    }

    /// The text ends here; false if that makes it no manifest.
    pub fn end(mut self, take: &mut dyn FnMut(Entry)) -> bool {
        let last = std::mem::take(&mut self.begun);
        (last.is_empty() || self.line(&last, take)) && self.inside
    }

    fn line(&mut self, line: &[u8], take: &mut dyn FnMut(Entry)) -> bool {
        if !self.inside {
            self.inside = line == FIRST_LINE.as_bytes();
            return self.inside;
        }
        let line = std::str::from_utf8(line).unwrap_or_default();
        let entry = Entry::parse(line.strip_suffix('\n').unwrap_or(line));
        entry.map(take).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind, offset: Option<u64>, path: &[u8]) -> Entry {
        let hash = (kind == EntryKind::File).then(|| blake3::hash(path));
        let target = (kind == EntryKind::Link).then(|| b"./a b".to_vec());
        let size = 12;
        Entry {
            kind,
            mode: 0o4755,
            size,
            hash,
            offset,
            path: path.to_vec(),
            target,
        }
    }

    #[test]
    fn entries_come_back() {
        let entries = [
            entry(EntryKind::Directory, Some(0), b"."),
            entry(EntryKind::File, Some(512), b"./a b"),
            entry(EntryKind::Socket, None, b"./s\n\xff"),
            entry(EntryKind::Link, Some(2048), b"./\\x41"),
        ];
        let mut builder = Builder::new();
        entries.iter().for_each(|entry| builder.add(entry));
        let (lines, text) = builder.finish();
        assert_eq!(lines, 4);
        let manifest = Manifest::parse(text).unwrap();
        assert!(manifest.entries().eq(entries.iter().cloned()));
        assert_eq!(manifest.find(b"./a b").as_ref(), Some(&entries[1]));
        assert_eq!(manifest.find(b"./b"), None);
    }

    #[test]
    fn a_text_comes_in_pieces() {
        let entries = [
            entry(EntryKind::File, Some(512), b"./a b"),
            entry(EntryKind::Socket, None, b"./s"),
        ];
        let text = format!("{FIRST_LINE}{}\n{}\n", entries[0], entries[1]);
        for size in [1, 7, text.len()] {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                assert!(lines.push(piece, &mut |entry| found.push(entry)));
            }
            assert!(lines.end(&mut |entry| found.push(entry)));
            assert_eq!(found, entries);
        }
        let refused = |text: &str| !Lines::default().push(text.as_bytes(), &mut |_| {});
        assert!(refused("manifest\n") && refused(&format!("{FIRST_LINE}x\n")));
    }

    #[test]
    fn a_line_reads_as_documented() {
        let line = entry(EntryKind::Link, Some(2048), b"./b").to_string();
        assert_eq!(line, "link 4755 12 - 2048 ./b ./a\\x20b");
    }

    #[test]
    fn broken_manifests_are_refused() {
        for lines in [
            "dir 0755 0 - 512",
            "link 0644 0 - 512 ./a ./b ./c",
            "di 0755 0 - 512 ./a",
            "file 0644 1 abc 512 ./a",
            "file 0644 1 - 512 ./a",
            "dir 0755 0 - - ./a",
            "socket 0755 0 - 512 ./a",
            "link 0644 0 - 512 ./a",
            "dir 0755 0 - 512 ./a ./b",
            "dir 0755 0 - 512 ./a\r",
            "dir 0755 0 - 512 ./a\ndir 0755 0 - 512 ./b",
        ] {
            assert!(
                Manifest::parse(format!("{FIRST_LINE}{lines}\n").into_bytes()).is_none(),
                "{lines}"
            );
        }
        assert!(Manifest::parse(b"manifest\n".to_vec()).is_none());
    }
}
