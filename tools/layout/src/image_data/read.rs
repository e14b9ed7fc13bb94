//! Stanzas to [`Model`].

use std::str::FromStr;

use lifeboat_stanza::{Document, FieldError, Stanza};

use super::BLOCK;
use crate::guid::Guid;
use crate::model::{
    Ext, FileSystem, Format, LogicalVolume, Model, ModelError, Partition, Place, Policy, Role,
    Source, SourceDisk, Swap, Table, Vfat, VolumeGroup, Xfs,
};
use crate::size::MB;

type Read<T> = Result<T, ModelError>;

pub(super) fn model(document: &Document) -> Read<Model> {
    let all = |name| document.named(name);
    let source = at_most_one(document, "image_data")?;
    let policy = at_most_one(document, "logical_volume_policy")?;
    let group = at_most_one(document, "vg_data")?
        .map(volume_group)
        .transpose()?;
    let disks = all("lx_disk_data")
        .map(|stanza| disk(document, stanza))
        .collect::<Read<_>>()?;
    let volumes = all("lv_data")
        .map(|stanza| volume(stanza, group.as_ref()))
        .collect::<Read<_>>()?;
    let file_systems = document
        .stanzas()
        .filter(|stanza| ["fs_data", "lx_swap_data"].contains(&stanza.name()))
        .map(|stanza| file_system(stanza, stanza.name() == "lx_swap_data"))
        .collect::<Read<_>>()?;
    Ok(Model {
        source: source.map(source_of).transpose()?.unwrap_or_default(),
        policy: policy.map(policy_of).transpose()?.unwrap_or_default(),
        group,
        disks,
        partitions: all("lx_partition_data")
            .map(partition)
            .collect::<Read<_>>()?,
        volumes,
        file_systems,
    })
}

fn at_most_one<'a>(document: &'a Document, stanza: &'static str) -> Read<Option<&'a Stanza>> {
    match document.named(stanza).count() {
        0 | 1 => Ok(document.named(stanza).next()),
        count => Err(ModelError::Count {
            stanza,
            count,
            wanted: "at most one",
        }),
    }
}

fn text(stanza: &Stanza, field: &str) -> Result<Option<String>, FieldError> {
    Ok(stanza.text(field)?.map(str::to_owned))
}

fn number<T: FromStr>(stanza: &Stanza, field: &str) -> Result<Option<T>, FieldError> {
    stanza.value(field, "a number", |value| value.parse().ok())
}

fn required_number<T: FromStr>(stanza: &Stanza, field: &str) -> Result<T, FieldError> {
    stanza.required_value(field, "a number", |value| value.parse().ok())
}

/// A size, in units of `unit` bytes; sizes whose bytes a `u64` cannot count are
/// no sizes.
fn size(stanza: &Stanza, field: &str, unit: u64) -> Result<u64, FieldError> {
    stanza.required_value(field, "a number above 0", |value| {
        value
            .parse::<u64>()
            .ok()
            .filter(|n| *n > 0)?
            .checked_mul(unit)
    })
}

fn source_of(stanza: &Stanza) -> Read<Source> {
    Ok(Source {
        date: text(stanza, "DATE_TIME")?,
        uname: text(stanza, "UNAME_INFO")?,
        os_level: text(stanza, "OSLEVEL")?,
        cpu_id: text(stanza, "CPU_ID")?,
    })
}

fn policy_of(stanza: &Stanza) -> Read<Policy> {
    let yes = |field| Ok::<_, FieldError>(stanza.yes_no(field)?.unwrap_or(false));
    Ok(Policy {
        shrink: yes("SHRINK")?,
        exact_fit: yes("EXACT_FIT")?,
    })
}

fn volume_group(stanza: &Stanza) -> Read<VolumeGroup> {
    // LVM allows any power of two; image.data counts whole MB.
    let extent = stanza.required_value("PPSIZE", "a power of two, in MB", |value| {
        value
            .parse::<u64>()
            .ok()
            .filter(|mb| mb.is_power_of_two())?
            .checked_mul(MB)
    })?;
    Ok(VolumeGroup {
        name: stanza.required("VGNAME")?.to_owned(),
        extent,
    })
}

