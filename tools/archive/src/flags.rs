//! Inode flags (`chattr`) and the words that the archive has for them: those of
//! libarchive, and our own for what it does not know.

/// `FS_COMPR_FL`.
pub(crate) const COMPRESS: u32 = 0x0000_0004;
/// `FS_IMMUTABLE_FL`.
pub(crate) const IMMUTABLE: u32 = 0x0000_0010;
/// `FS_APPEND_FL`.
pub(crate) const APPEND: u32 = 0x0000_0020;
/// `FS_NOCOMP_FL`.
pub(crate) const NOCOMP: u32 = 0x0000_0400;
/// `FS_NOCOW_FL`.
pub(crate) const NOCOW: u32 = 0x0080_0000;
/// `FS_CASEFOLD_FL`.
pub(crate) const CASEFOLD: u32 = 0x4000_0000;

/// `FS_*_FL` of <linux/fs.h>, those that can be set again, by their words. What is
/// missing says how a file is stored (`e`, `I`, `V`, `E`), not how it is to be.
const WORDS: [(u32, &str); 17] = [
    (0x0000_0001, "secdel"),
    (0x0000_0002, "undel"),
    (COMPRESS, "compress"),
    (0x0000_0008, "sync"),
    (IMMUTABLE, "schg"),
    (APPEND, "sappnd"),
    (0x0000_0040, "nodump"),
    (0x0000_0080, "noatime"),
    (NOCOMP, "nocomp"),
    (0x0000_4000, "journal-data"),
    (0x0000_8000, "notail"),
    (0x0001_0000, "dirsync"),
    (0x0002_0000, "topdir"),
    (NOCOW, "nocow"),
    (0x0200_0000, "dax"),
    (0x2000_0000, "projinherit"),
    (CASEFOLD, "casefold"),
];

/// The flags that are stored.
pub(crate) const STORED: u32 = {
    let (mut all, mut index) = (0, 0);
    while index < WORDS.len() {
        all |= WORDS[index].0;
        index += 1;
    }
    all
};

/// The words of these flags, separated by commas.
pub(crate) fn to_text(flags: u32) -> String {
    let words: Vec<_> = WORDS
        .iter()
        .filter(|(flag, _)| flags & flag != 0)
        .map(|(_, word)| *word)
        .collect();
    words.join(",")
}

/// The flags of these words; words that are not known are passed over.
pub(crate) fn from_text(text: &[u8]) -> u32 {
    let flag = |word: &[u8]| {
        let known = WORDS.iter().find(|(_, known)| known.as_bytes() == word);
        known.map_or(0, |(flag, _)| *flag)
    };
    text.split(|&byte| byte == b',')
        .fold(0, |flags, word| flags | flag(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_back() {
        for flags in [0, 0x10, 0x30, STORED] {
            assert_eq!(from_text(to_text(flags).as_bytes()), flags);
        }
        assert_eq!(to_text(0x50), "schg,nodump");
        assert_eq!(from_text(b"later,schg,,uarch"), 0x10);
    }

    #[test]
    fn how_a_file_is_stored_is_no_flag_of_it() {
        let extents = 0x0008_0000;
        assert_eq!(to_text(extents | 0x80), "noatime");
    }
}
