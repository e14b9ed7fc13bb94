//! The members of the first frame: what decides how a restore goes.

use crate::member::{Kind, Member, Time};
use crate::members::OwnMember;
use crate::pax::{encode, padding};

/// Their paths, in the order in which they are stored. A file of the tree that
/// has one of these names is not stored: the backup's own takes its place.
pub(crate) const BOSINST: &[u8] = b"./bosinst.data";
pub(crate) const IMAGE: &[u8] = b"./image.data";
pub(crate) const INFO: &[u8] = b"./.lifeboat/info";
/// The directory that belongs to the backup.
pub(crate) const OWN: &[u8] = b"./.lifeboat";
/// What the path of a map file has in front of it. Readers that know nothing of maps
/// pass over what they find there.
const MAPS: &[u8] = b"./.lifeboat/maps";

/// What the first frame of a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// `bosinst.data`, byte for byte.
    pub bosinst: Vec<u8>,
    /// `image.data`, byte for byte.
    pub image: Vec<u8>,
    /// The physical maps that `image.data` names.
    pub maps: Vec<MapFile>,
    /// Where the backup comes from.
    pub info: Info,
}

/// A file that says where a logical volume lies. It is here too, because a plan is made
/// before any file of the system is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapFile {
    /// Its absolute path, as `MAPFILE` of `image.data` has it.
    pub path: String,
    /// Its text, byte for byte.
    pub text: Vec<u8>,
}

/// Where a backup comes from: lines of `key=value` in `./.lifeboat/info`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info {
    /// Program and version that wrote it.
    pub tool: String,
    /// Release of the kernel that ran (`uname -r`).
    pub kernel: String,
    /// When it was begun, in seconds since 1970.
    pub date: u64,
}

impl Info {
    fn to_text(&self) -> String {
        let Self { tool, kernel, date } = self;
        // A line is a line, whatever the values say.
        let line = |value: &str| value.replace('\n', " ");
        format!(
            "format=1\ntool={}\nkernel={}\ndate={date}\n",
            line(tool),
            line(kernel)
        )
    }

    /// Reads the lines; keys of later versions are passed over.
    fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let value = |key| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs
                .find(|(found, _)| *found == key)
                .map_or("", |(_, value)| value)
        };
        Self {
            tool: value("tool").to_owned(),
            kernel: value("kernel").to_owned(),
            date: value("date").parse().unwrap_or(0),
        }
    }
}

impl Summary {
    /// The members with their content, in their order.
    pub(crate) fn members(&self) -> Vec<(Member, Vec<u8>)> {
        let maps = self.maps.iter();
        let maps = maps.map(|map| ([MAPS, map.path.as_bytes()].concat(), map.text.clone()));
        let always = [
            (BOSINST.to_vec(), self.bosinst.clone()),
            (IMAGE.to_vec(), self.image.clone()),
            (INFO.to_vec(), self.info.to_text().into_bytes()),
        ];
        let member = |(path, content): (Vec<u8>, Vec<u8>)| {
            let length = content.len() as u64;
            (own_member(&path, length, self.info.date), content)
        };
        always.into_iter().chain(maps).map(member).collect()
    }

    /// The summary that these members make; `None` if one is not there.
    pub(crate) fn from_members(members: &[OwnMember]) -> Option<Self> {
        let content = |path| Some(&members.iter().find(|(found, _)| found == path)?.1);
        Some(Self {
            bosinst: content(BOSINST)?.clone(),
            image: content(IMAGE)?.clone(),
            maps: members.iter().filter_map(map_file).collect(),
            info: Info::parse(content(INFO)?),
        })
    }
}

/// The map file that a member holds.
fn map_file((path, content): &OwnMember) -> Option<MapFile> {
    let path = path.strip_prefix(MAPS)?;
    Some(MapFile {
        path: String::from_utf8(path.to_vec()).ok()?,
        text: content.clone(),
    })
}

/// A file of the backup's own.
pub(crate) fn own_member(path: &[u8], length: u64, date: u64) -> Member {
    Member {
        path: path.to_vec(),
        kind: Kind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        user: b"root".to_vec(),
        group: b"root".to_vec(),
        modified: Time {
            seconds: i64::try_from(date).unwrap_or(0),
            nanoseconds: 0,
        },
        stored: length,
        attributes: Vec::new(),
        flags: 0,
        project: 0,
    }
}

/// True for paths that the tree cannot have: they are the backup's.
pub fn is_own(path: &[u8]) -> bool {
    path == BOSINST || path == IMAGE || path == OWN || path.starts_with(b"./.lifeboat/")
}

/// A member with its content as the archive has it.
pub(crate) fn whole(member: &Member, content: &[u8]) -> Vec<u8> {
    let mut bytes = encode(member);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len() + padding(content.len() as u64), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_comes_back() {
        let info = Info {
            tool: "lifeboat 0.1".into(),
            kernel: "6.12=x".into(),
            date: 1_700_000_000,
        };
        assert_eq!(Info::parse(info.to_text().as_bytes()), info);
        assert_eq!(Info::parse(b"later=1\n\xff"), Info::default());
    }

    #[test]
    fn map_files_come_back() {
        let map = MapFile {
            path: "/var/lib/lifeboat/maps/rootvg.hd4.map".into(),
            text: b"hdisk0:1\n".to_vec(),
        };
        let summary = Summary {
            maps: vec![map],
            ..Summary::default()
        };
        let members: Vec<OwnMember> = summary
            .members()
            .into_iter()
            .map(|(member, content)| (member.path, content))
            .collect();
        assert!(members.iter().all(|(path, _)| is_own(path)));
        assert_eq!(Summary::from_members(&members), Some(summary));
    }

    #[test]
    fn the_backups_own_names() {
        assert!(is_own(b"./image.data") && is_own(b"./.lifeboat") && is_own(b"./.lifeboat/x"));
        assert!(!is_own(b"./.lifeboats") && !is_own(b"./etc/image.data"));
    }
}
