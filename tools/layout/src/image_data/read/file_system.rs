//! File systems and swap.

use lifeboat_stanza::Stanza;

use super::{
    BLOCK, Read, number, optional_size, place, places, required_number, size, text, words,
};
use crate::model::{
    Btrfs, Ext, FileSystem, Format, Model, ModelError, Place, Subvolume, Swap, Vfat, Xfs,
};

pub(super) fn file_system(model: &Model, stanza: &Stanza, swap: bool) -> Read<FileSystem> {
    let mount = if swap {
        None
    } else {
        Some(stanza.required("FS_NAME")?.to_owned())
    };
    let format = format(stanza, swap)?;
    let fs_size = size(stanza, "FS_SIZE", BLOCK)?;
    let least = optional_size(stanza, "FS_MIN_SIZE", BLOCK)?;
    // What Lifeboat does not know need not have one.
    let uuid = match format {
        Format::Other(_) => text(stanza, "LX_FS_UUID")?.unwrap_or_default(),
        _ => stanza.required("LX_FS_UUID")?.to_owned(),
    };
    Ok(FileSystem {
        place: place_of(model, stanza, mount.as_deref().unwrap_or("swap"))?,
        size: fs_size,
        min_size: least.unwrap_or(fs_size),
        // As blkid prints them.
        uuid: match format {
            Format::Vfat(_) => uuid.to_uppercase(),
            Format::Other(_) => uuid,
            _ => uuid.to_lowercase(),
        },
        label: text(stanza, "LX_FS_LABEL")?,
        options: options(stanza)?,
        dump: number(stanza, "LX_DUMP")?.unwrap_or(0),
        pass: number(stanza, "LX_PASS")?.unwrap_or(0),
        format,
        mount,
    })
}

fn options(stanza: &Stanza) -> Read<String> {
    Ok(text(stanza, "LX_MOUNT_OPTIONS")?.unwrap_or_else(|| "defaults".to_owned()))
}

/// Puts a subvolume to its btrfs.
pub(super) fn subvolume(model: &mut Model, stanza: &Stanza) -> Read<()> {
    let path = stanza.required("LX_SUBVOL_PATH")?.to_owned();
    let uuid = stanza.required("LX_FS_UUID")?.to_lowercase();
    let btrfs = model
        .file_systems
        .iter_mut()
        .find_map(|fs| match &mut fs.format {
            Format::Btrfs(btrfs) if fs.uuid == uuid => Some(btrfs),
            _ => None,
        });
    let btrfs = btrfs.ok_or_else(|| ModelError::Dangling {
        what: format!("subvolume {path}"),
        to: format!("the btrfs {uuid}"),
    })?;
    btrfs.subvolumes.push(Subvolume {
        path,
        mount: text(stanza, "LX_SUBVOL_MOUNT")?,
        options: options(stanza)?,
        dump: number(stanza, "LX_DUMP")?.unwrap_or(0),
        pass: number(stanza, "LX_PASS")?.unwrap_or(0),
        default: stanza.yes_no("LX_SUBVOL_DEFAULT")?.unwrap_or(false),
        read_only: stanza.yes_no("LX_SUBVOL_READ_ONLY")?.unwrap_or(false),
    });
    Ok(())
}

fn place_of(model: &Model, stanza: &Stanza, name: &str) -> Read<Place> {
    let fields = ["FS_LV", "LX_FS_PARTITION", "LX_FS_DEVICE"];
    let mut given = Vec::new();
    for field in fields {
        if stanza.text(field)?.is_some() {
            given.push(field);
        }
    }
    match given.as_slice() {
        ["FS_LV"] => volume_place(model, stanza, name),
        ["LX_FS_PARTITION"] => {
            let allowed = "a disk, a colon, a partition number";
            let read = |value: &str| {
                let place = value.parse().ok()?;
                matches!(place, Place::Partition { .. }).then_some(place)
            };
            Ok(stanza.required_value("LX_FS_PARTITION", allowed, read)?)
        }
        [_] => Ok(place(stanza, "LX_FS_DEVICE")?),
        [] => Err(ModelError::Dangling {
            what: name.to_owned(),
            to: "neither FS_LV nor LX_FS_PARTITION nor LX_FS_DEVICE".to_owned(),
        }),
        [first, second, ..] => {
            let allowed = format!("blank beside {first}");
            Err(stanza.invalid(second, &allowed).into())
        }
    }
}

/// `/dev/hd4`, or `/dev/GROUP/hd4` of another group than that of `vg_data`.
fn volume_place(model: &Model, stanza: &Stanza, name: &str) -> Read<Place> {
    let allowed = "/dev/ and a logical volume";
    let volume = stanza.required_value("FS_LV", allowed, |value| {
        let volume = value.strip_prefix("/dev/")?;
        (volume.matches('/').count() <= 1).then(|| volume.to_owned())
    })?;
    match (volume.split_once('/'), &model.group) {
        (Some((group, volume)), _) => Ok(Place::volume(group, volume)),
        (None, Some(group)) => Ok(Place::volume(&group.name, &volume)),
        (None, None) => Err(ModelError::Dangling {
            what: name.to_owned(),
            to: format!("logical volume {volume}"),
        }),
    }
}

fn format(stanza: &Stanza, swap: bool) -> Read<Format> {
    let kind = if swap {
        "swap"
    } else {
        stanza.required("LX_FS_TYPE")?
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
            features: words(stanza, "LX_FS_FEATURES")?,
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
            features: words(stanza, "LX_FS_FEATURES")?
                .iter()
                .map(|word| feature(word))
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
        "btrfs" => Format::Btrfs(Btrfs {
            features: words(stanza, "LX_FS_FEATURES")?,
            sector: power("LX_FS_BLOCK_SIZE")?,
            node: power("LX_FS_NODE_SIZE")?,
            checksum: stanza.required("LX_FS_CHECKSUM")?.to_owned(),
            data: stanza.required("LX_FS_DATA")?.to_owned(),
            metadata: stanza.required("LX_FS_METADATA")?.to_owned(),
            more: places(stanza, "LX_FS_MORE_DEVICES")?,
            subvolumes: Vec::new(),
        }),
        other => Format::Other(other.to_owned()),
    })
}

fn feature(word: &str) -> Option<(String, u32)> {
    let (key, value) = word.split_once('=')?;
    Some((key.to_owned(), value.parse().ok()?))
}
