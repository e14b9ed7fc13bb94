//! The system backup, `.mksysb`: a pax archive in independent zstd frames, with a
//! summary in the first frame and a manifest, a seek table and an end mark at its
//! end. `docs/mksysb-format.md` has every byte.
//!
//! Writing is one pipeline: [`create`] walks a tree, frames are compressed on all
//! processors and written in order. Reading is its mirror: [`Backup::open`] checks
//! both ends, then [`Backup::extract`], [`Backup::verify`] or
//! [`Backup::read_member`] read frames and check every hash.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `member`, `ustar`, `pax`, `sparse`, `flags` | one member as tar has it |
//! | `summary`, `manifest`, `frames`, `endmark` | what Lifeboat puts around it |
//! | `write` | from file systems to a backup |
//! | `open`, `stream`, `members` | from a backup to members |
//! | `read`, `verify`, `extract`, `target` | what is done with them |
//! | `pipeline`, `report`, `escape` | tools of the above |
//! | `seal`, `fuzzing` | what the parsers promise, whatever they are given |
//! | `forge`, `hostile` | tests: backups that no writer makes |

mod crew;
mod cutter;
mod directories;
mod endmark;
mod escape;
mod extract;
mod extraction;
mod flags;
#[cfg(test)]
mod forge;
mod frames;
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod hostile;
mod incoming;
mod intake;
mod job;
mod ledger;
mod manifest;
mod member;
mod members;
mod metadata;
mod open;
mod pax;
mod pipeline;
mod plan;
#[cfg(test)]
mod races;
mod read;
mod report;
mod seal;
mod site;
mod sparse;
mod stock;
mod stream;
mod summary;
mod target;
mod ustar;
mod verify;
mod wanted;
mod worker;
mod write;

pub use endmark::FORMAT_VERSION;
pub use escape::escape;
pub use extract::{ExtractError, ExtractOptions, ExtractReport};
pub use frames::{DEFAULT_FRAME_SIZE, MAX_FRAME_SIZE, Totals};
pub use incoming::Incoming;
pub use manifest::{Entry, EntryKind, Manifest};
/// What the inode of a file says.
pub use nix::sys::stat::FileStat;
pub use open::{Backup, OpenError};
pub use read::ReadError;
pub use report::{Finding, Progress, Trouble};
pub use summary::{Info, MapFile, Summary, is_own};
pub use ustar::Malformed;
pub use verify::VerifyReport;
pub use wanted::member_path;
pub use write::{
    CreateError, CreateOptions, CreateReport, Everything, Selection, Source, Survey, Tree, create,
    create_file, survey,
};
