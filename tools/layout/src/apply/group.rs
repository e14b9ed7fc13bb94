//! Volume groups, made by LVM.

use std::path::Path;
use std::time::Instant;

use lifeboat_sys::run::Tool;

use super::disk::{LIMIT, at_least, is_block_device, wait_for};
use super::{ApplyError, volume};
use crate::disks::RESTORING;
use crate::lvm;
use crate::model::VolumeKind;
use crate::plan::{LVM_HEAD, PlannedGroup, PlannedVolume, Run, joined};

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
        for (command, arguments) in volume::commands(group, volume)? {
            let made = tool(group, command).args(arguments);
            run(&made, || format!("make logical volume {}", volume.name))?;
        }
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
    placed(group)
}

/// Whether volumes that have a map lie where it says.
fn placed(group: &PlannedGroup) -> Result<(), ApplyError> {
    if group.volumes.iter().all(|volume| volume.placed.is_empty()) {
        return Ok(());
    }
    let columns = ["--noheadings", "--segments", "-O", "lv_name,seg_start_pe"];
    let lvs = tool(group, "lvs")
        .args(columns)
        .args(["-o", "lv_name,seg_pe_ranges", &group.name]);
    let said = run(&lvs, || format!("read back volume group {}", group.name))?;
    let placed = group.volumes.iter().filter(|v| !v.placed.is_empty());
    for volume in placed {
        let (wanted, read) = (real(volume.placed.clone()), real(runs(&said, &volume.name)));
        if read != wanted {
            return Err(ApplyError::NotAsPlanned {
                what: format!("logical volume {}", volume.name),
                wanted: ranges(&wanted),
                read: ranges(&read),
            });
        }
    }
    Ok(())
}

/// Where a volume lies in the words of `lvs`: its name, then the ranges of a segment.
fn runs(said: &str, name: &str) -> Vec<Run> {
    let segments = said.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(name)).then(|| Run::parse(words))
    });
    joined(segments.flatten())
}

/// The same with the kernel's own names of devices: LVM may use another than we did.
fn real(mut runs: Vec<Run>) -> Vec<Run> {
    for area in runs.iter_mut().flat_map(|run| &mut run.areas) {
        if let Ok(path) = std::fs::canonicalize(&area.device) {
            area.device = path.display().to_string();
        }
    }
    runs
}

fn ranges(runs: &[Run]) -> String {
    let runs: Vec<String> = runs.iter().map(|run| run.ranges().join(" ")).collect();
    runs.join(", ")
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

    #[test]
    fn where_a_volume_lies_is_read_from_its_segments() {
        let said = "  hd4  /dev/no-a:9-11\n  hd4  /dev/no-a:12-12\n  hd40 /dev/no-a:0-1\n  \
            hd5  /dev/no-a:20-29 /dev/no-b:0-9\n  thin \n";
        assert_eq!(ranges(&runs(said, "hd4")), "/dev/no-a:9-12");
        let striped = real(runs(said, "hd5"));
        assert_eq!(ranges(&striped), "/dev/no-a:20-29 /dev/no-b:0-9");
        assert!(runs(said, "thin").is_empty());
    }
}
