//! [`Model`] to stanzas.

use lifeboat_stanza::{Document, Stanza, Style};

use super::BLOCK;
use crate::model::{FileSystem, Format, LogicalVolume, Model, Place, Role, SourceDisk, Table};
use crate::size::MB;

pub(super) fn document(model: &Model) -> Document {
    let mut document = Document::new(Style::ImageData);
    document.comment("image.data: how the disks of this system are laid out");
    head(model, &mut document);
    for disk in &model.disks {
        source_disk(disk, document.add("source_disk_data"));
        own_disk(disk, document.add("lx_disk_data"));
    }
    for partition in &model.partitions {
        let role = match partition.role {
            Role::Prep => "prep",
            Role::Lvm => "lvm",
            Role::Fs => "fs",
            Role::Swap => "swap",
        };
        document
            .add("lx_partition_data")
            .set("LX_DISK", &partition.disk)
            .set("LX_PART_NUMBER", &partition.number.to_string())
            .set("LX_PART_TYPE", role)
            .set("LX_PART_SIZE", &(partition.size / BLOCK).to_string())
            .set("LX_PART_NAME", &partition.name)
            .set("LX_PARTUUID", &partition.uuid.to_string());
    }
    for lv in &model.volumes {
        volume(model, lv, document.add("lv_data"));
    }
    for fs in &model.file_systems {
        let name = if fs.mount.is_some() {
            "fs_data"
        } else {
            "lx_swap_data"
        };
        file_system(fs, document.add(name));
    }
    document
}

fn head(model: &Model, document: &mut Document) {
    let source = &model.source;
    let or_blank = |text: &Option<String>| text.clone().unwrap_or_default();
    document
        .add("image_data")
        .set("IMAGE_TYPE", "pax")
        .set("DATE_TIME", &or_blank(&source.date))
        .set("UNAME_INFO", &or_blank(&source.uname))
        .set("PRODUCT_TAPE", "no")
        .set("PLATFORM", "chrp")
        .set("OSLEVEL", &or_blank(&source.os_level))
        .set("CPU_ID", &or_blank(&source.cpu_id));
    let yes_no = |yes| if yes { "yes" } else { "no" };
    document
        .add("logical_volume_policy")
        .set("SHRINK", yes_no(model.policy.shrink))
        .set("EXACT_FIT", yes_no(model.policy.exact_fit));
    if let Some(group) = &model.group {
        let disks: Vec<&str> = model.disks.iter().map(|d| d.name.as_str()).collect();
        document
            .add("vg_data")
            .set("VGNAME", &group.name)
            .set("PPSIZE", &(group.extent / MB).to_string())
            .set("VARYON", "yes")
            .set("VG_SOURCE_DISK_LIST", &disks.join(" "));
    }
}

fn source_disk(disk: &SourceDisk, stanza: &mut Stanza) {
    let or_blank = |text: &Option<String>| text.clone().unwrap_or_default();
    stanza
        .set("PVID", &or_blank(&disk.pvid))
        .set("PHYSICAL_LOCATION", &or_blank(&disk.physical_location))
        .set("CONNECTION", &or_blank(&disk.connection))
        .set("LOCATION", &or_blank(&disk.location))
        .set("SIZE_MB", &(disk.size / MB).to_string())
        .set("HDISKNAME", &disk.name)
        .set("LX_SERIAL", &or_blank(&disk.serial))
        .set("LX_WWID", &or_blank(&disk.wwid));
}

fn own_disk(disk: &SourceDisk, stanza: &mut Stanza) {
    stanza.set("LX_DISK", &disk.name);
    match disk.table {
        Table::Gpt(guid) => stanza
            .set("LX_TABLE", "gpt")
            .set("LX_DISK_GUID", &guid.to_string()),
        Table::None => stanza.set("LX_TABLE", "none"),
    };
    stanza.set("LX_SECTOR_SIZE", &disk.sector.to_string());
}

fn volume(model: &Model, lv: &LogicalVolume, stanza: &mut Stanza) {
    let group = model.group.as_ref();
    let disks: Vec<&str> = model.disks.iter().map(|d| d.name.as_str()).collect();
    let fs = model.on_volume(&lv.name);
    let kind = match fs.map(|fs| &fs.format) {
        Some(Format::Swap(_)) => "paging",
        Some(format) => format.name(),
        None => "",
    };
    stanza
        .set("VOLUME_GROUP", group.map_or("", |g| &g.name))
        .set("LV_SOURCE_DISK_LIST", &disks.join(" "))
        .set("LOGICAL_VOLUME", &lv.name)
        .set("TYPE", kind)
        .set("COPIES", "1")
        .set("LPs", &lv.extents.to_string())
        .set("PP", &lv.extents.to_string())
        .set("PP_SIZE", &group.map_or(0, |g| g.extent / MB).to_string())
        .set(
            "MOUNT_POINT",
            fs.and_then(|fs| fs.mount.as_deref()).unwrap_or(""),
        )
        .set("LV_MIN_LPS", &lv.min_extents.to_string());
}

fn file_system(fs: &FileSystem, stanza: &mut Stanza) {
    if let Some(mount) = &fs.mount {
        stanza.set("FS_NAME", mount);
    }
    stanza
        .set("FS_SIZE", &(fs.size / BLOCK).to_string())
        .set("FS_MIN_SIZE", &fs.min_size.div_ceil(BLOCK).to_string());
    match &fs.place {
        Place::Volume(name) => stanza.set("FS_LV", &format!("/dev/{name}")),
        Place::Partition { disk, number } => {
            stanza.set("LX_FS_PARTITION", &format!("{disk}:{number}"))
        }
    };
    if fs.mount.is_some() {
        stanza.set("LX_FS_TYPE", fs.format.name());
    }
    stanza
        .set("LX_FS_UUID", &fs.uuid)
        .set("LX_FS_LABEL", fs.label.as_deref().unwrap_or(""));
    format_fields(&fs.format, stanza);
    stanza
        .set("LX_MOUNT_OPTIONS", &fs.options)
        .set("LX_DUMP", &fs.dump.to_string())
        .set("LX_PASS", &fs.pass.to_string());
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
        Format::Vfat(fat) => stanza.set("LX_FS_FEATURES", &format!("fat={}", fat.bits)),
        Format::Swap(swap) => stanza.set("LX_FS_BLOCK_SIZE", &swap.page.to_string()),
    };
}
