//! GRUB's environment block, a file of a fixed size: RHEL 8 keeps the kernel's command
//! line in it.

use super::lines::Edited;
use super::renames::Renames;
use super::words;

/// GRUB reads and writes the file in place, so it keeps its size.
const SIZE: usize = 1024;

/// The new text. One that would not fit stays, and so does what is no such file.
pub(super) fn file(text: &[u8], renames: &Renames) -> Edited {
    let unchanged = Edited {
        text: text.to_owned(),
        edits: Vec::new(),
    };
    let used = text.iter().rposition(|&byte| byte == b'\n');
    let Some(end) = used.filter(|_| text.len() == SIZE) else {
        return unchanged;
    };
    let mut edited = words::file(&text[..=end], renames);
    if edited.edits.is_empty() || edited.text.len() > SIZE {
        return unchanged;
    }
    edited.text.resize(SIZE, b'#');
    edited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::renames::{Fate, Name};

    #[test]
    fn the_block_keeps_its_size() {
        let mut block =
            b"# GRUB Environment Block\nsaved_entry=x\nkernelopts=root=UUID=aa ro \n".to_vec();
        block.resize(SIZE, b'#');
        let mut renames = Renames::default();
        assert_eq!(file(&block, &renames).text, block);
        renames.add(Name::Uuid("aa".into()), Fate::Now("UUID=bbbb".into()));
        let edited = file(&block, &renames);
        assert_eq!(edited.text.len(), SIZE);
        assert!(edited.text.starts_with(
            b"# GRUB Environment Block\nsaved_entry=x\nkernelopts=root=UUID=bbbb ro \n###"
        ));
        assert_eq!(file(b"root=UUID=aa\n", &renames).edits, []);
    }
}
