//! What a kernel module says about itself: its `.modinfo` section holds
//! NUL-separated `name=value` texts.
//!
//! Source: Linux `include/linux/moduleparam.h` (`__MODULE_INFO`).

use crate::elf::{self, ElfError};

/// The fields of one module that decide when it is loaded, and after what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModInfo {
    /// Modules whose symbols it uses, by name.
    pub depends: Vec<String>,
    /// Device patterns that it drives (`virtio:d00000002v*`).
    pub aliases: Vec<String>,
    /// Soft dependencies as written (`pre: crc32c`).
    pub softdeps: Vec<String>,
}

impl ModInfo {
    /// Reads the section out of a whole, uncompressed module.
    ///
    /// # Errors
    /// [`ElfError`] when the file is no module of a little-endian 64-bit kernel.
    pub fn of_module(bytes: &[u8]) -> Result<Self, ElfError> {
        let section = elf::section(bytes, ".modinfo")?;
        Ok(Self::parse(
            section.ok_or(ElfError::Outside(".modinfo section"))?,
        ))
    }

    /// Reads the section's text.
    pub fn parse(section: &[u8]) -> Self {
        let mut info = Self::default();
        for field in section.split(|&b| b == 0) {
            let field = String::from_utf8_lossy(field);
            match field.split_once('=') {
                Some(("depends", names)) => {
                    info.depends = names
                        .split(',')
                        .filter(|n| !n.is_empty())
                        .map(canonical)
                        .collect();
                }
                Some(("alias", pattern)) => info.aliases.push(pattern.to_owned()),
                Some(("softdep", text)) => info.softdeps.push(text.trim().to_owned()),
                _ => {}
            }
        }
        info
    }

    /// The modules of its soft dependencies, without `pre:` and `post:`.
    pub fn soft_names(&self) -> impl Iterator<Item = String> {
        let words = self
            .softdeps
            .iter()
            .flat_map(|text| text.split_whitespace());
        words.filter(|word| !word.ends_with(':')).map(canonical)
    }
}

/// A module's name: `-` and `_` are the same to the kernel.
pub fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_names_made_canonical() {
        let section = b"license=GPL\0depends=dm-mod,crc_itu_t\0alias=pci:v1*\0alias=pci:v2*\0softdep=pre: crc32c post: dm-log\0";
        let info = ModInfo::parse(section);
        assert_eq!(info.depends, ["dm_mod", "crc_itu_t"]);
        assert_eq!(info.aliases, ["pci:v1*", "pci:v2*"]);
        assert_eq!(info.soft_names().collect::<Vec<_>>(), ["crc32c", "dm_log"]);
    }

    #[test]
    fn no_dependencies_is_an_empty_list() {
        assert_eq!(ModInfo::parse(b"depends=\0"), ModInfo::default());
    }
}
