//! The block devices of a system and how they stack, from sysfs.

use std::collections::{BTreeMap, BTreeSet};

use super::host::Host;
use crate::disks::Disk;

/// What the device mapper's UUID of a multipath device begins with.
const MULTIPATH: &str = "mpath-";

/// Bytes of the unit of sizes in sysfs.
const UNIT: u64 = 512;

/// A block device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// The kernel's name: `vda1`, `dm-0`.
    pub(super) name: String,
    /// Its number: `253:0`.
    number: String,
    /// Bytes.
    pub(super) size: u64,
    /// What it is.
    pub(super) kind: Kind,
    /// The names of those that it lies on, as the kernel says.
    slaves: Vec<String>,
}

/// What a block device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A partition of a disk, or of something else that has partitions.
    Partition {
        /// The kernel's name of the disk.
        disk: String,
        /// Its number.
        number: u32,
        /// Its first byte.
        start: u64,
    },
    /// Made by the device mapper.
    Mapper {
        /// Its name below `/dev/mapper`.
        name: String,
        /// Who made it, and as what: `LVM-...`, `CRYPT-LUKS2-...`.
        uuid: String,
    },
    /// An md array.
    Array,
    /// A disk, or anything else.
    Whole,
}

/// All block devices.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocks {
    all: Vec<Block>,
    /// Of each further path to a disk, the path that stands for the disk.
    paths: BTreeMap<String, String>,
}

impl Blocks {
    pub(super) fn read(host: &dyn Host, disks: &[Disk]) -> Self {
        let mut all = Vec::new();
        for name in host.list("/sys/block") {
            let path = format!("/sys/block/{name}");
            for part in host.list(&path) {
                let path = format!("{path}/{part}");
                let number = host.number(&format!("{path}/partition"));
                let Some(number) = number.and_then(|n| u32::try_from(n).ok()) else {
                    continue;
                };
                let start = host.number(&format!("{path}/start")).unwrap_or(0) * UNIT;
                let disk = name.clone();
                let kind = Kind::Partition {
                    disk,
                    number,
                    start,
                };
                all.push(block(host, &path, part, kind));
            }
            let mapped = host.text(&format!("{path}/dm/name"));
            let kind = match mapped {
                Some(name) => Kind::Mapper {
                    name,
                    uuid: host.text(&format!("{path}/dm/uuid")).unwrap_or_default(),
                },
                None if host.text(&format!("{path}/md/level")).is_some() => Kind::Array,
                None => Kind::Whole,
            };
            all.push(block(host, &path, name, kind));
        }
        let path = |disk: &Disk, path: &String| (path.clone(), disk.name.clone());
        let paths = disks
            .iter()
            .flat_map(|disk| disk.paths.iter().map(move |further| path(disk, further)))
            .collect();
        Self { all, paths }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.all.iter()
    }

    /// By the kernel's name.
    pub(super) fn named(&self, name: &str) -> Option<&Block> {
        self.all.iter().find(|block| block.name == name)
    }

    /// By device number.
    pub(super) fn numbered(&self, number: &str) -> Option<&Block> {
        self.all.iter().find(|block| block.number == number)
    }

    /// By the name below `/dev/mapper`.
    pub(super) fn mapped(&self, mapped: &str) -> Option<&Block> {
        let is =
            |block: &&Block| matches!(&block.kind, Kind::Mapper { name, .. } if name == mapped);
        self.all.iter().find(is)
    }

    /// By path of its node or of a link to it.
    pub(super) fn at(&self, host: &dyn Host, path: &str) -> Option<&Block> {
        if let Some(block) = path
            .strip_prefix("/dev/mapper/")
            .and_then(|n| self.mapped(n))
        {
            return Some(block);
        }
        let direct = |path: &str| self.named(&path.strip_prefix("/dev/")?.replace('/', "!"));
        direct(path).or_else(|| direct(&host.resolve(path)?))
    }

    /// The path that stands for the disk of this one: any may be mounted, or be the
    /// first of a multipath device.
    fn standing<'a>(&'a self, name: &'a String) -> &'a String {
        self.paths.get(name).unwrap_or(name)
    }

    /// What a device lies on directly. Of the paths of a multipath device, which
    /// all lead to one disk, the one that stands for it.
    pub(super) fn below(&self, block: &Block) -> Vec<&Block> {
        let disk = match &block.kind {
            Kind::Partition { disk, .. } => Some(disk),
            _ => None,
        };
        let paths = if block.mapper_uuid(MULTIPATH).is_some() {
            1
        } else {
            usize::MAX
        };
        let names = disk.into_iter().chain(block.slaves.iter().take(paths));
        names
            .filter_map(|name| self.named(self.standing(name)))
            .collect()
    }

    /// A device and everything below it.
    pub(super) fn stack<'a>(&'a self, block: &'a Block) -> Vec<&'a Block> {
        let mut found: Vec<&Block> = vec![block];
        let mut next = 0;
        // Each device once: a stack cannot be larger than all devices.
        while let Some(block) = found.get(next).copied() {
            for lower in self.below(block) {
                if !found.iter().any(|known| known.name == lower.name) {
                    found.push(lower);
                }
            }
            next += 1;
        }
        found
    }

    /// The names of the lowest devices below one: of the disks.
    pub(super) fn disks(&self, block: &Block) -> BTreeSet<String> {
        let stack = self.stack(block);
        let lowest = stack.into_iter().filter(|b| self.below(b).is_empty());
        lowest.map(|b| self.standing(&b.name).clone()).collect()
    }

    /// The devices that lie directly on one.
    pub(super) fn above(&self, block: &Block) -> Vec<&Block> {
        let on = |upper: &&Block| upper.slaves.contains(&block.name);
        self.all.iter().filter(on).collect()
    }
}

impl Block {
    /// Its node.
    pub(super) fn node(&self) -> String {
        match &self.kind {
            Kind::Mapper { name, .. } => format!("/dev/mapper/{name}"),
            _ => format!("/dev/{}", self.name.replace('!', "/")),
        }
    }

    /// Of a partition of a multipath device, its number.
    pub(super) fn part_of_multipath(&self) -> Option<u32> {
        let (number, rest) = self.mapper_uuid("part")?.split_once('-')?;
        rest.starts_with(MULTIPATH).then(|| number.parse().ok())?
    }

    /// How many paths lead to it, if there are several.
    pub(super) fn paths(&self) -> Option<usize> {
        self.mapper_uuid(MULTIPATH).map(|_| self.slaves.len())
    }

    /// The part of the device mapper's UUID behind a prefix.
    pub(super) fn mapper_uuid(&self, prefix: &str) -> Option<&str> {
        match &self.kind {
            Kind::Mapper { uuid, .. } => uuid.strip_prefix(prefix),
            _ => None,
        }
    }
}

fn block(host: &dyn Host, path: &str, name: String, kind: Kind) -> Block {
    Block {
        number: host.text(&format!("{path}/dev")).unwrap_or_default(),
        size: host.number(&format!("{path}/size")).unwrap_or(0) * UNIT,
        slaves: host.list(&format!("{path}/slaves")),
        name,
        kind,
    }
}
