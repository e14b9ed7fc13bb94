//! Volume groups, made by LVM.

use std::path::Path;
use std::time::Instant;

use lifeboat_sys::run::Tool;

use super::disk::{LIMIT, at_least, is_block_device, wait_for};
use super::{ApplyError, volume};
use crate::disks::RESTORING;
use crate::lvm;
use crate::model::VolumeKind;
use crate::plan::{LVM_HEAD, PlannedGroup, PlannedVolume};

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
        let lvcreate = tool(group, "lvcreate").args(volume::arguments(group, volume)?);
        run(&lvcreate, || format!("make logical volume {}", volume.name))?;
    }
    run(&tool(group, "vgmknodes").arg(name), || {
        format!("make the nodes of {name}")
    })?;
    read_back(group)
}

/// Whether LVM has the volumes as they were planned, and the kernel their nodes.
fn read_back(group: &PlannedGroup) -> Result<(), ApplyError> {
    let columns = ["--noheadings", "-o", "lv_name,segtype"];
    let lvs = tool(group, "lvs").args(columns).arg(&group.name);
    let said = run(&lvs, || format!("read back volume group {}", group.name))?;
    let until = Instant::now() + LIMIT;
    for volume in &group.volumes {
        let (wanted, read) = (volume::segment(&volume.kind), segment(&said, &volume.name));
        if read != wanted {
            return Err(ApplyError::NotAsPlanned {
                what: format!("logical volume {}", volume.name),
                wanted: wanted.to_owned(),
                read: read.to_owned(),
            });
        }
        if !has_node(volume) {
            continue;
        }
        if !wait_for(|| is_block_device(Path::new(&volume.device)), until) {
            return Err(ApplyError::NoNode(volume.device.clone()));
        }
        at_least(&volume.device, volume.extents * group.extent)?;
    }
    Ok(())
}

/// A pool shows no node while volumes take from it.
fn has_node(volume: &PlannedVolume) -> bool {
    !matches!(volume.kind, VolumeKind::ThinPool { .. })
}

/// The segment type of a volume in the words of `lvs`: its name, blanks, the type.
fn segment<'a>(said: &'a str, name: &str) -> &'a str {
    let mut rows = said.lines().map(|line| line.split_whitespace());
    let found = rows.find_map(|mut words| (words.next() == Some(name)).then(|| words.next()));
    found.flatten().unwrap_or("nothing")
}

/// Makes volumes read-only that were so. To be called when they are filled and
/// nothing on them is mounted.
pub(super) fn seal(group: &PlannedGroup) -> Result<(), ApplyError> {
    let volumes = group.volumes.iter().filter(|volume| volume.read_only);
    volumes.into_iter().try_for_each(|volume| {
        let name = format!("{}/{}", group.name, volume.name);
        let lvchange = tool(group, "lvchange").args(["-y", "-p", "r", &name]);
        run(&lvchange, || {
            format!("make logical volume {} read-only", volume.name)
        })
        .map(drop)
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
        .map(drop)
    })
}

/// Switches a volume group off, so that its devices can be let go.
pub(super) fn release(group: &PlannedGroup) -> Result<(), ApplyError> {
    let off = tool(group, "vgchange").args(["-an", &group.name]);
    run(&off, || format!("switch off volume group {}", group.name)).map(drop)
}

fn tool(group: &PlannedGroup, command: &str) -> Tool {
    lvm::tool(command, Some(&group.devices))
}

pub(super) fn run(tool: &Tool, what: impl FnOnce() -> String) -> Result<String, ApplyError> {
    match tool.run() {
        Ok(output) => Ok(output.text()),
        Err(source) => Err(ApplyError::Lvm {
            what: what(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lvm_made_is_found_by_name() {
        let said = "  hd4  linear\n  mirror raid1 \n  pool thin-pool\n";
        assert_eq!(segment(said, "mirror"), "raid1");
        assert_eq!(segment(said, "hd"), "nothing");
        assert_eq!(segment("", "hd4"), "nothing");
    }
}
