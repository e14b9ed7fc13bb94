//! `restore-…`: a system backup restored onto a machine that is not the one it was
//! made on.

mod bad_disks;
mod encrypted;
mod hardware;
mod layouts;
mod mirror;
mod neighbours;
mod powercut;
mod sizes;

pub use hardware::{large_sectors, nvme, vscsi};
pub use layouts::{bookworm, btrfs, lvm, md, nolvm};
pub use neighbours::keeps_data_vg;
pub use sizes::{larger, smaller};

pub use bad_disks::run as bad_disk;
pub use encrypted::luks;
pub use mirror::{to_one, two_disks};
pub use powercut::run as powercut;

/// Nobody is asked; only empty disks may be taken.
const UNATTENDED: &str = "control_flow:
    CONSOLE = Default
    INSTALL_METHOD = overwrite
    PROMPT = no
    EXISTING_SYSTEM_OVERWRITE = no
";
