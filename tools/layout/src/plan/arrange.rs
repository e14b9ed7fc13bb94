//! Where everything goes on the target disk.

use super::{
    Pair, Plan, PlanError, PlannedFileSystem, PlannedGroup, PlannedPartition, PlannedTable,
    PlannedVolume, Settings, Stacked, Target, partition_device, volume_device,
};
use crate::disks::Disk;
use crate::guid::Guid;
use crate::mkfs;
use crate::model::{
    FileSystem, Format, LogicalVolume, Model, ModelError, Partition, PartitionKind, Place, Role,
    Table, VolumeGroup,
};
use crate::size::{MB, align_down, align_up, mb, mb_needed};

/// Partitions begin at multiples of this; the first MB holds the table.
const ALIGN: u64 = MB;

/// What LVM keeps before the first extent; given to `pvcreate` as well.
pub(crate) const LVM_HEAD: u64 = MB;

/// GPT types: PowerPC PReP boot, Linux LVM, Linux file system data, Linux swap,
/// basic data (UEFI specification 5.3.3, Linux discoverable partitions).
pub(crate) const PREP: Guid = Guid([
    0x38, 0x2d, 0x1a, 0x9e, 0x12, 0xc6, 0x16, 0x43, 0xaa, 0x26, 0x8b, 0x49, 0x52, 0x1e, 0x5a, 0x8b,
]);
const LVM: Guid = Guid([
    0x79, 0xd3, 0xd6, 0xe6, 0x07, 0xf5, 0xc2, 0x44, 0xa2, 0x3c, 0x23, 0x8f, 0x2a, 0x3d, 0xf9, 0x28,
]);
const LINUX: Guid = Guid([
    0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4,
]);
const SWAP: Guid = Guid([
    0x6d, 0xfd, 0x57, 0x06, 0xab, 0xa4, 0xc4, 0x43, 0x84, 0xe5, 0x09, 0x33, 0xc8, 0x4b, 0x4f, 0x4f,
]);
const BASIC: Guid = Guid([
    0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7,
]);

/// Bytes of the backup table at the end: 128 entries of 128 bytes and a header.
fn table_tail(sector: u32) -> u64 {
    128 * 128 + u64::from(sector)
}

/// How many bytes a disk must have.
pub(super) fn needed(model: &Model, shrink: bool, sector: u32) -> u64 {
    let fixed: u64 = model
        .partitions
        .iter()
        .map(|p| partition_size(model, p, shrink))
        .sum();
    ALIGN + fixed + table_tail(sector)
}

/// Bytes of a partition; of the one for LVM, the least it can have.
fn partition_size(model: &Model, partition: &Partition, shrink: bool) -> u64 {
    let size = match (partition.role, &model.group) {
        (Role::Lvm, Some(group)) => {
            let extents: u64 = model
                .volumes
                .iter()
                .map(|lv| volume_extents(model, group, lv, shrink))
                .sum();
            LVM_HEAD + extents * group.extent
        }
        _ => match model.on_partition(partition) {
            Some(fs) if shrink => shrunk(fs).min(partition.size),
            _ => partition.size,
        },
    };
    align_up(size, ALIGN)
}

fn volume_extents(model: &Model, group: &VolumeGroup, volume: &LogicalVolume, shrink: bool) -> u64 {
    match model.on_volume(volume) {
        Some(fs) if shrink => shrunk(fs)
            .div_ceil(group.extent)
            .max(volume.min_extents)
            .min(volume.extents),
        _ => volume.extents,
    }
}

/// The least that a file system can have. Swap has no content to go by: it
/// keeps its size unless `FS_MIN_SIZE` says otherwise.
fn shrunk(fs: &FileSystem) -> u64 {
    fs.min_size.max(mkfs::smallest(&fs.format))
}

