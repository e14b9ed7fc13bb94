//! LVM.

use lifeboat_stanza::{Document, Stanza};

use super::{MB, or_blank};
use crate::model::{Format, LogicalVolume, Model, VolumeGroup, VolumeKind};

pub(super) fn groups(model: &Model, document: &mut Document) {
    if let Some(of) = &model.group {
        group(model, of, document.add("vg_data"));
    }
    for of in &model.more_groups {
        group(model, of, document.add("lx_vg_data"));
    }
    for of in &model.user_groups {
        document
            .add("lx_user_vg_data")
            .set("LX_VG_NAME", &of.name)
            .set("LX_VG_UUID", &of.uuid)
            .set("LX_VG_DISKS", &of.disks.join(" "));
    }
}

/// What `PPSIZE` says: MB, a power of two.
fn pp_size(group: &VolumeGroup) -> u64 {
    group.extent.div_ceil(MB).next_power_of_two()
}

fn group(model: &Model, group: &VolumeGroup, stanza: &mut Stanza) {
    let size = pp_size(group);
    stanza
        .set("VGNAME", &group.name)
        .set("PPSIZE", &size.to_string())
        .set("VARYON", "yes")
        .set(
            "VG_SOURCE_DISK_LIST",
            &model.disks_of_group(&group.name).join(" "),
        );
    if size * MB != group.extent {
        stanza.set("LX_EXTENT_SIZE", &group.extent.to_string());
    }
    if let Some(uuid) = &group.uuid {
        stanza.set("LX_VG_UUID", uuid);
    }
}

pub(super) fn volume(model: &Model, lv: &LogicalVolume, stanza: &mut Stanza) {
    let group = model.groups().find(|group| group.name == lv.group);
    let all: Vec<String> = model.disks.iter().map(|d| d.name.clone()).collect();
    let disks = if lv.disks.is_empty() { &all } else { &lv.disks };
    let fs = model.on_volume(lv);
    let kind = match fs.map(|fs| &fs.format) {
        Some(Format::Swap(_)) => "paging",
        Some(format) => format.name(),
        None => "",
    };
    let spread = !matches!(lv.kind, VolumeKind::Linear | VolumeKind::Mirrored { .. });
    stanza
        .set("VOLUME_GROUP", &lv.group)
        .set("LV_SOURCE_DISK_LIST", &disks.join(" "))
        .set("LV_IDENTIFIER", or_blank(&lv.uuid))
        .set("LOGICAL_VOLUME", &lv.name)
        .set(
            "PERMISSION",
            if lv.read_only {
                "read-only"
            } else {
                "read/write"
            },
        )
        .set("TYPE", kind)
        .set("COPIES", &lv.kind.copies().max(1).to_string())
        .set("LPs", &lv.extents.to_string())
        .set("PP", &lv.physical().to_string())
        .set("PP_SIZE", &group.map_or(0, pp_size).to_string())
        .set("INTER_POLICY", if spread { "maximum" } else { "minimum" })
        .set(
            "MOUNT_POINT",
            fs.and_then(|fs| fs.mount.as_deref()).unwrap_or(""),
        )
        .set("LABEL", fs.map_or("", |fs| or_blank(&fs.label)))
        .set("MAPFILE", or_blank(&lv.map_file))
        .set("LV_MIN_LPS", &lv.min_extents.to_string());
    arrangement(&lv.kind, stanza);
}

fn arrangement(kind: &VolumeKind, stanza: &mut Stanza) {
    let mut striped = |stripes: u32, size: u64| {
        stanza
            .set("STRIPE_WIDTH", &stripes.to_string())
            .set("STRIPE_SIZE", &bytes(size));
    };
    match kind {
        VolumeKind::Linear => {}
        VolumeKind::Striped { stripes, size } => {
            striped(*stripes, *size);
            stanza.set("LX_LV_SEGTYPE", "striped");
        }
        VolumeKind::Mirrored { segment, .. } => {
            stanza.set("LX_LV_SEGTYPE", segment);
        }
        VolumeKind::ThinPool { chunk, metadata } => {
            stanza
                .set("LX_LV_SEGTYPE", "thin-pool")
                .set("LX_LV_CHUNK", &bytes(*chunk))
                .set("LX_LV_METADATA", &bytes(*metadata));
        }
        VolumeKind::Thin { pool } => {
            stanza.set("LX_LV_SEGTYPE", "thin").set("LX_LV_POOL", pool);
        }
        VolumeKind::Other {
            segment,
            stripes,
            size,
            ..
        } => {
            striped(*stripes, *size);
            stanza.set("LX_LV_SEGTYPE", segment);
        }
    }
}

/// A size with the largest unit that keeps it whole.
fn bytes(size: u64) -> String {
    match size {
        _ if size.is_multiple_of(MB) && size > 0 => format!("{}M", size / MB),
        _ if size.is_multiple_of(1024) && size > 0 => format!("{}K", size / 1024),
        _ => size.to_string(),
    }
}
