//! `image.data`: the [`Model`] as stanzas.
//!
//! AIX's stanzas and fields keep AIX's meaning; what AIX has no word for
//! stands in stanzas that begin with `lx_` and fields that begin with `LX_`.
//! `docs/image-data.md` describes them all. A stanza or field with that prefix
//! that this version does not know describes something it could not restore:
//! it is refused by name. Everything else unknown is AIX's and is skipped.
//! More is known than can be restored: see [`Model::check_system`].

mod read;
mod write;

use lifeboat_stanza::Document;

use crate::model::{Model, ModelError};

/// Bytes of the blocks that AIX counts file systems in.
const BLOCK: u64 = 512;

/// The fields of ours that each stanza may have.
const OWN_FIELDS: &[(&str, &[&str])] = &[
    ("image_data", &["LX_PARTITION_UUID"]),
    (
        "lx_net_data",
        &[
            "LX_NET_NAME",
            "LX_NET_MAC",
            "LX_NET_DRIVER",
            "LX_NET_LOCATION",
            "LX_NET_MODALIAS",
        ],
    ),
    ("vg_data", &["LX_VG_UUID", "LX_EXTENT_SIZE"]),
    ("lx_vg_data", &["LX_VG_UUID", "LX_EXTENT_SIZE"]),
    (
        "lx_user_vg_data",
        &["LX_VG_NAME", "LX_VG_UUID", "LX_VG_DISKS"],
    ),
    ("source_disk_data", &["LX_SERIAL", "LX_WWID"]),
    (
        "lx_disk_data",
        &[
            "LX_DISK",
            "LX_TABLE",
            "LX_DISK_GUID",
            "LX_DISK_ID",
            "LX_SECTOR_SIZE",
        ],
    ),
    (
        "lx_partition_data",
        &[
            "LX_DISK",
            "LX_PART_NUMBER",
            "LX_PART_TYPE",
            "LX_PART_START",
            "LX_PART_SIZE",
            "LX_PART_NAME",
            "LX_PARTUUID",
            "LX_PART_KIND",
            "LX_PART_FLAGS",
        ],
    ),
    (
        "lx_md_data",
        &[
            "LX_MD_NAME",
            "LX_MD_LEVEL",
            "LX_MD_METADATA",
            "LX_MD_UUID",
            "LX_MD_LABEL",
            "LX_MD_SIZE",
            "LX_MD_WIDTH",
            "LX_MD_MEMBERS",
            "LX_MD_SPARES",
            "LX_MD_CHUNK",
            "LX_MD_LAYOUT",
            "LX_MD_BITMAP",
        ],
    ),
    (
        "lx_crypt_data",
        &[
            "LX_CRYPT_NAME",
            "LX_CRYPT_DEVICE",
            "LX_CRYPT_VERSION",
            "LX_CRYPT_UUID",
            "LX_CRYPT_LABEL",
            "LX_CRYPT_SUBSYSTEM",
            "LX_CRYPT_CIPHER",
            "LX_CRYPT_KEY_BITS",
            "LX_CRYPT_HASH",
            "LX_CRYPT_SECTOR_SIZE",
            "LX_CRYPT_OFFSET",
            "LX_CRYPT_SIZE",
            "LX_CRYPT_PBKDF",
            "LX_CRYPT_COST",
            "LX_CRYPT_FLAGS",
            "LX_CRYPT_KEY_SLOTS",
            "LX_CRYPT_TOKENS",
            "LX_CRYPT_INTEGRITY",
            "LX_CRYPT_KEY_FILE",
            "LX_CRYPT_OPTIONS",
        ],
    ),
    ("lx_pv_data", &["LX_PV_DEVICE", "LX_PV_GROUP", "LX_PV_UUID"]),
    (
        "lv_data",
        &[
            "LX_LV_SEGTYPE",
            "LX_LV_POOL",
            "LX_LV_CHUNK",
            "LX_LV_METADATA",
        ],
    ),
    ("fs_data", FORMAT_FIELDS),
    ("lx_swap_data", FORMAT_FIELDS),
    (
        "lx_subvol_data",
        &[
            "LX_FS_UUID",
            "LX_SUBVOL_PATH",
            "LX_SUBVOL_MOUNT",
            "LX_SUBVOL_DEFAULT",
            "LX_SUBVOL_READ_ONLY",
            "LX_MOUNT_OPTIONS",
            "LX_DUMP",
            "LX_PASS",
        ],
    ),
    ("lx_unknown_data", &["LX_WHAT"]),
];

const FORMAT_FIELDS: &[&str] = &[
    "LX_FS_PARTITION",
    "LX_FS_DEVICE",
    "LX_FS_TYPE",
    "LX_FS_UUID",
    "LX_FS_LABEL",
    "LX_FS_FEATURES",
    "LX_FS_BLOCK_SIZE",
    "LX_FS_INODE_SIZE",
    "LX_FS_INODE_RATIO",
    "LX_FS_RESERVED",
    "LX_FS_NODE_SIZE",
    "LX_FS_CHECKSUM",
    "LX_FS_DATA",
    "LX_FS_METADATA",
    "LX_FS_MORE_DEVICES",
    "LX_MOUNT_OPTIONS",
    "LX_DUMP",
    "LX_PASS",
];

impl Model {
    /// Reads the model out of an `image.data` and checks it.
    ///
    /// # Errors
    /// [`ModelError`] with the first thing that is wrong or not known.
    pub fn from_document(document: &Document) -> Result<Self, ModelError> {
        refuse_unknown(document)?;
        let model = read::model(document)?;
        model.check()?;
        Ok(model)
    }

    /// Reads the model of a volume group on its own out of a `VG.data` and checks it.
    ///
    /// # Errors
    /// As [`from_document`](Self::from_document).
    pub fn from_group_document(document: &Document) -> Result<Self, ModelError> {
        refuse_unknown(document)?;
        let model = read::model(document)?;
        model.check_group()?;
        Ok(model)
    }

    /// Writes the model as a new `image.data`.
    #[must_use]
    pub fn to_document(&self) -> Document {
        write::document(self)
    }
}

fn refuse_unknown(document: &Document) -> Result<(), ModelError> {
    for stanza in document.stanzas() {
        let known = OWN_FIELDS
            .iter()
            .find(|(name, _)| *name == stanza.name())
            .map(|(_, fields)| *fields);
        if stanza.name().starts_with("lx_") && known.is_none() {
            let what = format!(
                "what line {} of image.data calls {}",
                stanza.line(),
                stanza.name()
            );
            return Err(ModelError::Unsupported(what));
        }
        let fields = known.unwrap_or_default();
        let strange = stanza.fields().find(|(name, value)| {
            name.starts_with("LX_") && !value.is_empty() && !fields.contains(name)
        });
        if let Some((name, value)) = strange {
            let what = format!(
                "{name}= {value} ({}, line {})",
                stanza.name(),
                stanza.line()
            );
            return Err(ModelError::Unsupported(what));
        }
    }
    Ok(())
}
