//! Names for the devices of a model.

use std::fmt;
use std::str::FromStr;

/// A device of the model. As text, in `image.data`: `hdisk1`, `hdisk0:2`,
/// `lv:rootvg/hd4`, `md:boot`, `crypt:luks-home`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A whole disk.
    Disk(String),
    /// A plain partition.
    Partition {
        /// Name of the disk.
        disk: String,
        /// Number of the partition.
        number: u32,
    },
    /// A logical volume.
    Volume(VolumeId),
    /// An md array, by name.
    Array(String),
    /// What an encrypted device shows when it is open, by name.
    Crypt(String),
}

/// A logical volume by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VolumeId {
    /// Its volume group.
    pub group: String,
    /// Its name.
    pub name: String,
}

impl Place {
    /// A logical volume.
    #[must_use]
    pub fn volume(group: &str, name: &str) -> Self {
        Self::Volume(VolumeId {
            group: group.to_owned(),
            name: name.to_owned(),
        })
    }

    /// For a person: "partition 2 of hdisk0".
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Disk(disk) => format!("disk {disk}"),
            Self::Partition { disk, number } => format!("partition {number} of {disk}"),
            Self::Volume(volume) => format!("logical volume {}", volume.name),
            Self::Array(name) => format!("md array {name}"),
            Self::Crypt(name) => format!("encrypted device {name}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(disk) => f.write_str(disk),
            Self::Partition { disk, number } => write!(f, "{disk}:{number}"),
            Self::Volume(VolumeId { group, name }) => write!(f, "lv:{group}/{name}"),
            Self::Array(name) => write!(f, "md:{name}"),
            Self::Crypt(name) => write!(f, "crypt:{name}"),
        }
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = |name: &str| {
            let word = !name.is_empty() && !name.contains(char::is_whitespace);
            word.then(|| name.to_owned()).ok_or(())
        };
        match text.split_once(':') {
            None => named(text).map(Self::Disk),
            Some(("md", name)) => named(name).map(Self::Array),
            Some(("crypt", name)) => named(name).map(Self::Crypt),
            Some(("lv", volume)) => {
                let (group, name) = volume.split_once('/').ok_or(())?;
                Ok(Self::volume(&named(group)?, &named(name)?))
            }
            Some((disk, number)) => Ok(Self::Partition {
                disk: named(disk)?,
                number: number.parse().map_err(|_| ())?,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_text() {
        for text in [
            "hdisk1",
            "hdisk0:2",
            "lv:root-vg/hd4",
            "md:0",
            "crypt:luks-0b7a",
        ] {
            let place = text.parse::<Place>().map(|place| place.to_string());
            assert_eq!(place.as_deref(), Ok(text));
        }
        for text in ["", "md:", "lv:rootvg", "hdisk0:x", "two words", "lv:/x"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
