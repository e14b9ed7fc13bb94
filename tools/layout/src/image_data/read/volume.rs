//! LVM.

use lifeboat_stanza::Stanza;

use super::{MB, Read, number, size, text, words};
use crate::model::{LogicalVolume, Model, ModelError, UserGroup, VolumeGroup, VolumeKind};

pub(super) fn group(stanza: &Stanza) -> Read<VolumeGroup> {
    // image.data counts whole MB; what is not such stands beside it in bytes.
    let extent = stanza.required_value("PPSIZE", "a power of two, in MB", |value| {
        value
            .parse::<u64>()
            .ok()
            .filter(|mb| mb.is_power_of_two())?
            .checked_mul(MB)
    })?;
    let odd = stanza.value("LX_EXTENT_SIZE", "a multiple of 512", |value| {
        value
            .parse()
            .ok()
            .filter(|n: &u64| *n > 0 && n.is_multiple_of(512))
    })?;
    Ok(VolumeGroup {
        name: stanza.required("VGNAME")?.to_owned(),
        extent: odd.unwrap_or(extent),
        uuid: text(stanza, "LX_VG_UUID")?,
    })
}

pub(super) fn user_group(stanza: &Stanza) -> Read<UserGroup> {
    Ok(UserGroup {
        name: stanza.required("LX_VG_NAME")?.to_owned(),
        uuid: text(stanza, "LX_VG_UUID")?.unwrap_or_default(),
        disks: words(stanza, "LX_VG_DISKS")?,
    })
}

pub(super) fn volume(model: &Model, stanza: &Stanza) -> Read<LogicalVolume> {
    let name = stanza.required("LOGICAL_VOLUME")?.to_owned();
    let of = stanza.required("VOLUME_GROUP")?;
    let group = model.groups().find(|group| group.name == of);
    let group = group.ok_or_else(|| ModelError::Dangling {
        what: format!("logical volume {name}"),
        to: format!("volume group {of}"),
    })?;
    let kind = kind(stanza)?;
    let extents = size(stanza, "LPs", 1)?;
    let mut volume = LogicalVolume {
        kind,
        ..LogicalVolume::linear(of, &name, extents)
    };
    if number(stanza, "PP")?.unwrap_or(volume.physical()) != volume.physical() {
        return Err(stanza.invalid("PP", "LPs x COPIES").into());
    }
    let extent = group.extent.div_ceil(MB).next_power_of_two();
    if number(stanza, "PP_SIZE")?.unwrap_or(extent) != extent {
        return Err(stanza.invalid("PP_SIZE", "the PPSIZE of vg_data").into());
    }
    volume.min_extents = number(stanza, "LV_MIN_LPS")?.unwrap_or(extents);
    if volume.min_extents > extents {
        return Err(stanza.invalid("LV_MIN_LPS", "at most LPs").into());
    }
    // All disks are meant where all are named.
    volume.disks = words(stanza, "LV_SOURCE_DISK_LIST")?;
    if model.disks.iter().all(|d| volume.disks.contains(&d.name)) {
        volume.disks.clear();
    }
    volume.uuid = text(stanza, "LV_IDENTIFIER")?;
    volume.read_only = stanza.text("PERMISSION")? == Some("read-only");
    volume.map_file = text(stanza, "MAPFILE")?;
    Ok(volume)
}

fn kind(stanza: &Stanza) -> Read<VolumeKind> {
    let at_least_one = |field| {
        stanza.value(field, "a number above 0", |value| {
            value.parse::<u32>().ok().filter(|n| *n > 0)
        })
    };
    let copies = at_least_one("COPIES")?.unwrap_or(1);
    let stripes = at_least_one("STRIPE_WIDTH")?.unwrap_or(1);
    let bytes = |field| stanza.value(field, "a size, as in 64K", bytes);
    let stripe = bytes("STRIPE_SIZE")?.unwrap_or(0);
    let segment = stanza
        .text("LX_LV_SEGTYPE")?
        .unwrap_or(match (copies, stripes) {
            (1, 1) => "linear",
            (1, _) => "striped",
            (_, 1) => "raid1",
            (..) => "raid10",
        });
    Ok(match segment {
        "linear" if (copies, stripes) == (1, 1) => VolumeKind::Linear,
        "striped" if copies == 1 => VolumeKind::Striped {
            stripes,
            size: stripe,
        },
        "raid1" | "mirror" if stripes == 1 => VolumeKind::Mirrored {
            segment: segment.to_owned(),
            copies,
        },
        "thin-pool" => VolumeKind::ThinPool {
            chunk: bytes("LX_LV_CHUNK")?.unwrap_or(0),
            metadata: bytes("LX_LV_METADATA")?.unwrap_or(0),
        },
        "thin" => VolumeKind::Thin {
            pool: stanza.required("LX_LV_POOL")?.to_owned(),
        },
        other => VolumeKind::Other {
            segment: other.to_owned(),
            copies,
            stripes,
            size: stripe,
        },
    })
}

/// Bytes of a size with a letter: `64K`, `1M`, `512`.
fn bytes(value: &str) -> Option<u64> {
    let (digits, unit) = match value.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => match value.strip_suffix(['M', 'm']) {
            Some(digits) => (digits, MB),
            None => (value, 1),
        },
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