pub(super) fn arrange(
    model: &Model,
    target: &Disk,
    reason: String,
    disks: &[Disk],
    settings: &Settings,
    shrink: bool,
) -> Result<Plan, PlanError> {
    fits(model, target, shrink)?;
    let partitions = partitions(model, target, shrink)?;
    let group = group(model, &partitions, settings, shrink)?;
    let file_systems = model
        .file_systems
        .iter()
        .map(|fs| file_system(model, fs, target, &partitions, group.as_ref()))
        .collect::<Result<_, _>>()?;
    let disk = model
        .disks
        .first()
        .ok_or_else(|| dangling("the backup", "a disk"))?;
    let Table::Gpt(disk_guid) = disk.table else {
        return Err(dangling(&disk.name, "a partition table"));
    };
    Ok(Plan {
        pairs: vec![Pair {
            source: disk.clone(),
            target: Some(target.name.clone()),
            why: reason,
        }],
        targets: vec![Target {
            disk: target.clone(),
            table: PlannedTable::Gpt(disk_guid),
            partitions,
        }],
        untouched: disks
            .iter()
            .filter(|disk| disk.name != target.name)
            .cloned()
            .collect(),
        taken: model.source.date.clone(),
        shrink,
        stack: group.map(Stacked::Group).into_iter().collect(),
        file_systems,
        changes: Vec::new(),
    })
}

fn fits(model: &Model, target: &Disk, shrink: bool) -> Result<(), PlanError> {
    let bytes = needed(model, shrink, target.sector);
    if bytes <= target.size {
        return Ok(());
    }
    Err(PlanError::TooSmall {
        disk: target.to_string(),
        needed: mb_needed(bytes),
        present: mb(target.size),
        shrunk: (!shrink).then(|| mb_needed(needed(model, true, target.sector))),
    })
}

/// PReP first, as the firmware of PowerVM wants it; LVM last, to take the rest.
fn partitions(
    model: &Model,
    target: &Disk,
    shrink: bool,
) -> Result<Vec<PlannedPartition>, PlanError> {
    let mut sorted: Vec<&Partition> = model.partitions.iter().collect();
    let rank = |role| match role {
        Role::Prep => 0,
        Role::Lvm => 2,
        _ => 1,
    };
    sorted.sort_by_key(|p| (rank(p.role), p.number));
    let end = align_down(target.size - table_tail(target.sector), ALIGN);
    let mut start = ALIGN;
    let mut planned = Vec::new();
    for partition in sorted {
        let size = match partition.role {
            Role::Lvm => end - start,
            _ => partition_size(model, partition, shrink),
        };
        let uuid = partition
            .uuid
            .ok_or_else(|| dangling(&partition.place().describe(), "its UUID"))?;
        planned.push(PlannedPartition {
            number: partition.number,
            device: partition_device(&target.name, partition.number),
            role: partition.role,
            kind: PartitionKind::Gpt(type_guid(model, partition)),
            uuid: Some(uuid),
            old_uuid: Some(uuid),
            name: partition.name.clone(),
            flags: partition.flags,
            start,
            size,
            old_size: partition.size,
        });
        start += size;
    }
    Ok(planned)
}

fn type_guid(model: &Model, partition: &Partition) -> Guid {
    if let Some(PartitionKind::Gpt(recorded)) = partition.kind {
        return recorded;
    }
    let fs = model.on_partition(partition);
    type_of(partition.role, fs.map(|fs| &fs.format))
}

/// The GPT type of a partition for this purpose, with this on it.
pub(crate) fn type_of(role: Role, format: Option<&Format>) -> Guid {
    match role {
        Role::Prep => PREP,
        Role::Lvm => LVM,
        Role::Swap => SWAP,
        Role::Fs if matches!(format, Some(Format::Vfat(_))) => BASIC,
        _ => LINUX,
    }
}

