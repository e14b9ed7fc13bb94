//! What the files of a restored system say of its devices, made true again: a device
//! that has another name or identity is called by it wherever it is named.
//!
//! `Renames` are the old names with the new ones. Each kind of file has a room that
//! turns text into text; comments, order and lines that nothing is known of stay, byte
//! for byte. [`rewrite`] does it to the files and lists every line that changed.

mod crypttab;
pub(crate) mod files;
mod fstab;
mod gather;
mod grubenv;
mod identity;
mod known;
pub(crate) mod lines;
mod lvm_conf;
mod mdadm;
mod multipath;
pub mod network;
mod renames;
mod rewrite;
mod words;

pub(crate) use files::read;
pub(crate) use identity::{OldDisk, multipath_id};
pub use lines::Edit;
pub(crate) use renames::tag_of;
pub use rewrite::{Rewritten, rewrite};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use renames::Renames;

    proptest! {
        #[test]
        fn nothing_renamed_nothing_changed(
            lines in prop::collection::vec("(ARRAY|DEVICE|[a-z/=#\"\\[\\],.:UID0-9 \t-]{0,40})[ -~]{0,40}\r?", 0..12),
            tail in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut text = lines.join("\n").replace("DEVICE /dev/", "DEVICE ").into_bytes();
            text.extend(tail);
            let none = Renames::default();
            let all = |_: &str| true;
            let files = [
                crypttab::file(&text, &none, &Default::default(), &all),
                fstab::file(&text, &none, &all, &all),
                grubenv::file(&text, &none),
                lvm_conf::file(&text, &[]),
                mdadm::file(&text, &none, &Default::default()),
                multipath::file(&text, &none),
                words::file(&text, &none),
            ];
            for edited in files {
                prop_assert_eq!(&edited.text, &text);
                prop_assert!(edited.edits.is_empty());
            }
        }
    }
}
