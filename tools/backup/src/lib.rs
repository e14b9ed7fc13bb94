//! Making a system backup: what `mksysb` and `savevg` do, but for their command
//! lines.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `request` | what is asked for |
//! | `exclude` | patterns of files that are left out |
//! | `target` | files, directories, pipes, tapes |
//! | `bosinst` | the settings of an installation from the backup |
//! | `log` | the log of backups |
//! | `iso` | bootable CDs with a backup on them |

pub mod bosinst;
pub mod exclude;
pub mod iso;
pub mod log;
mod replace;
mod request;
pub mod target;

pub use request::{ImageData, Request, Snapshots, What};