fn group(
    model: &Model,
    partitions: &[PlannedPartition],
    settings: &Settings,
    shrink: bool,
) -> Result<Option<PlannedGroup>, PlanError> {
    let (Some(group), Some(partition)) = (
        &model.group,
        partitions.iter().find(|p| p.role == Role::Lvm),
    ) else {
        return Ok(None);
    };
    let name = settings
        .group_name
        .clone()
        .unwrap_or_else(|| group.name.clone());
    right(&name)?;
    Ok(Some(PlannedGroup {
        old_name: group.name.clone(),
        devices: vec![partition.device.clone()],
        extent: group.extent,
        extents: extents_of(partition.size, group.extent),
        volumes: volumes(model, group, group.extent, &name, settings, shrink)?,
        name,
    }))
}

/// How many extents a physical volume of so many bytes has.
pub(super) fn extents_of(size: u64, extent: u64) -> u64 {
    size.saturating_sub(LVM_HEAD) / extent
}

/// The volumes in a group called `name`, whose extents have `extent` bytes.
pub(super) fn volumes(
    model: &Model,
    old: &VolumeGroup,
    extent: u64,
    name: &str,
    settings: &Settings,
    shrink: bool,
) -> Result<Vec<PlannedVolume>, PlanError> {
    model
        .volumes
        .iter()
        .map(|volume| {
            let new = format!("{}{}", settings.volume_prefix, volume.name);
            right(&new)?;
            let bytes = volume_extents(model, old, volume, shrink) * old.extent;
            Ok(PlannedVolume {
                device: volume_device(name, &new),
                name: new,
                old_name: volume.name.clone(),
                kind: volume.kind.clone(),
                devices: Vec::new(),
                read_only: volume.read_only,
                extents: bytes.div_ceil(extent),
                old_extents: volume.extents,
            })
        })
        .collect()
}

fn right(name: &str) -> Result<(), PlanError> {
    crate::lvm::is_name(name)
        .then_some(())
        .ok_or_else(|| PlanError::Name(name.to_owned()))
}

fn dangling(what: &str, to: &str) -> PlanError {
    ModelError::Dangling {
        what: what.to_owned(),
        to: to.to_owned(),
    }
    .into()
}

pub(super) fn file_system(
    model: &Model,
    fs: &FileSystem,
    target: &Disk,
    partitions: &[PlannedPartition],
    group: Option<&PlannedGroup>,
) -> Result<PlannedFileSystem, PlanError> {
    let block = mkfs::largest_sector(&fs.format);
    if block < target.sector {
        return Err(PlanError::Sector {
            name: fs.name().to_owned(),
            block,
            disk: target.to_string(),
            sector: target.sector,
        });
    }
    let place = match &fs.place {
        Place::Partition { number, .. } => partitions
            .iter()
            .find(|p| p.number == *number)
            .map(|p| (p.device.clone(), p.size, p.old_size, Vec::new())),
        Place::Disk(_) | Place::Array(_) | Place::Crypt(_) => None,
        Place::Volume(id) => group.zip(model.group.as_ref()).and_then(|(new, old)| {
            let at = model.volumes.iter().position(|v| v.id() == *id)?;
            let volume = &new.volumes[at];
            let old_devices = vec![
                volume_device(&old.name, &id.name),
                format!("/dev/{}/{}", old.name, id.name),
            ];
            Some((
                volume.device.clone(),
                volume.extents * new.extent,
                volume.old_extents * old.extent,
                old_devices,
            ))
        }),
    };
    let (device, size, old_size, old_devices) =
        place.ok_or_else(|| dangling(fs.name(), "its device"))?;
    Ok(PlannedFileSystem {
        mount: fs.mount.clone(),
        on_volume: matches!(fs.place, Place::Volume(_)),
        old_devices,
        kind: fs.format.name().to_owned(),
        uuid: fs.uuid.clone(),
        old_uuid: fs.uuid.clone(),
        label: fs.label.clone(),
        size,
        old_size,
        mkfs: mkfs::command(fs, &device, target.sector),
        options: fs.options.clone(),
        dump: fs.dump,
        pass: fs.pass,
        btrfs: None,
        device,
    })
}
