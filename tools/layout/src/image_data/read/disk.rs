//! Disks and partitions.

use lifeboat_stanza::{Document, Stanza};

use super::{BLOCK, MB, Read, optional_size, required_number, sector, size, text};
use crate::guid::Guid;
use crate::model::{Model, ModelError, Partition, PartitionKind, Role, SourceDisk, Table};

pub(super) fn disk(document: &Document, own: &Stanza) -> Read<SourceDisk> {
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
        "dos" => Table::Mbr(own.required_value(
            "LX_DISK_ID",
            "eight hexadecimal digits",
            |value| u32::from_str_radix(value, 16).ok(),
        )?),
        "none" => Table::None,
        other => {
            return Err(ModelError::Unsupported(format!(
                "a partition table of type {other} on {name}"
            )));
        }
    };
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
        sector: sector(own, "LX_SECTOR_SIZE")?,
    })
}

pub(super) fn partition(model: &Model, stanza: &Stanza) -> Read<Partition> {
    let disk = stanza.required("LX_DISK")?.to_owned();
    let number = required_number(stanza, "LX_PART_NUMBER")?;
    let role = match stanza.required("LX_PART_TYPE")? {
        "prep" => Role::Prep,
        "lvm" => Role::Lvm,
        "fs" => Role::Fs,
        "swap" => Role::Swap,
        "raid" => Role::Raid,
        "crypt" => Role::Crypt,
        "extended" => Role::Extended,
        "other" => Role::Other,
        other => {
            let what = format!("partition {number} of {disk} of type {other}");
            return Err(ModelError::Unsupported(what));
        }
    };
    let in_gpt = |known: &&SourceDisk| known.name == disk && matches!(known.table, Table::Gpt(_));
    let uuid = if model.disks.iter().any(|known| in_gpt(&known)) {
        Some(stanza.required_value("LX_PARTUUID", "a GUID", |value| value.parse().ok())?)
    } else {
        stanza.value("LX_PARTUUID", "a GUID", |value| value.parse().ok())?
    };
    Ok(Partition {
        number,
        role,
        start: optional_size(stanza, "LX_PART_START", BLOCK)?,
        size: size(stanza, "LX_PART_SIZE", BLOCK)?,
        name: text(stanza, "LX_PART_NAME")?.unwrap_or_default(),
        uuid,
        kind: stanza.value("LX_PART_KIND", "a GUID or a number like 0x83", kind)?,
        flags: stanza
            .value("LX_PART_FLAGS", "a number like 0x80", |value| {
                u64::from_str_radix(value.strip_prefix("0x")?, 16).ok()
            })?
            .unwrap_or(0),
        disk,
    })
}

fn kind(value: &str) -> Option<PartitionKind> {
    match value.strip_prefix("0x") {
        Some(byte) => u8::from_str_radix(byte, 16).ok().map(PartitionKind::Mbr),
        None => value.parse().ok().map(PartitionKind::Gpt),
    }
}
