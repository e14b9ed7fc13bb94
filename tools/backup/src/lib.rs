//! Backing up a running system, and the media that carry the backup: what `mksysb` and
//! `savevg` do, but for their command lines.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `request`, `report`, `error` | what is asked for, and what comes of it |
//! | `run`, `job` | the pipeline: count, write, read back, name |
//! | `ground`, `running` | that of the running system: look, describe, take snapshots |
//! | `describe`, `bosinst`, `maps` | `image.data`, `bosinst.data` and physical maps |
//! | `headers` | those of encrypted devices, beside the backup |
//! | `exclude`, `selection` | which files are in the backup |
//! | `snapshot` | file systems as they were at one moment |
//! | `scaffold` | a `/` for volume groups that have none |
//! | `target`, `write` | files, directories, pipes, tapes |
//! | `lock`, `log` | one at a time, the log of backups |
//! | `iso` | bootable CDs with a backup on them |
//! | `schedule` | settings of scheduled backups, and which old ones go |

pub mod bosinst;
mod date;
pub mod describe;
mod error;
pub mod exclude;
mod ground;
mod headers;
pub mod iso;
mod job;
mod lock;
pub mod log;
mod maps;
mod report;
mod request;
mod run;
mod running;
mod scaffold;
pub mod schedule;
mod selection;
pub mod snapshot;
pub mod target;
mod write;

pub use error::BackupError;
pub use headers::HeaderError;
pub use lock::Lock;
pub use report::{Note, Observer, Preview, Report, Silent, Step};
pub use request::{ImageData, Request, Snapshots, What};
pub use run::{preview, run};
