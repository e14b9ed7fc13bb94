//! What stands between partitions and file systems.

use lifeboat_stanza::Stanza;

use super::{
    BLOCK, Read, number, optional_size, place, places, required_number, size, text, words,
};
use crate::model::{Array, Crypt, Model, ModelError, PhysicalVolume, Place, Role, Table};

pub(super) fn array(stanza: &Stanza) -> Read<Array> {
    Ok(Array {
        name: stanza.required("LX_MD_NAME")?.to_owned(),
        level: stanza.required("LX_MD_LEVEL")?.to_owned(),
        metadata: stanza.required("LX_MD_METADATA")?.to_owned(),
        uuid: text(stanza, "LX_MD_UUID")?,
        label: text(stanza, "LX_MD_LABEL")?,
        size: size(stanza, "LX_MD_SIZE", BLOCK)?,
        width: required_number(stanza, "LX_MD_WIDTH")?,
        members: places(stanza, "LX_MD_MEMBERS")?,
        spares: places(stanza, "LX_MD_SPARES")?,
        chunk: optional_size(stanza, "LX_MD_CHUNK", 1)?.unwrap_or(0),
        layout: text(stanza, "LX_MD_LAYOUT")?,
        bitmap: text(stanza, "LX_MD_BITMAP")?,
    })
}

pub(super) fn crypt(stanza: &Stanza) -> Read<Crypt> {
    Ok(Crypt {
        name: stanza.required("LX_CRYPT_NAME")?.to_owned(),
        place: place(stanza, "LX_CRYPT_DEVICE")?,
        version: stanza.required_value("LX_CRYPT_VERSION", "1, 2", |value| {
            value
                .parse()
                .ok()
                .filter(|version| [1, 2].contains(version))
        })?,
        uuid: stanza.required("LX_CRYPT_UUID")?.to_owned(),
        label: text(stanza, "LX_CRYPT_LABEL")?,
        subsystem: text(stanza, "LX_CRYPT_SUBSYSTEM")?,
        cipher: stanza.required("LX_CRYPT_CIPHER")?.to_owned(),
        key_bits: required_number(stanza, "LX_CRYPT_KEY_BITS")?,
        hash: text(stanza, "LX_CRYPT_HASH")?,
        sector: required_number(stanza, "LX_CRYPT_SECTOR_SIZE")?,
        offset: optional_size(stanza, "LX_CRYPT_OFFSET", BLOCK)?.unwrap_or(0),
        size: size(stanza, "LX_CRYPT_SIZE", BLOCK)?,
        pbkdf: text(stanza, "LX_CRYPT_PBKDF")?,
        cost: text(stanza, "LX_CRYPT_COST")?,
        flags: words(stanza, "LX_CRYPT_FLAGS")?,
        key_slots: number(stanza, "LX_CRYPT_KEY_SLOTS")?.unwrap_or(0),
        tokens: words(stanza, "LX_CRYPT_TOKENS")?,
        integrity: text(stanza, "LX_CRYPT_INTEGRITY")?,
        key_file: text(stanza, "LX_CRYPT_KEY_FILE")?,
        options: text(stanza, "LX_CRYPT_OPTIONS")?,
    })
}

pub(super) fn physical_volume(stanza: &Stanza) -> Read<PhysicalVolume> {
    Ok(PhysicalVolume {
        place: place(stanza, "LX_PV_DEVICE")?,
        group: text(stanza, "LX_PV_GROUP")?,
        uuid: text(stanza, "LX_PV_UUID")?,
    })
}

/// A partition of type `lvm`, and a disk without a table that nothing else
/// uses, belong to the group of `vg_data` without a word.
pub(super) fn plain_physical_volumes(model: &mut Model) -> Read<()> {
    let partitions = model.partitions.iter().filter(|p| p.role == Role::Lvm);
    let disks = model.disks.iter().filter(|d| d.table == Table::None);
    let places = partitions
        .map(|p| (p.place(), p.disk.clone()))
        .chain(disks.map(|d| (Place::Disk(d.name.clone()), d.name.clone())));
    let mut plain = Vec::new();
    for (place, disk) in places.filter(|(place, _)| !model.uses(place)) {
        let Some(group) = &model.group else {
            return Err(ModelError::Dangling {
                what: place.describe(),
                to: "a volume group".to_owned(),
            });
        };
        let pvid = model.disks.iter().find(|d| d.name == disk);
        plain.push(PhysicalVolume {
            place,
            group: Some(group.name.clone()),
            uuid: pvid.and_then(|d| d.pvid.clone()),
        });
    }
    model.physical_volumes.append(&mut plain);
    model.physical_volumes.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(())
}