fn disk(document: &Document, own: &Stanza) -> Read<SourceDisk> {
    let name = own.required("LX_DISK")?;
    let mut sources = document.named("source_disk_data");
    let source = sources.find(|stanza| stanza.get("HDISKNAME") == Some(name));
    let source = source.ok_or_else(|| ModelError::Dangling {
        what: "lx_disk_data".to_owned(),
        to: format!("{name} in source_disk_data"),
    })?;
    let table = match own.required("LX_TABLE")? {
        "gpt" => Table::Gpt(
            own.required_value("LX_DISK_GUID", "a GUID", |value| value.parse::<Guid>().ok())?,
        ),
        "none" => Table::None,
        other => {
            return Err(ModelError::Unsupported(format!(
                "a partition table of type {other} on {name}"
            )));
        }
    };
    let sector = own.required_value("LX_SECTOR_SIZE", "512, 4096", |value| match value {
        "512" => Some(512),
        "4096" => Some(4096),
        _ => None,
    })?;
    Ok(SourceDisk {
        name: name.to_owned(),
        size: size(source, "SIZE_MB", MB)?,
        pvid: text(source, "PVID")?,
        physical_location: text(source, "PHYSICAL_LOCATION")?,
        connection: text(source, "CONNECTION")?,
        location: text(source, "LOCATION")?,
        serial: text(source, "LX_SERIAL")?,
        wwid: text(source, "LX_WWID")?,
        table,
        sector,
    })
}

fn partition(stanza: &Stanza) -> Read<Partition> {
    let disk = stanza.required("LX_DISK")?.to_owned();
    let number = required_number(stanza, "LX_PART_NUMBER")?;
    let role = match stanza.required("LX_PART_TYPE")? {
        "prep" => Role::Prep,
        "lvm" => Role::Lvm,
        "fs" => Role::Fs,
        "swap" => Role::Swap,
        other => {
            let what = format!("partition {number} of {disk} of type {other}");
            return Err(ModelError::Unsupported(what));
        }
    };
    Ok(Partition {
        disk,
        number,
        role,
        size: size(stanza, "LX_PART_SIZE", BLOCK)?,
        name: text(stanza, "LX_PART_NAME")?.unwrap_or_default(),
        uuid: stanza.required_value("LX_PARTUUID", "a GUID", |value| value.parse().ok())?,
    })
}

fn volume(stanza: &Stanza, group: Option<&VolumeGroup>) -> Read<LogicalVolume> {
    let name = stanza.required("LOGICAL_VOLUME")?.to_owned();
    let of = stanza.required("VOLUME_GROUP")?;
    let group = group
        .filter(|group| group.name == of)
        .ok_or_else(|| ModelError::Dangling {
            what: format!("logical volume {name}"),
            to: format!("volume group {of}"),
        })?;
    let unsupported = |what: &str| {
        Err(ModelError::Unsupported(format!(
            "{what} logical volume {name}"
        )))
    };
    let copies = number::<u64>(stanza, "COPIES")?.unwrap_or(1);
    if copies != 1 {
        return unsupported("the mirrored");
    }
    if number::<u64>(stanza, "STRIPE_WIDTH")?.unwrap_or(1) > 1 {
        return unsupported("the striped");
    }
    let extents = size(stanza, "LPs", 1)?;
    if number(stanza, "PP")?.unwrap_or(extents) != extents {
        return Err(stanza.invalid("PP", "LPs x COPIES").into());
    }
    if number(stanza, "PP_SIZE")?.unwrap_or(group.extent / MB) != group.extent / MB {
        return Err(stanza.invalid("PP_SIZE", "the PPSIZE of vg_data").into());
    }
    let min_extents = number(stanza, "LV_MIN_LPS")?.unwrap_or(extents);
    if min_extents > extents {
        return Err(stanza.invalid("LV_MIN_LPS", "at most LPs").into());
    }
    Ok(LogicalVolume {
        name,
        extents,
        min_extents,
    })
}

