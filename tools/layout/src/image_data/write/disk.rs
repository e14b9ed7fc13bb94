//! Disks and partitions.

use lifeboat_stanza::Stanza;

use super::{BLOCK, MB, or_blank};
use crate::model::{Partition, PartitionKind, Role, SourceDisk, Table};

pub(super) fn source(disk: &SourceDisk, stanza: &mut Stanza) {
    stanza
        .set("PVID", or_blank(&disk.pvid))
        .set("PHYSICAL_LOCATION", or_blank(&disk.physical_location))
        .set("CONNECTION", or_blank(&disk.connection))
        .set("LOCATION", or_blank(&disk.location))
        .set("SIZE_MB", &(disk.size / MB).to_string())
        .set("HDISKNAME", &disk.name)
        .set("LX_SERIAL", or_blank(&disk.serial))
        .set("LX_WWID", or_blank(&disk.wwid));
}

pub(super) fn own(disk: &SourceDisk, stanza: &mut Stanza) {
    stanza.set("LX_DISK", &disk.name);
    match disk.table {
        Table::Gpt(guid) => stanza
            .set("LX_TABLE", "gpt")
            .set("LX_DISK_GUID", &guid.to_string()),
        Table::Mbr(id) => stanza
            .set("LX_TABLE", "dos")
            .set("LX_DISK_ID", &format!("{id:08x}")),
        Table::None => stanza.set("LX_TABLE", "none"),
    };
    stanza.set("LX_SECTOR_SIZE", &disk.sector.to_string());
}

pub(super) fn partition(partition: &Partition, stanza: &mut Stanza) {
    let role = match partition.role {
        Role::Prep => "prep",
        Role::Lvm => "lvm",
        Role::Fs => "fs",
        Role::Swap => "swap",
        Role::Raid => "raid",
        Role::Crypt => "crypt",
        Role::Extended => "extended",
        Role::Other => "other",
    };
    stanza
        .set("LX_DISK", &partition.disk)
        .set("LX_PART_NUMBER", &partition.number.to_string())
        .set("LX_PART_TYPE", role);
    if let Some(start) = partition.start {
        stanza.set("LX_PART_START", &(start / BLOCK).to_string());
    }
    stanza
        .set("LX_PART_SIZE", &(partition.size / BLOCK).to_string())
        .set("LX_PART_NAME", &partition.name);
    if let Some(uuid) = partition.uuid {
        stanza.set("LX_PARTUUID", &uuid.to_string());
    }
    match partition.kind {
        Some(PartitionKind::Gpt(kind)) => {
            stanza.set("LX_PART_KIND", &kind.to_string());
        }
        Some(PartitionKind::Mbr(kind)) => {
            stanza.set("LX_PART_KIND", &format!("{kind:#04x}"));
        }
        None => {}
    }
    if partition.flags != 0 {
        stanza.set("LX_PART_FLAGS", &format!("{:#x}", partition.flags));
    }
}
