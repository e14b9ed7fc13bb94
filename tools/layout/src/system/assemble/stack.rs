//! md arrays and encrypted devices.

use std::collections::BTreeMap;

use super::Assembly;
use crate::luks::{self, Header};
use crate::model::{Array, Crypt, Place};
use crate::system::blocks::{Block, Kind};
use crate::system::error::SystemError;
use crate::system::facts::LUKS;
use crate::system::finding::Concern;

impl Assembly<'_, '_> {
    pub(super) fn arrays(&mut self) -> Result<(), SystemError> {
        let arrays: Vec<&Block> = self.covered().filter(|b| b.kind == Kind::Array).collect();
        for block in arrays {
            if let Some(Place::Array(name)) = self.facts.place(block) {
                let array = self.array(block, &name)?;
                self.model().arrays.push(array);
            }
        }
        Ok(())
    }

    fn array(&mut self, block: &Block, name: &str) -> Result<Array, SystemError> {
        let host = self.facts.host;
        let node = block.node();
        let what = || format!("the md array {name}");
        let export = host
            .run("mdadm", &["--detail", "--export", &node])
            .map_err(|source| SystemError::Tool {
                what: what(),
                source,
            })?;
        let export = Export::parse(&export).ok_or_else(|| SystemError::Strange {
            teller: "mdadm",
            what: what(),
        })?;
        let base = format!("/sys/block/{}/md", block.name);
        let number = |file: &str| host.number(&format!("{base}/{file}"));
        let (mut members, mut spares) = (Vec::new(), Vec::new());
        for (role, device) in &export.devices {
            let lower = self.facts.blocks.at(host, device);
            match lower.and_then(|lower| self.facts.place(lower)) {
                Some(place) if role == "spare" => spares.push(place),
                Some(place) => members.push((role.parse::<u32>().unwrap_or(u32::MAX), place)),
                None => {
                    let what = format!("a member of the md array {name} on {device}");
                    self.model().unknown.push(what);
                }
            }
        }
        members.sort();
        if members.len() < usize::try_from(export.width).unwrap_or(usize::MAX) {
            self.system
                .concerns
                .push(Concern::Degraded(name.to_owned()));
        }
        let bitmap = host.text(&format!("{base}/bitmap/location"));
        Ok(Array {
            name: name.to_owned(),
            layout: layout(&export.level, number("layout").unwrap_or(0)),
            level: export.level,
            metadata: export.metadata,
            uuid: export.uuid,
            label: export.label,
            size: block.size,
            width: export.width,
            members: members.into_iter().map(|(_, place)| place).collect(),
            spares,
            chunk: number("chunk_size").unwrap_or(0),
            bitmap: match bitmap.as_deref() {
                None | Some("none" | "") => None,
                Some("file") => Some("file".to_owned()),
                Some(_) => Some("internal".to_owned()),
            },
        })
    }

    pub(super) fn crypts(&mut self) -> Result<(), SystemError> {
        let open: Vec<&Block> = self
            .covered()
            .filter(|block| block.mapper_uuid(LUKS).is_some())
            .collect();
        for block in open {
            let lower = self.facts.blocks.below(block).first().copied();
            let place = lower.and_then(|lower| self.facts.place(lower));
            let (Some(Place::Crypt(name)), Some(lower), Some(place)) =
                (self.facts.place(block), lower, place)
            else {
                let what = format!("the encrypted device {}", block.node());
                self.model().unknown.push(what);
                continue;
            };
            let crypt = self.crypt(block, &name, lower, place)?;
            self.model().crypts.push(crypt);
        }
        Ok(())
    }

