//! Inode flags (`chattr`) and the words that the archive has for them: those of
//! libarchive, and our own for what it does not know.

/// `FS_*_FL` of <linux/fs.h>, those that can be set again, by their words. What is
/// missing says how a file is stored (`e`, `I`, `V`, `E`), not how it is to be.
const WORDS: [(u32, &str); 17] = [
    (0x0000_0001, "secdel"),
    (0x0000_0002, "undel"),
    (0x0000_0004, "compress"),
    (0x0000_0008, "sync"),
    (0x0000_0010, "schg"),
    (0x0000_0020, "sappnd"),
    (0x0000_0040, "nodump"),
    (0x0000_0080, "noatime"),
    (0x0000_0400, "nocomp"),
    (0x0000_4000, "journal-data"),
    (0x0000_8000, "notail"),
    (0x0001_0000, "dirsync"),
    (0x0002_0000, "topdir"),
    (0x0080_0000, "nocow"),
    (0x0200_0000, "dax"),
    (0x2000_0000, "projinherit"),
    (0x4000_0000, "casefold"),
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
