//! What there is, before it is decided what belongs to the description.

use std::collections::{BTreeSet, HashMap};

use super::blocks::{Block, Blocks, Kind};
use super::error::SystemError;
use super::host::Host;
use super::lvm::Lvm;
use super::mounts::{self, Entry, Mount};
use super::prep;
use super::table::PartitionTable;
use crate::disks::Disk;
use crate::guid::Guid;
use crate::model::Place;
use crate::signature::{Found, HEAD, Signature, identify};

/// What the device mapper's UUID of LVM's devices begins with.
pub(super) const LVM: &str = "LVM-";

/// The same of encrypted devices.
pub(super) const LUKS: &str = "CRYPT-LUKS";

/// A system, read.
pub(super) struct Facts<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) disks: Vec<Disk>,
    pub(super) blocks: Blocks,
    pub(super) lvm: Lvm,
    pub(super) mounts: Vec<Mount>,
    /// Paths of the devices that are swapped to.
    pub(super) swaps: Vec<String>,
    pub(super) entries: Vec<Entry>,
    /// The names below `/dev/md`, by the kernel's.
    arrays: HashMap<String, String>,
    /// The devices of each mounted btrfs, by its UUID.
    pub(super) btrfs: Vec<(String, Vec<String>)>,
}

impl<'a> Facts<'a> {
    pub(super) fn gather(host: &'a dyn Host) -> Result<Self, SystemError> {
        let disks = host.disks().map_err(SystemError::Disks)?;
        let blocks = Blocks::read(host, &disks);
        let text = |path: &str| {
            let bytes = host.read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let mut facts = Self {
            host,
            disks,
            blocks,
            lvm: Lvm::default(),
            mounts: mounts::mounts(&text("/proc/self/mountinfo")),
            swaps: mounts::swaps(&text("/proc/swaps")),
            entries: mounts::entries(&text("/etc/fstab")),
            arrays: HashMap::new(),
            btrfs: btrfs(host),
        };
        facts.name_arrays();
        if facts.has_lvm() {
            facts.lvm = Lvm::ask(host)?;
        }
        Ok(facts)
    }

    fn name_arrays(&mut self) {
        for name in self.host.list("/dev/md") {
            let node = self.host.resolve(&format!("/dev/md/{name}"));
            let kernel = node.as_deref().and_then(|node| node.strip_prefix("/dev/"));
            let whole = |kernel: &&str| {
                let block = self.blocks.named(kernel);
                block.is_some_and(|block| block.kind == Kind::Array)
            };
            if let Some(kernel) = kernel.filter(whole) {
                self.arrays.insert(kernel.to_owned(), name);
            }
        }
    }

    /// Whether LVM is worth asking: a system without it may lack the program.
    fn has_lvm(&self) -> bool {
        self.blocks.iter().any(|block| {
            let active = block.mapper_uuid(LVM).is_some();
            active || self.signature(block).found == Found::Lvm
        })
    }

    /// What lies on a device, from its first bytes.
    pub(super) fn signature(&self, block: &Block) -> Signature {
        let head = self.host.bytes(&block.node(), 0, HEAD);
        identify(&head.unwrap_or_default(), &[])
    }

    /// The first bytes of a device.
    pub(super) fn head(&self, block: &Block, length: usize) -> Result<Vec<u8>, SystemError> {
        let node = block.node();
        let read = self.host.bytes(&node, 0, length);
        read.map_err(|source| SystemError::Read { node, source })
    }

    /// The name in image.data of a disk, by any of its paths.
    pub(super) fn hdisk(&self, kernel: &str) -> Option<&str> {
        let is = |disk: &&Disk| disk.name == kernel || disk.paths.iter().any(|p| p == kernel);
        let disk = self.disks.iter().find(is)?;
        Some(&disk.hdisk)
    }

    /// The disks below a device, by the kernel's names; what is no disk of its
    /// own (a loop, a RAM disk) counts too.
    pub(super) fn disks_under(&self, block: &Block) -> BTreeSet<String> {
        self.blocks.disks(block)
    }

    /// How the model names a device; `None` if it has no words for it.
    pub(super) fn place(&self, block: &Block) -> Option<Place> {
        let first = || self.blocks.below(block).first().copied();
        match &block.kind {
            Kind::Whole => Some(Place::Disk(self.hdisk(&block.name)?.to_owned())),
            Kind::Partition { disk, number, .. } => Some(Place::Partition {
                disk: self.hdisk(disk)?.to_owned(),
                number: *number,
            }),
            Kind::Array => {
                let name = self.arrays.get(&block.name).unwrap_or(&block.name);
                Some(Place::Array(name.clone()))
            }
            Kind::Mapper { name, uuid } => {
                if let Some(uuid) = uuid.strip_prefix(LVM) {
                    let volume = self.lvm.by_mapper(uuid).filter(|volume| !volume.hidden)?;
                    Some(Place::volume(&volume.group, &volume.name))
                } else if uuid.starts_with(LUKS) {
                    Some(Place::Crypt(name.clone()))
                } else if let Some(number) = block.part_of_multipath() {
                    match self.place(first()?)? {
                        Place::Disk(disk) => Some(Place::Partition { disk, number }),
                        _ => None,
                    }
                } else if uuid.starts_with("CRYPT-SUBDEV-") || block.paths().is_some() {
                    self.place(first()?)
                } else {
                    None
                }
            }
        }
    }

    /// The volume group that a device is a logical volume of.
    pub(super) fn group_of(&self, block: &Block) -> Option<&str> {
        let volume = self.lvm.by_mapper(block.mapper_uuid(LVM)?)?;
        Some(&volume.group)
    }

    /// The device that a mount is of. btrfs has device numbers of its own.
    pub(super) fn mounted(&self, mount: &Mount) -> Option<&Block> {
        self.blocks.numbered(&mount.number).or_else(|| {
            let path = mount.source.starts_with("/dev/").then_some(&mount.source)?;
            self.blocks.at(self.host, path)
        })
    }

    /// Every device that a mount is of: those of a btrfs may be several.
    pub(super) fn devices(&self, mount: &Mount) -> Vec<&Block> {
        let Some(block) = self.mounted(mount) else {
            return Vec::new();
        };
        let whole = self
            .btrfs
            .iter()
            .find(|(_, devices)| devices.contains(&block.name));
        match whole.filter(|_| mount.kind == "btrfs") {
            Some((_, devices)) => devices
                .iter()
                .filter_map(|name| self.blocks.named(name))
                .collect(),
            None => vec![block],
        }
    }

    /// The devices that are swapped to.
    pub(super) fn swapped(&self) -> impl Iterator<Item = &Block> {
        self.swaps
            .iter()
            .filter_map(|path| self.blocks.at(self.host, path))
    }

    /// The partition table of a disk; `None` if it has none.
    pub(super) fn table(&self, disk: &Disk) -> Result<Option<PartitionTable>, SystemError> {
        prep::table(self.host, disk)
    }
}

/// The UUIDs of the mounted btrfs and the kernel's names of their devices.
fn btrfs(host: &dyn Host) -> Vec<(String, Vec<String>)> {
    let base = "/sys/fs/btrfs";
    let names = host.list(base).into_iter();
    names
        .filter(|name| name.parse::<Guid>().is_ok())
        .map(|uuid| {
            let devices = host.list(&format!("{base}/{uuid}/devices"));
            (uuid, devices)
        })
        .collect()
}
