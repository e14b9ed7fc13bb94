//! What lies on the devices that nothing else lies on.

use std::path::PathBuf;

use super::Assembly;
use super::fstab::{Fields, fields};
use crate::model::{FileSystem, Format, Place, Role, Table, VolumeKind};
use crate::signature::{Found, HEAD};
use crate::size::MB;
use crate::system::blocks::{Block, Kind};
use crate::system::error::SystemError;
use crate::system::facts::LVM;
use crate::system::finding::Unsaved;
use crate::system::formats::{self, Made};
use crate::system::host::Usage;
use crate::system::minimum::minimum;
use crate::system::mounts::Mount;

impl<'a> Assembly<'a, '_> {
    pub(super) fn contents(&mut self) -> Result<(), SystemError> {
        let blocks: Vec<&Block> = self.covered().collect();
        let mut done: Vec<Place> = Vec::new();
        // Mounted ones first: a partition of a multipath disk has two devices.
        let (mounted, rest): (Vec<_>, Vec<_>) = blocks
            .into_iter()
            .partition(|block| self.mount_of(block).is_some() || self.is_swapped(block));
        for block in mounted.iter().chain(&rest) {
            let in_use = mounted.iter().any(|used| used.name == block.name);
            let Some(place) = self.facts.place(block) else {
                if in_use {
                    self.strange(block);
                }
                continue;
            };
            let whole = self.system.model.uses(&place) || done.contains(&place);
            if whole || !self.may_hold(block, &place) {
                continue;
            }
            self.content(block, &place)?;
            done.push(place);
        }
        Ok(())
    }

    /// Whether files could lie on it directly.
    fn may_hold(&self, block: &Block, place: &Place) -> bool {
        let model = &self.system.model;
        match place {
            Place::Disk(name) => {
                let bare = |disk: &crate::model::SourceDisk| disk.table == Table::None;
                model
                    .disks
                    .iter()
                    .any(|disk| disk.name == *name && bare(disk))
            }
            Place::Partition { .. } => {
                let mut partitions = model.partitions.iter();
                partitions.any(|p| p.place() == *place && p.role == Role::Other)
            }
            Place::Volume(id) => {
                let volume = model.volumes.iter().find(|volume| volume.id() == *id);
                let pool = volume.is_some_and(|v| matches!(v.kind, VolumeKind::ThinPool { .. }));
                !pool && !self.carries_mounts(block)
            }
            Place::Array(_) => {
                self.facts.blocks.above(block).is_empty() && !self.has_partitions(block)
            }
            Place::Crypt(_) => self.facts.blocks.above(block).is_empty(),
        }
    }

    /// Whether something is mounted that lies on other devices on this one.
    fn carries_mounts(&self, block: &Block) -> bool {
        self.facts.mounts.iter().any(|mount| {
            let upper = self
                .facts
                .mounted(mount)
                .filter(|upper| upper.name != block.name);
            let stack = upper.map(|upper| self.facts.blocks.stack(upper));
            stack.is_some_and(|stack| stack.iter().any(|lower| lower.name == block.name))
        })
    }

    fn has_partitions(&self, block: &Block) -> bool {
        let of = |b: &Block| matches!(&b.kind, Kind::Partition { disk, .. } if *disk == block.name);
        self.facts.blocks.iter().any(of)
    }

    /// A file system in use on a device that the model has no words for: its
    /// files are saved, and no plan will pretend that it could be laid out.
    fn strange(&mut self, block: &Block) {
        let hidden = block.mapper_uuid(LVM).is_some();
        let mount = self.mount_of(block);
        let at = mount.map_or("swap", |mount| &mount.at);
        if !hidden || mount.is_some() {
            let what = format!("{at} on {}, a device of an unknown kind", block.node());
            self.model().unknown.push(what);
        }
        if let Some(mount) = mount {
            self.mounted(&mount.at, &mount.kind, block, None);
        }
    }

    fn is_swapped(&self, block: &Block) -> bool {
        self.facts
            .swapped()
            .any(|swapped| swapped.name == block.name)
    }

    /// Where a device is mounted; of several places that of fstab, or the first.
    fn mount_of(&self, block: &Block) -> Option<&'a Mount> {
        let facts = self.facts;
        let here = |mount: &&Mount| {
            let device = facts.mounted(mount);
            mount.root == "/" && device.is_some_and(|device| device.name == block.name)
        };
        let mut mounts = facts.mounts.iter().filter(here);
        let first = mounts.clone().next();
        mounts
            .find(|mount| self.entry_at(&mount.at).is_some())
            .or(first)
    }

    fn content(&mut self, block: &Block, place: &Place) -> Result<(), SystemError> {
        if let Some(mount) = self.mount_of(block) {
            return self.mounted_file_system(block, place, mount);
        }
        let node = PathBuf::from(block.node());
        let found = self.facts.signature(block).found;
        let unsaved = match found {
            Found::Swap => return self.swap(block, place),
            Found::Ext | Found::Xfs | Found::Vfat => {
                return self.unmounted_file_system(block, place, found);
            }
            Found::Btrfs => Unsaved::Homeless(node),
            Found::Luks => Unsaved::Closed(node),
            // Nothing was ever written there.
            Found::Empty if matches!(place, Place::Partition { .. } | Place::Disk(_)) => {
                return Ok(());
            }
            _ => Unsaved::Raw(node),
        };
        self.system.unmounted.push(unsaved);
        Ok(())
    }

    fn mounted_file_system(
        &mut self,
        block: &Block,
        place: &Place,
        mount: &Mount,
    ) -> Result<(), SystemError> {
        let made = self.made(block, &mount.kind, Some(mount))?;
        let usage = self.facts.host.usage(&mount.at);
        let fields = self.fields(mount);
        self.add(place, made, Some(mount.at.clone()), fields, usage);
        self.mounted(&mount.at, &mount.kind, block, Some(place));
        Ok(())
    }

    fn unmounted_file_system(
        &mut self,
        block: &Block,
        place: &Place,
        found: Found,
    ) -> Result<(), SystemError> {
        let kind = match found {
            Found::Xfs => "xfs",
            Found::Vfat => "vfat",
            _ => "ext4",
        };
        let device = PathBuf::from(block.node());
        // A file system that nobody uses may be damaged: it is none, then.
        let made = self
            .made(block, kind, None)
            .inspect_err(|error| log::warn!("{error}"));
        let known = made.ok().and_then(|made| {
            let entry = self.entry_of(block, &made)?;
            Some((made, entry))
        });
        let Some((made, entry)) = known else {
            self.system.unmounted.push(Unsaved::Homeless(device));
            return Ok(());
        };
        let usage = made.used.map(|used| Usage {
            size: made.size,
            used,
            files: made.files.unwrap_or(0),
        });
        self.add(place, made, Some(entry.at.clone()), fields(entry), usage);
        let mount = PathBuf::from(&entry.at);
        self.system
            .unmounted
            .push(Unsaved::NotMounted { mount, device });
        Ok(())
    }

    fn swap(&mut self, block: &Block, place: &Place) -> Result<(), SystemError> {
        let head = self.facts.head(block, HEAD)?;
        let made = formats::swap(&head, block.size).ok_or_else(|| SystemError::Strange {
            teller: "its header",
            what: format!("the swap on {}", block.node()),
        })?;
        let fields = self.swap_entry(block, &made).map_or_else(
            || Fields {
                options: "defaults".to_owned(),
                dump: 0,
                pass: 0,
            },
            fields,
        );
        self.add(place, made, None, fields, None);
        Ok(())
    }

    pub(super) fn add(
        &mut self,
        place: &Place,
        made: Made,
        mount: Option<String>,
        fields: Fields,
        usage: Option<Usage>,
    ) {
        // image.data counts blocks of 512 bytes.
        let room = self.system.model.size_of(place).unwrap_or(0);
        let size = made.size.min(room) / 512 * 512;
        let min_size = match usage {
            Some(usage) => minimum(&made.format, size, &usage),
            None => size,
        };
        self.model().file_systems.push(FileSystem {
            mount,
            place: place.clone(),
            size,
            min_size,
            format: made.format,
            uuid: made.uuid,
            label: made.label,
            options: fields.options,
            dump: fields.dump,
            pass: fields.pass,
        });
    }

    /// How a file system was made.
    fn made(&self, block: &Block, kind: &str, mount: Option<&Mount>) -> Result<Made, SystemError> {
        let node = block.node();
        let what = || match mount {
            Some(mount) => format!("{} on {node}", mount.at),
            None => format!("the file system on {node}"),
        };
        let ask = |program: &str, arguments: &[&str]| {
            let said = self.facts.host.run(program, arguments);
            said.map_err(|source| SystemError::Tool {
                what: what(),
                source,
            })
        };
        let (teller, made) = match kind {
            "ext2" | "ext3" | "ext4" => {
                ("dumpe2fs", formats::ext(&ask("dumpe2fs", &["-h", &node])?))
            }
            "xfs" => {
                // Of a mounted one, only the mount point tells what counts now.
                let said = ask(
                    "xfs_info",
                    &[mount.map_or(node.as_str(), |mount| &mount.at)],
                )?;
                let head = self.facts.head(block, HEAD)?;
                ("xfs_info", formats::xfs(&said, &head))
            }
            "vfat" | "msdos" => {
                let head = self.facts.head(block, HEAD)?;
                ("its boot sector", formats::vfat(&head, block.size))
            }
            other => ("the kernel", Some(self.other(other, mount))),
        };
        made.ok_or_else(|| SystemError::Strange {
            teller,
            what: what(),
        })
    }

    fn other(&self, kind: &str, mount: Option<&Mount>) -> Made {
        let usage = mount.and_then(|mount| self.facts.host.usage(&mount.at));
        Made {
            format: Format::Other(kind.to_owned()),
            size: usage.map_or(MB, |usage| usage.size.max(MB)),
            uuid: String::new(),
            label: None,
            used: None,
            files: None,
        }
    }
}
