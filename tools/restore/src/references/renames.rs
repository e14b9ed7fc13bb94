//! What the devices of a system were called, and what they are called now.

use std::collections::BTreeMap;

use super::identity::OldDisk;

/// A name by which a file can mean a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A path below `/dev`.
    Path(String),
    /// UUID of a file system, a swap space or an encrypted device.
    Uuid(String),
    /// Label of a file system.
    Label(String),
    /// Unique GUID of a partition.
    PartUuid(String),
    /// UUID of an md array, without what separates its digits.
    Array(String),
    /// A logical volume: `rootvg/hd4`.
    Volume(String),
    /// A volume group.
    Group(String),
    /// World-wide identifier of a disk, as multipath writes it.
    Wwid(String),
}

/// What became of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is this now: a path for a path, a tag (`UUID=...`) for a tag, and the bare
    /// name for everything else.
    Now(String),
    /// It means nothing any more; why.
    Gone(String),
}

/// Every name that changed. Names that are not here stay what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames {
    names: BTreeMap<Name, Fate>,
    disks: Vec<OldDisk>,
}

/// The tags that name a device, and the directory of udev's links by each.
const TAGS: [(&str, &str); 4] = [
    ("UUID=", "/dev/disk/by-uuid/"),
    ("LABEL=", "/dev/disk/by-label/"),
    ("PARTUUID=", "/dev/disk/by-partuuid/"),
    ("PARTLABEL=", "/dev/disk/by-partlabel/"),
];

impl Renames {
    /// Adds what became of a name; one that stayed what it was is no rename.
    pub fn add(&mut self, name: Name, fate: Fate) {
        let same = match (&name, &fate) {
            (_, Fate::Gone(_)) => false,
            (Name::Uuid(old), Fate::Now(new)) => tagged(new, "UUID=") == Some(old),
            (Name::PartUuid(old), Fate::Now(new)) => tagged(new, "PARTUUID=") == Some(old),
            (Name::Label(old), Fate::Now(new)) => tagged(new, "LABEL=") == Some(old),
            (Name::Array(old), Fate::Now(new)) => bare(new) == *old,
            (
                Name::Path(old) | Name::Volume(old) | Name::Group(old) | Name::Wwid(old),
                Fate::Now(new),
            ) => old == new,
        };
        if !same {
            self.names.entry(name).or_insert(fate);
        }
    }

    /// Adds a disk of the source, which has names of its own and for its partitions.
    pub fn add_disk(&mut self, disk: OldDisk) {
        self.disks.push(disk);
    }

    /// What became of a bare name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Fate> {
        self.names.get(name)
    }

    /// The world-wide identifiers that changed.
    pub fn wwids(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names
            .iter()
            .filter_map(|(name, fate)| match (name, fate) {
                (Name::Wwid(old), Fate::Now(new)) => Some((old.as_str(), new.as_str())),
                _ => None,
            })
    }

    /// What became of a device that is named by a path or a tag.
    #[must_use]
    pub fn device(&self, text: &str) -> Option<Fate> {
        if let Some((tag, value)) = TAGS
            .iter()
            .find_map(|(tag, _)| Some((tag, tagged(text, tag)?)))
        {
            return self.names.get(&by_tag(tag, value)?).cloned();
        }
        let by_link = TAGS
            .iter()
            .find_map(|(tag, place)| Some((tag, text.strip_prefix(place)?)));
        if let Some((tag, value)) = by_link {
            return match self.names.get(&by_tag(tag, value)?)? {
                Fate::Now(now) => Some(Fate::Now(path_of(now))),
                gone @ Fate::Gone(_) => Some(gone.clone()),
            };
        }
        if !text.starts_with("/dev/") {
            return None;
        }
        let exact = self.names.get(&Name::Path(text.to_owned())).cloned();
        exact.or_else(|| self.disks.iter().find_map(|disk| disk.link(text).cloned()))
    }
}

fn by_tag(tag: &str, value: &str) -> Option<Name> {
    match tag {
        "UUID=" => Some(Name::Uuid(value.to_ascii_lowercase())),
        "LABEL=" => Some(Name::Label(value.to_owned())),
        "PARTUUID=" => Some(Name::PartUuid(value.to_ascii_lowercase())),
        _ => None,
    }
}

/// The value of a tag; some write it in quotes.
fn tagged<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    Some(text.strip_prefix(tag)?.trim_matches('"'))
}

/// udev's link for a tag; a path stays one.
#[must_use]
pub fn path_of(device: &str) -> String {
    TAGS.iter()
        .find_map(|(tag, place)| Some(format!("{place}{}", tagged(device, tag)?)))
        .unwrap_or_else(|| device.to_owned())
}

/// The tag for udev's link; another path stays one.
#[must_use]
pub fn tag_of(path: &str) -> String {
    TAGS.iter()
        .find_map(|(tag, place)| Some(format!("{tag}{}", path.strip_prefix(place)?)))
        .unwrap_or_else(|| path.to_owned())
}

/// The digits of an array's UUID: some write them in groups with colons, some as
/// other UUIDs.
#[must_use]
pub fn bare(uuid: &str) -> String {
    uuid.chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_and_the_link_of_udev_are_one_name() {
        let mut renames = Renames::default();
        renames.add(Name::Uuid("aa-bb".into()), Fate::Now("UUID=cc-dd".into()));
        let now = |text: &str| renames.device(text);
        assert_eq!(now("UUID=AA-bb"), Some(Fate::Now("UUID=cc-dd".into())));
        assert_eq!(now("UUID=\"aa-bb\""), Some(Fate::Now("UUID=cc-dd".into())));
        let link = Fate::Now("/dev/disk/by-uuid/cc-dd".into());
        assert_eq!(now("/dev/disk/by-uuid/aa-bb"), Some(link));
        assert_eq!(now("PARTUUID=aa-bb"), None);
        assert_eq!(now("aa-bb"), None);
    }

    #[test]
    fn what_stays_is_no_rename() {
        let mut renames = Renames::default();
        renames.add(Name::Uuid("aa".into()), Fate::Now("UUID=aa".into()));
        renames.add(Name::Array("0a0b".into()), Fate::Now("0a:0b".into()));
        renames.add(Name::Group("rootvg".into()), Fate::Now("rootvg".into()));
        assert_eq!(renames, Renames::default());
    }
}