fn file_system(stanza: &Stanza, swap: bool) -> Read<FileSystem> {
    let mount = if swap {
        None
    } else {
        Some(stanza.required("FS_NAME")?.to_owned())
    };
    let name = mount.as_deref().unwrap_or("swap");
    let format = format(stanza, swap, name)?;
    let fs_size = size(stanza, "FS_SIZE", BLOCK)?;
    let least = stanza.value("FS_MIN_SIZE", "a number of 512-byte blocks", |value| {
        value.parse::<u64>().ok()?.checked_mul(BLOCK)
    })?;
    let uuid = stanza.required("LX_FS_UUID")?;
    Ok(FileSystem {
        place: place(stanza, name)?,
        size: fs_size,
        min_size: least.unwrap_or(fs_size),
        // As blkid prints them.
        uuid: if matches!(format, Format::Vfat(_)) {
            uuid.to_uppercase()
        } else {
            uuid.to_lowercase()
        },
        label: text(stanza, "LX_FS_LABEL")?,
        options: text(stanza, "LX_MOUNT_OPTIONS")?.unwrap_or_else(|| "defaults".to_owned()),
        dump: number(stanza, "LX_DUMP")?.unwrap_or(0),
        pass: number(stanza, "LX_PASS")?.unwrap_or(0),
        format,
        mount,
    })
}

fn place(stanza: &Stanza, name: &str) -> Read<Place> {
    match (stanza.text("FS_LV")?, stanza.text("LX_FS_PARTITION")?) {
        (Some(volume), None) => {
            let name = volume
                .strip_prefix("/dev/")
                .filter(|name| !name.contains('/'));
            let name = name.ok_or_else(|| stanza.invalid("FS_LV", "/dev/ and a logical volume"))?;
            Ok(Place::Volume(name.to_owned()))
        }
        (None, Some(partition)) => {
            let parts = partition
                .split_once(':')
                .and_then(|(d, n)| Some((d, n.parse().ok()?)));
            let allowed = "a disk, a colon, a partition number";
            let (disk, number) = parts.ok_or_else(|| stanza.invalid("LX_FS_PARTITION", allowed))?;
            Ok(Place::Partition {
                disk: disk.to_owned(),
                number,
            })
        }
        (Some(_), Some(_)) => Err(stanza
            .invalid("LX_FS_PARTITION", "blank beside FS_LV")
            .into()),
        (None, None) => Err(ModelError::Dangling {
            what: name.to_owned(),
            to: "neither FS_LV nor LX_FS_PARTITION".to_owned(),
        }),
    }
}

fn format(stanza: &Stanza, swap: bool, name: &str) -> Read<Format> {
    let kind = if swap {
        "swap"
    } else {
        stanza.required("LX_FS_TYPE")?
    };
    let words = || {
        Ok::<_, FieldError>(
            stanza
                .text("LX_FS_FEATURES")?
                .unwrap_or("")
                .split_whitespace(),
        )
    };
    let power = |field| {
        stanza.required_value(field, "a power of two from 128 to 65536", |value| {
            value
                .parse()
                .ok()
                .filter(|n: &u32| n.is_power_of_two() && (128..=65536).contains(n))
        })
    };
    Ok(match kind {
        "ext2" | "ext3" | "ext4" => Format::Ext(Ext {
            version: kind.as_bytes()[3] - b'0',
            features: words()?.map(str::to_owned).collect(),
            block: power("LX_FS_BLOCK_SIZE")?,
            inode: power("LX_FS_INODE_SIZE")?,
            inode_ratio: required_number(stanza, "LX_FS_INODE_RATIO")?,
            reserved: stanza
                .value("LX_FS_RESERVED", "a percentage up to 50", |value| {
                    value.parse().ok().filter(|percent| *percent <= 50)
                })?
                .unwrap_or(5),
        }),
        "xfs" => Format::Xfs(Xfs {
            features: words()?
                .map(feature)
                .collect::<Option<_>>()
                .ok_or_else(|| {
                    stanza.invalid(
                        "LX_FS_FEATURES",
                        "words of the form key=number, as xfs_info prints them",
                    )
                })?,
            block: power("LX_FS_BLOCK_SIZE")?,
            inode: power("LX_FS_INODE_SIZE")?,
        }),
        "vfat" => Format::Vfat(Vfat {
            bits: stanza.required_value("LX_FS_FEATURES", "fat=12, fat=16, fat=32", |value| {
                match value {
                    "fat=12" => Some(12),
                    "fat=16" => Some(16),
                    "fat=32" => Some(32),
                    _ => None,
                }
            })?,
        }),
        "swap" if swap => Format::Swap(Swap {
            page: power("LX_FS_BLOCK_SIZE")?,
        }),
        other => {
            return Err(ModelError::Unsupported(format!(
                "a file system of type {other} on {name}"
            )));
        }
    })
}

fn feature(word: &str) -> Option<(String, u32)> {
    let (key, value) = word.split_once('=')?;
    Some((key.to_owned(), value.parse().ok()?))
}
