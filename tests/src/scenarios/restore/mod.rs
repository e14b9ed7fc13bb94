//! `restore-…`: a system backup restored onto a machine that is not the one it was
//! made on.

mod hardware;

pub use hardware::{large_sectors, vscsi};
