//! GUIDs as text and as GPT bytes.

use std::fmt;
use std::str::FromStr;

/// A GUID in the byte order of a GPT entry: the first three groups
/// little-endian, the last two as written (UEFI specification, appendix A).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

/// For each byte of a GPT entry, which byte of the text it is.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// What sets a GUID that was not recorded apart from the one that it is made of.
const APART: [u8; 16] = [
    0x3d, 0x51, 0xb0, 0x86, 0x6a, 0x2e, 0x07, 0x4b, 0x0c, 0x9f, 0xe1, 0x24, 0x78, 0xd5, 0x00, 0x00,
];

impl Guid {
    /// A GUID for something that has none, made of that of its neighbour: the same
    /// plan has the same one.
    #[must_use]
    pub fn sibling(self, number: u16) -> Self {
        let mut bytes = self.0;
        for (byte, other) in bytes.iter_mut().zip(APART) {
            *byte ^= other;
        }
        let [high, low] = number.to_be_bytes();
        bytes[14] ^= high;
        bytes[15] ^= low;
        Self(bytes)
    }
}

impl FromStr for Guid {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        if groups != [8, 4, 4, 4, 12] || !text.is_ascii() {
            return Err(());
        }
        let digits = text.replace('-', "");
        let mut bytes = [0; 16];
        for (byte, from) in bytes.iter_mut().zip(ORDER) {
            let pair = digits.get(from * 2..from * 2 + 2).ok_or(())?;
            // `from_str_radix` alone would take a sign.
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(());
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, from) in ORDER.iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[*from])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Guid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree_with_the_specification() {
        let prep: Guid = "9E1A2D38-C612-4316-AA26-8B49521E5A8B".parse().unwrap();
        assert_eq!(
            prep.0[..8],
            [0x38, 0x2d, 0x1a, 0x9e, 0x12, 0xc6, 0x16, 0x43]
        );
        assert_eq!(prep.to_string(), "9e1a2d38-c612-4316-aa26-8b49521e5a8b");
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for text in [
            "",
            "9E1A2D38",
            "9E1A2D38-C612-4316-AA26-8B49521E5A8",
            "9E1A2D3+-C612-4316-AA26-8B49521E5A8B",
        ] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
    }
}
