//! The 512-byte tar header block of POSIX.1-2017, pax, "ustar Interchange Format".
//!
//! Values that do not fit here travel in a pax extended header ([`crate::pax`]).

use std::ops::Range;

/// Tar's unit: headers and data are padded to it.
pub(crate) const BLOCK: usize = 512;

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const LINK: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..265;
const USER: Range<usize> = 265..297;
const GROUP: Range<usize> = 297..329;
const MAJOR: Range<usize> = 329..337;
const MINOR: Range<usize> = 337..345;
const PREFIX: Range<usize> = 345..500;

/// The header block is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No `ustar` at its place.
    #[error("a tar header without the ustar mark")]
    Magic,
    /// The sum of the bytes is not the recorded one.
    #[error("a tar header with a wrong checksum")]
    Checksum,
    /// A field that should be an octal number.
    #[error("a tar header whose field \"{0}\" is not a number")]
    Number(&'static str),
    /// A type letter that pax does not have.
    #[error("a tar member of unknown type {0:#04x}")]
    Type(u8),
    /// A pax extended header whose records do not add up.
    #[error("a pax header with a broken record")]
    Record,
    /// A pax extended header that no reader should hold in memory.
    #[error("a pax header of {0} bytes")]
    TooLong(u64),
    /// A sparse file's map that is not ascending numbers within the file.
    #[error("a sparse file with a broken map")]
    Map,
}

/// A header block being filled in.
#[derive(Debug)]
pub(crate) struct Block([u8; BLOCK]);

impl Block {
    /// A block of this type with everything else zero.
    pub fn new(letter: u8) -> Self {
        let mut block = Self([0; BLOCK]);
        block.0[TYPE] = letter;
        block.0[MAGIC].copy_from_slice(b"ustar\x0000");
        block
    }

    /// Puts the path; false if it does not fit, and then what fits of it.
    pub fn name(&mut self, name: &[u8]) -> bool {
        self.bytes(NAME, name)
    }

    /// Puts the link target; false if it does not fit.
    pub fn link(&mut self, target: &[u8]) -> bool {
        self.bytes(LINK, target)
    }

    /// Puts the owner's name; false if it does not fit.
    pub fn user(&mut self, name: &[u8]) -> bool {
        // Names here end in NUL, unlike the path.
        self.bytes(USER.start..USER.end - 1, name)
    }

    /// Puts the group's name; false if it does not fit.
    pub fn group(&mut self, name: &[u8]) -> bool {
        self.bytes(GROUP.start..GROUP.end - 1, name)
    }

    /// Puts the permission bits.
    pub fn mode(&mut self, mode: u32) {
        self.octal(MODE, u64::from(mode & 0o7777));
    }

    /// Puts the owner's number; false if it does not fit.
    pub fn uid(&mut self, uid: u32) -> bool {
        self.octal(UID, u64::from(uid))
    }

    /// Puts the group's number; false if it does not fit.
    pub fn gid(&mut self, gid: u32) -> bool {
        self.octal(GID, u64::from(gid))
    }

    /// Puts the size of the data; false if it does not fit.
    pub fn size(&mut self, size: u64) -> bool {
        self.octal(SIZE, size)
    }

    /// Puts the time in seconds; false if it does not fit.
    pub fn mtime(&mut self, seconds: u64) -> bool {
        self.octal(MTIME, seconds)
    }

    /// Puts the device number. The kernel's have 12 and 20 bits: they always fit.
    pub fn device(&mut self, major: u32, minor: u32) {
        self.octal(MAJOR, u64::from(major));
        self.octal(MINOR, u64::from(minor));
    }

    /// A block that is there already, to be changed.
    pub fn of(block: [u8; BLOCK]) -> Self {
        Self(block)
    }

    /// The finished block.
    pub fn finish(mut self) -> [u8; BLOCK] {
        let sum = checksum(&self.0);
        self.0[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0
    }

    fn bytes(&mut self, field: Range<usize>, value: &[u8]) -> bool {
        let fits = value.len().min(field.len());
        self.0[field][..fits].copy_from_slice(&value[..fits]);
        fits == value.len()
    }

    /// Octal digits and a NUL; what does not fit becomes the largest that does, so
    /// that a reader without pax sees that something is wrong.
    fn octal(&mut self, field: Range<usize>, value: u64) -> bool {
        let digits = field.len() - 1;
        let largest = (1_u64 << (3 * digits)) - 1;
        let text = format!("{:0digits$o}\0", value.min(largest));
        self.0[field].copy_from_slice(text.as_bytes());
        value <= largest
    }
}

/// A header block as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    pub letter: u8,
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    pub user: Vec<u8>,
    pub group: Vec<u8>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub mtime: u64,
    pub major: u32,
    pub minor: u32,
}

