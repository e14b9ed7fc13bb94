//! What stands between partitions and file systems.

use lifeboat_stanza::Stanza;

use super::{BLOCK, or_blank, places};
use crate::model::{Array, Crypt, Model, PhysicalVolume, Place, Role, Table};

pub(super) fn array(array: &Array, stanza: &mut Stanza) {
    stanza
        .set("LX_MD_NAME", &array.name)
        .set("LX_MD_LEVEL", &array.level)
        .set("LX_MD_METADATA", &array.metadata)
        .set("LX_MD_UUID", or_blank(&array.uuid))
        .set("LX_MD_LABEL", or_blank(&array.label))
        .set("LX_MD_SIZE", &(array.size / BLOCK).to_string())
        .set("LX_MD_WIDTH", &array.width.to_string())
        .set("LX_MD_MEMBERS", &places(&array.members))
        .set("LX_MD_SPARES", &places(&array.spares));
    if array.chunk > 0 {
        stanza.set("LX_MD_CHUNK", &array.chunk.to_string());
    }
    stanza
        .set("LX_MD_LAYOUT", or_blank(&array.layout))
        .set("LX_MD_BITMAP", or_blank(&array.bitmap));
}

pub(super) fn crypt(crypt: &Crypt, stanza: &mut Stanza) {
    stanza
        .set("LX_CRYPT_NAME", &crypt.name)
        .set("LX_CRYPT_DEVICE", &crypt.place.to_string())
        .set("LX_CRYPT_VERSION", &crypt.version.to_string())
        .set("LX_CRYPT_UUID", &crypt.uuid)
        .set("LX_CRYPT_LABEL", or_blank(&crypt.label))
        .set("LX_CRYPT_SUBSYSTEM", or_blank(&crypt.subsystem))
        .set("LX_CRYPT_CIPHER", &crypt.cipher)
        .set("LX_CRYPT_KEY_BITS", &crypt.key_bits.to_string())
        .set("LX_CRYPT_HASH", or_blank(&crypt.hash))
        .set("LX_CRYPT_SECTOR_SIZE", &crypt.sector.to_string())
        .set("LX_CRYPT_OFFSET", &(crypt.offset / BLOCK).to_string())
        .set("LX_CRYPT_SIZE", &(crypt.size / BLOCK).to_string())
        .set("LX_CRYPT_PBKDF", or_blank(&crypt.pbkdf))
        .set("LX_CRYPT_COST", or_blank(&crypt.cost))
        .set("LX_CRYPT_FLAGS", &crypt.flags.join(" "))
        .set("LX_CRYPT_KEY_SLOTS", &crypt.key_slots.to_string())
        .set("LX_CRYPT_TOKENS", &crypt.tokens.join(" "))
        .set("LX_CRYPT_INTEGRITY", or_blank(&crypt.integrity))
        .set("LX_CRYPT_KEY_FILE", or_blank(&crypt.key_file))
        .set("LX_CRYPT_OPTIONS", or_blank(&crypt.options));
}

pub(super) fn physical_volume(physical: &PhysicalVolume, stanza: &mut Stanza) {
    stanza
        .set("LX_PV_DEVICE", &physical.place.to_string())
        .set("LX_PV_GROUP", or_blank(&physical.group))
        .set("LX_PV_UUID", or_blank(&physical.uuid));
}

/// Whether the other stanzas say it already: one of the group of `vg_data`, on
/// a partition of type `lvm` or a disk without a table, with the disk's PVID.
pub(super) fn is_plain(model: &Model, physical: &PhysicalVolume) -> bool {
    let ours = physical.group.is_some()
        && physical.group.as_ref() == model.group.as_ref().map(|g| &g.name);
    let disk = match &physical.place {
        Place::Partition { disk, .. } => model
            .partitions
            .iter()
            .any(|p| p.place() == physical.place && p.role == Role::Lvm)
            .then_some(disk),
        Place::Disk(disk) => model
            .disks
            .iter()
            .any(|d| d.name == *disk && d.table == Table::None)
            .then_some(disk),
        _ => None,
    };
    let known = disk.and_then(|name| model.disks.iter().find(|d| d.name == *name));
    ours && known.is_some_and(|d| d.pvid == physical.uuid)
}
