//! Names of disks on the command line.

use std::path::Path;

use lifeboat_boot::ofpath::kernel_name;
use lifeboat_layout::disks::Disk;

/// The kernel's name of a disk that may be named as `hdisk0`.
pub fn kernel(sysfs: &Path, disks: &[Disk], name: &str) -> String {
    let disk = disks.iter().find(|disk| disk.hdisk == name);
    disk.map_or_else(|| kernel_name(sysfs, name), |disk| disk.name.clone())
}
