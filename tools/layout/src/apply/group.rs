//! The volume group: the old one switched off, the new one made.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use lifeboat_sys::run::Tool;

use super::ApplyError;
use super::disk::{is_block_device, wait_for};
use crate::disks::{Disk, RESTORING};
use crate::lvm;
use crate::plan::{LVM_HEAD, PlannedGroup};

/// How long a node of a logical volume may take to appear.
const LIMIT: Duration = Duration::from_secs(30);

/// Switches off the volume groups that lie on the targets.
pub(super) fn switch_off_old(targets: &[&Disk]) -> Result<(), ApplyError> {
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
    groups.into_iter().try_for_each(|group| {
        let tool = lvm::tool("vgchange", Some(&only)).args(["-an", group]);
        run(&tool, || format!("switch off volume group {group}"))
    })
}

/// Makes physical volumes, group and logical volumes; the nodes exist afterwards.
pub(super) fn make(group: &PlannedGroup) -> Result<(), ApplyError> {
    let head = format!("{LVM_HEAD}b");
    let extent = format!("{}b", group.extent);
    let name = group.name.as_str();
    for device in &group.devices {
        let pvcreate =
            tool(group, "pvcreate").args(["-ff", "-y", "--dataalignment", &head, device]);
        run(&pvcreate, || format!("make {device} a physical volume"))?;
    }
    let vgcreate = tool(group, "vgcreate")
        .args(["-y", "-s", &extent, "--addtag", RESTORING, name])
        .args(&group.devices);
    run(&vgcreate, || format!("make volume group {name}"))?;
    for volume in &group.volumes {
        let extents = volume.extents.to_string();
        let lvcreate = tool(group, "lvcreate").args([
            "-y",
            "-W",
            "y",
            "-Z",
            "y",
            "-a",
            "y",
            "-n",
            &volume.name,
            "-l",
            &extents,
            name,
        ]);
        run(&lvcreate, || format!("make logical volume {}", volume.name))?;
    }
    run(&tool(group, "vgmknodes").arg(name), || {
        format!("make the nodes of {name}")
    })?;
    let until = Instant::now() + LIMIT;
    group.volumes.iter().try_for_each(|volume| {
        let there = || is_block_device(Path::new(&volume.device));
        wait_for(there, until)
            .then_some(())
            .ok_or_else(|| ApplyError::NoNode(volume.device.clone()))
    })
}

/// Takes the mark of an unfinished restore off the volume groups. To be called
/// when everything else, the boot record too, is done.
///
/// # Errors
/// [`ApplyError::Lvm`].
pub fn finish(groups: &[&PlannedGroup]) -> Result<(), ApplyError> {
    groups.iter().try_for_each(|group| {
        let untag = tool(group, "vgchange").args(["--deltag", RESTORING, &group.name]);
        run(&untag, || {
            format!("take the mark off volume group {}", group.name)
        })
    })
}

/// Switches the volume groups off, so that their disks can be let go. Everything
/// on them must be unmounted.
///
/// # Errors
/// [`ApplyError::Lvm`].
pub fn release(groups: &[&PlannedGroup]) -> Result<(), ApplyError> {
    groups.iter().try_for_each(|group| {
        let off = tool(group, "vgchange").args(["-an", &group.name]);
        run(&off, || format!("switch off volume group {}", group.name))
    })
}

fn tool(group: &PlannedGroup, command: &str) -> Tool {
    lvm::tool(command, Some(&group.devices))
}

fn run(tool: &Tool, what: impl FnOnce() -> String) -> Result<(), ApplyError> {
    match tool.run() {
        Ok(_) => Ok(()),
        Err(source) => Err(ApplyError::Lvm {
            what: what(),
            source,
        }),
    }
}
