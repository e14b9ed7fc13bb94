//! `restore-…`: a system backup restored onto a machine that is not the one it was
//! made on.

mod hardware;
mod layouts;

pub use hardware::{large_sectors, vscsi};
pub use layouts::{bookworm, btrfs, lvm, md, nolvm};

/// Nobody is asked; only empty disks may be taken.
const UNATTENDED: &str = "control_flow:
    CONSOLE = Default
    INSTALL_METHOD = overwrite
    PROMPT = no
    EXISTING_SYSTEM_OVERWRITE = no
";
