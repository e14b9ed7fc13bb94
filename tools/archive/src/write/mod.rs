//! From file systems to a backup: walker → planner → readers and compressors → one
//! ordered writer.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `source`, `scope`, `mounts` | what is backed up |
//! | `ladder`, `walk`, `survey` | from directories to files |
//! | `job`, `plan` | from files to jobs; a job becomes a frame |
//! | `owners`, `inquiry`, `large`, `content`, `store` | a job's content |
//! | `pack`, `tree_hash` | compressed, and hashed |
//! | `listing`, `output`, `partial`, `create` | written in order |

mod content;
mod create;
mod inquiry;
mod job;
mod ladder;
mod large;
mod listing;
mod mounts;
mod output;
mod owners;
mod pack;
mod partial;
mod plan;
mod scope;
mod source;
mod store;
mod survey;
mod tree_hash;
mod walk;

pub use create::{CreateError, CreateOptions, CreateReport, create, create_file};
pub use source::{Everything, Selection, Source, Tree};
pub use survey::{Survey, survey};
pub(crate) use walk::file_type;
