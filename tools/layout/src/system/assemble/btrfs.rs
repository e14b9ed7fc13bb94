//! btrfs: several devices, several mounts.

use super::Assembly;
use crate::model::{Format, Place};
use crate::system::blocks::Block;
use crate::system::error::SystemError;
use crate::system::formats::{self, Made};
use crate::system::mounts::Mount;

impl Assembly<'_, '_> {
    pub(super) fn btrfs(&mut self) -> Result<(), SystemError> {
        let facts = self.facts;
        for (uuid, devices) in &facts.btrfs {
            let blocks: Vec<&Block> = devices
                .iter()
                .filter_map(|name| facts.blocks.named(name))
                .collect();
            let mut mounts: Vec<&Mount> = facts
                .mounts
                .iter()
                .filter(|mount| mount.kind == "btrfs")
                .filter(|mount| {
                    facts
                        .devices(mount)
                        .iter()
                        .any(|block| devices.contains(&block.name))
                })
                .collect();
            mounts.sort_by(|a, b| a.at.cmp(&b.at));
            let covered = blocks
                .iter()
                .any(|block| self.selection.covers(facts, block));
            if let (true, Some(first)) = (covered, mounts.first()) {
                self.one(uuid, &blocks, &mounts, &first.at)?;
            }
        }
        Ok(())
    }

    fn one(
        &mut self,
        uuid: &str,
        blocks: &[&Block],
        mounts: &[&Mount],
        at: &str,
    ) -> Result<(), SystemError> {
        let facts = self.facts;
        let mut places: Vec<Place> = blocks
            .iter()
            .filter_map(|block| facts.place(block))
            .collect();
        places.sort();
        let all = places.len() == blocks.len()
            && blocks
                .iter()
                .all(|block| self.selection.covers(facts, block));
        let mut places = places.into_iter();
        let (true, Some(first), Some(device)) = (all, places.next(), blocks.first()) else {
            let what = format!(
                "{at}, a btrfs of which a device is of an unknown kind or belongs elsewhere"
            );
            self.model().unknown.push(what);
            for (mount, block) in mounts.iter().zip(blocks.iter().cycle()) {
                self.mounted(&mount.at, &mount.kind, block, None);
            }
            return Ok(());
        };
        let mut made = formats::btrfs(facts.host, uuid).ok_or_else(|| SystemError::Strange {
            teller: "the kernel",
            what: at.to_owned(),
        })?;
        made.size = blocks.iter().map(|block| block.size).sum();
        let mounted = self.subvolumes(&mut made, mounts, at)?;
        if let Format::Btrfs(btrfs) = &mut made.format {
            btrfs.more = places.collect();
        }
        let Some(main) = mounted.first() else {
            return Ok(());
        };
        let fields = self.fields(main);
        let usage = facts.host.usage(&main.at);
        let size = made.size;
        self.add(&first, made, Some(main.at.clone()), fields, usage);
        // All its devices, not only the first.
        if let Some(fs) = self.model().file_systems.last_mut() {
            fs.size = size / 512 * 512;
            fs.min_size = usage.map_or(fs.size, |usage| {
                crate::system::minimum::minimum(&fs.format, fs.size, &usage)
            });
        }
        for mount in mounted {
            self.mounted(&mount.at, &mount.kind, device, Some(&first));
        }
        Ok(())
    }

    /// Fills in the subvolumes; returns the mounts that are of one, or of the
    /// whole, and no bind mounts.
    fn subvolumes<'m>(
        &self,
        made: &mut Made,
        mounts: &[&'m Mount],
        at: &str,
    ) -> Result<Vec<&'m Mount>, SystemError> {
        let ask = |arguments: &[&str]| {
            let said = self.facts.host.run("btrfs", arguments);
            said.map_err(|source| SystemError::Tool {
                what: at.to_owned(),
                source,
            })
        };
        let all = ask(&["subvolume", "list", at])?;
        let locked = ask(&["subvolume", "list", "-r", at])?;
        let default = ask(&["subvolume", "get-default", at])?;
        let mut subvolumes = formats::subvolumes(&all, &locked, &default);
        let mut mounted = Vec::new();
        for mount in mounts {
            let path = mount.root.trim_start_matches('/');
            let subvolume = subvolumes
                .iter_mut()
                .find(|subvolume| subvolume.path == path);
            match subvolume {
                Some(subvolume) if subvolume.mount.is_none() => {
                    let fields = self.fields(mount);
                    subvolume.mount = Some(mount.at.clone());
                    subvolume.options = fields.options;
                    subvolume.dump = fields.dump;
                    subvolume.pass = fields.pass;
                    mounted.push(*mount);
                }
                None if path.is_empty() => mounted.push(*mount),
                _ => {}
            }
        }
        if let Format::Btrfs(btrfs) = &mut made.format {
            btrfs.subvolumes = subvolumes;
        }
        Ok(mounted)
    }
}
