//! What the files of a restored system say of its devices, made true again: a device
//! that has another name or identity is called by it wherever it is named.
//!
//! `Renames` are the old names with the new ones. Each kind of file has a room that
//! turns text into text; comments, order and lines that nothing is known of stay, byte
//! for byte. [`rewrite`] does it to the files and lists every line that changed.

mod crypttab;
mod files;
mod fstab;
mod gather;
mod grubenv;
mod identity;
mod known;
mod lines;
mod lvm_conf;
mod mdadm;
mod multipath;
mod renames;
mod rewrite;
mod words;

pub(crate) use files::read;
pub(crate) use identity::{OldDisk, multipath_id};
pub use lines::Edit;
pub(crate) use renames::tag_of;
pub use rewrite::{Rewritten, rewrite};