/// Reads a header block.
pub(crate) fn parse(block: &[u8; BLOCK]) -> Result<Fields, Malformed> {
    if &block[MAGIC.start..MAGIC.start + 5] != b"ustar" {
        return Err(Malformed::Magic);
    }
    if number(block, CHECKSUM, "checksum")? != checksum(block) {
        return Err(Malformed::Checksum);
    }
    let small = |field, name| {
        u32::try_from(number(block, field, name)?).map_err(|_| Malformed::Number(name))
    };
    let mut name = text(block, PREFIX).to_vec();
    if !name.is_empty() {
        name.push(b'/');
    }
    name.extend_from_slice(text(block, NAME));
    Ok(Fields {
        letter: block[TYPE],
        name,
        link: text(block, LINK).to_vec(),
        user: text(block, USER).to_vec(),
        group: text(block, GROUP).to_vec(),
        mode: small(MODE, "mode")?,
        uid: small(UID, "uid")?,
        gid: small(GID, "gid")?,
        size: number(block, SIZE, "size")?,
        mtime: number(block, MTIME, "mtime")?,
        major: small(MAJOR, "devmajor")?,
        minor: small(MINOR, "devminor")?,
    })
}

/// The sum of all bytes, the checksum field counted as blanks.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    sum(&block[..CHECKSUM.start]) + 8 * u64::from(b' ') + sum(&block[CHECKSUM.end..])
}

/// A field's bytes up to its first NUL.
fn text(block: &[u8; BLOCK], field: Range<usize>) -> &[u8] {
    let bytes = &block[field];
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    &bytes[..end]
}

/// An octal number ended by blank or NUL; an empty field is 0.
fn number(block: &[u8; BLOCK], field: Range<usize>, name: &'static str) -> Result<u64, Malformed> {
    let digits = text(block, field).trim_ascii();
    // At most 12 digits: no overflow.
    digits.iter().try_fold(0, |value, digit| match digit {
        b'0'..=b'7' => Ok(value * 8 + u64::from(digit - b'0')),
        _ => Err(Malformed::Number(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let mut block = Block::new(b'3');
        assert!(block.name(b"./dev/hvc0") && block.user(b"root") && block.group(b"tty"));
        assert!(block.uid(7) && block.gid(0o7_777_777) && block.size(0o77_777_777_777));
        assert!(block.mtime(1_700_000_000) && block.link(b"x"));
        block.mode(0o4755);
        block.device(229, 1);
        let fields = parse(&block.finish()).unwrap();
        assert_eq!(fields.name, b"./dev/hvc0");
        assert_eq!((fields.letter, fields.mode), (b'3', 0o4755));
        assert_eq!((fields.uid, fields.gid), (7, 0o7_777_777));
        assert_eq!((fields.major, fields.minor), (229, 1));
        assert_eq!(
            (fields.size, fields.mtime),
            (0o77_777_777_777, 1_700_000_000)
        );
        assert_eq!(
            (&fields.user[..], &fields.group[..]),
            (&b"root"[..], &b"tty"[..])
        );
    }

    #[test]
    fn what_does_not_fit_says_so() {
        let mut block = Block::new(b'0');
        assert!(block.name(&[b'a'; 100]) && !block.name(&[b'a'; 101]));
        assert!(!block.uid(0o10_000_000) && !block.size(1 << 33) && !block.user(&[b'u'; 32]));
    }

    #[test]
    fn a_changed_byte_breaks_the_checksum() {
        let mut block = Block::new(b'0');
        block.name(b"./a");
        let mut bytes = block.finish();
        bytes[2] = b'b';
        assert_eq!(parse(&bytes), Err(Malformed::Checksum));
        assert_eq!(parse(&[0; BLOCK]), Err(Malformed::Magic));
    }
}
