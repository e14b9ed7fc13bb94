//! File systems and swap spaces on their new devices.

use super::need::shrunk;
use super::stack::{Node, Nodes};
use super::{PlanError, PlannedBtrfs, PlannedFileSystem, PlannedSubvolume, volume_device};
use crate::mkfs;
use crate::model::{Btrfs, FileSystem, Format, ModelError, Place};
use crate::size::{mb, mb_needed};

pub(super) fn file_system(fs: &FileSystem, nodes: &Nodes) -> Result<PlannedFileSystem, PlanError> {
    let found: Vec<&Node> = fs.places().filter_map(|place| nodes.get(place)).collect();
    let (Some(node), true) = (found.first(), found.len() == fs.places().count()) else {
        return Err(ModelError::Dangling {
            what: fs.name().to_owned(),
            to: "its device".to_owned(),
        }
        .into());
    };
    let sector = found.iter().map(|node| node.sector).max().unwrap_or(512);
    let block = mkfs::largest_sector(&fs.format);
    if block < sector {
        return Err(PlanError::Sector {
            name: fs.name().to_owned(),
            block,
            disk: node.device.clone(),
            sector,
        });
    }
    let size: u64 = found.iter().map(|node| node.size).sum();
    let old_size: u64 = found.iter().map(|node| node.old_size).sum();
    if size < shrunk(fs).min(old_size) {
        return Err(PlanError::NoRoom {
            what: fs.name().to_owned(),
            needed: mb_needed(shrunk(fs)),
            present: mb(size),
        });
    }
    let more: Vec<String> = found[1..].iter().map(|node| node.device.clone()).collect();
    let mut mkfs = mkfs::command(fs, &node.device, sector);
    mkfs.extend(more.iter().cloned());
    Ok(PlannedFileSystem {
        mount: fs.mount.clone(),
        device: node.device.clone(),
        on_volume: matches!(fs.place, Place::Volume(_)),
        old_devices: old_devices(&fs.place),
        kind: fs.format.name().to_owned(),
        uuid: fs.uuid.clone(),
        old_uuid: fs.uuid.clone(),
        label: fs.label.clone(),
        size,
        old_size,
        mkfs,
        options: fs.options.clone(),
        dump: fs.dump,
        pass: fs.pass,
        btrfs: match &fs.format {
            Format::Btrfs(btrfs) => Some(planned_btrfs(btrfs, more)),
            _ => None,
        },
    })
}

fn old_devices(place: &Place) -> Vec<String> {
    match place {
        Place::Volume(id) => vec![
            volume_device(&id.group, &id.name),
            format!("/dev/{}/{}", id.group, id.name),
        ],
        Place::Array(name) => vec![format!("/dev/md/{name}"), format!("/dev/{name}")],
        Place::Crypt(name) => vec![format!("/dev/mapper/{name}")],
        Place::Disk(_) | Place::Partition { .. } => Vec::new(),
    }
}

fn planned_btrfs(btrfs: &Btrfs, more: Vec<String>) -> PlannedBtrfs {
    let mut subvolumes: Vec<PlannedSubvolume> = btrfs
        .subvolumes
        .iter()
        .map(|subvolume| PlannedSubvolume {
            path: subvolume.path.clone(),
            mount: subvolume.mount.clone(),
            options: subvolume.options.clone(),
            dump: subvolume.dump,
            pass: subvolume.pass,
            default: subvolume.default,
            read_only: subvolume.read_only,
        })
        .collect();
    subvolumes.sort_by(|a, b| a.path.cmp(&b.path));
    PlannedBtrfs {
        more,
        data: btrfs.data.clone(),
        metadata: btrfs.metadata.clone(),
        subvolumes,
    }
}
