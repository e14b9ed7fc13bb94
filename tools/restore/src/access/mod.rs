//! *Access a Root Volume Group*: the installed systems of this machine are [found](find),
//! one is [mounted](mount) with everything that its tools need, and let go again.

mod arrays;
pub mod find;
pub mod mount;
mod probe;

use lifeboat_layout::disks::DiskError;
use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::RunError;

/// Where the chosen system is mounted.
pub const ROOT: &str = "/mnt/root";
/// Names that place to the commands of Lifeboat, in shells outside of it.
pub const VARIABLE: &str = "LIFEBOAT_ROOT";

/// An installed system cannot be found, mounted or let go.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The disks.
    #[error(transparent)]
    Disks(#[from] DiskError),
    /// A file, a mount.
    #[error(transparent)]
    File(#[from] FsError),
    /// A volume group or an array.
    #[error("0590-861 {what} failed")]
    Tool {
        /// What was tried.
        what: String,
        /// What the program said.
        #[source]
        source: RunError,
    },
    /// Something still uses it.
    #[error(
        "0590-862 The system below {ROOT} is in use and stays mounted; end the programs that use it and come back here"
    )]
    Busy(#[source] FsError),
}