    fn crypt(
        &mut self,
        block: &Block,
        name: &str,
        lower: &Block,
        place: Place,
    ) -> Result<Crypt, SystemError> {
        let found = luks::parse(&self.facts.head(lower, luks::HEAD)?);
        if found.is_none() {
            let what = format!("the encrypted device {name}, whose header is not on it");
            self.model().unknown.push(what);
        }
        let header = found.unwrap_or_else(|| Header {
            version: if block.mapper_uuid("CRYPT-LUKS1").is_some() {
                1
            } else {
                2
            },
            uuid: "unknown".to_owned(),
            cipher: "unknown".to_owned(),
            sector: 512,
            ..Header::default()
        });
        let crypttab = self.facts.host.read("/etc/crypttab").unwrap_or_default();
        let crypttab = String::from_utf8_lossy(&crypttab);
        let mut rows = crypttab.lines().map(|line| line.split_whitespace());
        let row: Vec<&str> = rows
            .find(|row| row.clone().next() == Some(name))
            .map(Iterator::collect)
            .unwrap_or_default();
        let field = |index: usize| row.get(index).map(|field| (*field).to_owned());
        Ok(Crypt {
            name: name.to_owned(),
            place,
            version: header.version,
            uuid: header.uuid,
            label: header.label,
            subsystem: header.subsystem,
            cipher: header.cipher,
            key_bits: header.key_bits,
            hash: header.hash,
            sector: header.sector,
            offset: header.offset,
            size: block.size,
            pbkdf: header.pbkdf,
            cost: header.cost,
            flags: header.flags,
            key_slots: header.key_slots,
            tokens: header.tokens,
            integrity: header.integrity,
            key_file: field(2),
            options: field(3),
        })
    }
}

/// What `mdadm --detail --export` prints.
#[derive(Debug, PartialEq, Eq)]
struct Export {
    level: String,
    metadata: String,
    width: u32,
    uuid: Option<String>,
    label: Option<String>,
    /// Role (a number or `spare`) and node of each device.
    devices: Vec<(String, String)>,
}

impl Export {
    fn parse(text: &str) -> Option<Self> {
        let values: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|l| l.trim().split_once('='))
            .collect();
        let value = |name: &str| values.get(name).map(|value| (*value).to_owned());
        let devices = values.iter().filter_map(|(name, node)| {
            let device = name.strip_prefix("MD_DEVICE_")?.strip_suffix("_DEV")?;
            let role = value(&format!("MD_DEVICE_{device}_ROLE"))?;
            Some((role, (*node).to_owned()))
        });
        Some(Self {
            level: value("MD_LEVEL")?,
            metadata: value("MD_METADATA").unwrap_or_else(|| "none".to_owned()),
            width: value("MD_DEVICES")?.parse().ok()?,
            uuid: value("MD_UUID"),
            label: value("MD_NAME"),
            devices: devices.collect(),
        })
    }
}

/// What `mdadm --layout` takes for the number in sysfs.
fn layout(level: &str, number: u64) -> Option<String> {
    let parity = [
        "left-asymmetric",
        "right-asymmetric",
        "left-symmetric",
        "right-symmetric",
    ];
    let (near, far) = (number & 0xff, number >> 8 & 0xff);
    match level {
        "raid5" | "raid6" => {
            let name = usize::try_from(number).ok().and_then(|n| parity.get(n));
            Some(name.map_or_else(|| number.to_string(), |name| (*name).to_owned()))
        }
        "raid10" if number >> 16 & 1 == 1 => Some(format!("o{far}")),
        "raid10" if far > 1 => Some(format!("f{far}")),
        "raid10" => Some(format!("n{near}")),
        _ if number > 0 => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_have_the_names_that_mdadm_takes() {
        for (level, number, name) in [
            ("raid1", 0, None),
            ("raid5", 2, Some("left-symmetric")),
            ("raid6", 9, Some("9")),
            ("raid10", 0x102, Some("n2")),
            ("raid10", 0x201, Some("f2")),
            ("raid10", 0x1_0201, Some("o2")),
            ("raid0", 2, Some("2")),
        ] {
            assert_eq!(layout(level, number).as_deref(), name, "{level} {number}");
        }
    }

    #[test]
    fn an_export_is_read() {
        let text = "MD_LEVEL=raid1\nMD_DEVICES=2\nMD_METADATA=1.2\nMD_UUID=a:b:c:d\nMD_NAME=demo:boot\n\
                    MD_DEVICE_dev_vdb2_ROLE=1\nMD_DEVICE_dev_vdb2_DEV=/dev/vdb2\n\
                    MD_DEVICE_dev_vdc2_ROLE=spare\nMD_DEVICE_dev_vdc2_DEV=/dev/vdc2\n";
        let export = Export::parse(text).unwrap();
        assert_eq!((export.level.as_str(), export.width), ("raid1", 2));
        let wanted = [("1", "/dev/vdb2"), ("spare", "/dev/vdc2")];
        let wanted = wanted.map(|(role, node)| (role.to_owned(), node.to_owned()));
        assert_eq!(export.devices, wanted);
        assert_eq!(Export::parse("mdadm: not an md device"), None);
    }
}
