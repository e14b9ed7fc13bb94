//! File systems and swap.

use lifeboat_stanza::{Document, Stanza};

use super::{BLOCK, or_blank, places, yes_no};
use crate::model::{FileSystem, Format, Model, Place, Subvolume};

pub(super) fn file_system(model: &Model, fs: &FileSystem, document: &mut Document) {
    let swap = matches!(fs.format, Format::Swap(_));
    let stanza = document.add(if swap { "lx_swap_data" } else { "fs_data" });
    if !swap {
        stanza.set("FS_NAME", or_blank(&fs.mount));
    }
    stanza
        .set("FS_SIZE", &(fs.size / BLOCK).to_string())
        .set("FS_MIN_SIZE", &fs.min_size.div_ceil(BLOCK).to_string());
    let own = |group: &String| model.group.as_ref().is_some_and(|own| own.name == *group);
    match &fs.place {
        Place::Volume(id) if own(&id.group) => stanza.set("FS_LV", &format!("/dev/{}", id.name)),
        Place::Volume(id) => stanza.set("FS_LV", &format!("/dev/{}/{}", id.group, id.name)),
        Place::Partition { .. } => stanza.set("LX_FS_PARTITION", &fs.place.to_string()),
        _ => stanza.set("LX_FS_DEVICE", &fs.place.to_string()),
    };
    if !swap {
        stanza.set("LX_FS_TYPE", fs.format.name());
    }
    stanza
        .set("LX_FS_UUID", &fs.uuid)
        .set("LX_FS_LABEL", or_blank(&fs.label));
    format_fields(&fs.format, stanza);
    stanza
        .set("LX_MOUNT_OPTIONS", &fs.options)
        .set("LX_DUMP", &fs.dump.to_string())
        .set("LX_PASS", &fs.pass.to_string());
    if let Format::Btrfs(btrfs) = &fs.format {
        for subvolume in &btrfs.subvolumes {
            subvolume_fields(fs, subvolume, document.add("lx_subvol_data"));
        }
    }
}

fn subvolume_fields(fs: &FileSystem, subvolume: &Subvolume, stanza: &mut Stanza) {
    stanza
        .set("LX_FS_UUID", &fs.uuid)
        .set("LX_SUBVOL_PATH", &subvolume.path)
        .set("LX_SUBVOL_MOUNT", or_blank(&subvolume.mount))
        .set("LX_SUBVOL_DEFAULT", yes_no(subvolume.default))
        .set("LX_SUBVOL_READ_ONLY", yes_no(subvolume.read_only))
        .set("LX_MOUNT_OPTIONS", &subvolume.options)
        .set("LX_DUMP", &subvolume.dump.to_string())
        .set("LX_PASS", &subvolume.pass.to_string());
}

fn format_fields(format: &Format, stanza: &mut Stanza) {
    match format {
        Format::Ext(ext) => stanza
            .set("LX_FS_FEATURES", &ext.features.join(" "))
            .set("LX_FS_BLOCK_SIZE", &ext.block.to_string())
            .set("LX_FS_INODE_SIZE", &ext.inode.to_string())
            .set("LX_FS_INODE_RATIO", &ext.inode_ratio.to_string())
            .set("LX_FS_RESERVED", &ext.reserved.to_string()),
        Format::Xfs(xfs) => {
            let words: Vec<String> = xfs
                .features
                .iter()
                .map(|(key, n)| format!("{key}={n}"))
                .collect();
            stanza
                .set("LX_FS_FEATURES", &words.join(" "))
                .set("LX_FS_BLOCK_SIZE", &xfs.block.to_string())
                .set("LX_FS_INODE_SIZE", &xfs.inode.to_string())
        }
        Format::Btrfs(btrfs) => stanza
            .set("LX_FS_FEATURES", &btrfs.features.join(" "))
            .set("LX_FS_BLOCK_SIZE", &btrfs.sector.to_string())
            .set("LX_FS_NODE_SIZE", &btrfs.node.to_string())
            .set("LX_FS_CHECKSUM", &btrfs.checksum)
            .set("LX_FS_DATA", &btrfs.data)
            .set("LX_FS_METADATA", &btrfs.metadata)
            .set("LX_FS_MORE_DEVICES", &places(&btrfs.more)),
        Format::Other(_) => stanza,
        Format::Vfat(fat) => stanza.set("LX_FS_FEATURES", &format!("fat={}", fat.bits)),
        Format::Swap(swap) => stanza.set("LX_FS_BLOCK_SIZE", &swap.page.to_string()),
    };
}
