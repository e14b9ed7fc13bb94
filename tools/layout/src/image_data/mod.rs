//! `image.data`: the [`Model`] as stanzas.
//!
//! AIX's stanzas and fields keep AIX's meaning; what AIX has no word for
//! stands in stanzas that begin with `lx_` and fields that begin with `LX_`.
//! `docs/image-data.md` describes them all. A stanza or field with that prefix
//! that this version does not know describes something it could not restore:
//! it is refused by name. Everything else unknown is AIX's and is skipped.

mod read;
mod write;

use lifeboat_stanza::Document;

use crate::model::{Model, ModelError};

/// Bytes of the blocks that AIX counts file systems in.
const BLOCK: u64 = 512;

/// The fields of ours that each stanza may have.
const OWN_FIELDS: &[(&str, &[&str])] = &[
    ("source_disk_data", &["LX_SERIAL", "LX_WWID"]),
    (
        "lx_disk_data",
        &["LX_DISK", "LX_TABLE", "LX_DISK_GUID", "LX_SECTOR_SIZE"],
    ),
    (
        "lx_partition_data",
        &[
            "LX_DISK",
            "LX_PART_NUMBER",
            "LX_PART_TYPE",
            "LX_PART_SIZE",
            "LX_PART_NAME",
            "LX_PARTUUID",
        ],
    ),
    ("fs_data", FORMAT_FIELDS),
    ("lx_swap_data", FORMAT_FIELDS),
];

const FORMAT_FIELDS: &[&str] = &[
    "LX_FS_PARTITION",
    "LX_FS_TYPE",
    "LX_FS_UUID",
    "LX_FS_LABEL",
    "LX_FS_FEATURES",
    "LX_FS_BLOCK_SIZE",
    "LX_FS_INODE_SIZE",
    "LX_FS_INODE_RATIO",
    "LX_FS_RESERVED",
    "LX_MOUNT_OPTIONS",
    "LX_DUMP",
    "LX_PASS",
];

impl Model {
    /// Reads the model out of an `image.data` and checks it.
    ///
    /// # Errors
    /// [`ModelError`] with the first thing that is wrong or cannot be restored.
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
