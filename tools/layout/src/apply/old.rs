//! What still runs on the targets from before.

use std::collections::BTreeSet;

use super::{ApplyError, group};
use crate::disks::Disk;
use crate::lvm;

/// Switches off the volume groups that lie on the targets. (A disk that an array or
/// an encrypted device holds is in use, and no plan takes it.)
pub(super) fn switch_off(targets: &[&Disk]) -> Result<(), ApplyError> {
    let names = |disk: &&Disk| {
        let parts = disk.partitions.iter().map(|part| part.name.clone());
        parts.chain([disk.name.clone()]).collect::<Vec<_>>()
    };
    let only: Vec<String> = targets
        .iter()
        .flat_map(names)
        .map(|name| format!("/dev/{name}"))
        .collect();
    let groups: BTreeSet<&str> = targets.iter().flat_map(|disk| disk.groups()).collect();
    groups.into_iter().try_for_each(|name| {
        let tool = lvm::tool("vgchange", Some(&only)).args(["-an", name]);
        group::run(&tool, || format!("switch off volume group {name}")).map(drop)
    })
}
