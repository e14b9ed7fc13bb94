//! The plan of a volume group on its own: whole disks as physical volumes,
//! logical volumes, file systems.

use std::ffi::OsStr;

use serde::Serialize;

use super::choose::{Choice, pair_up};
use super::choose_several::choose_several;
use super::file_systems::file_system;
use super::maps::{self, Physical};
use super::need::Needs;
use super::stack::{Nodes, volumes_of};
use super::volumes::{Room, extents_of, spread, used, volumes};
use super::{
    PlanError, PlannedFileSystem, PlannedGroup, PlannedVolume, destroys, exact_fit, list, mounts,
    tools, tools_present, writable,
};
use crate::disks::{Disk, Inventory, PhysicalVolume};
use crate::model::{Model, ModelError, VolumeGroup};
use crate::size::{MB, mb};

/// What a person decided about a volume group on its own.
#[derive(Debug, Clone, Default)]
pub struct GroupSettings {
    /// The target disks, if a person named them.
    pub disks: Vec<String>,
    /// Shrink file systems; `None` follows `SHRINK` of `VG.data`.
    pub shrink: Option<bool>,
    /// Another size of physical partitions, in MB.
    pub extent_mb: Option<u64>,
    /// Logical volumes lie where they lay, by the physical maps of the backup.
    pub maps: bool,
}

/// Target disks with the volume group that will be on them. Sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupPlan {
    /// The disks to be written; each becomes a physical volume as a whole.
    pub targets: Vec<GroupTarget>,
    /// The other disks. They are not touched.
    pub untouched: Vec<Disk>,
    /// When the backup was taken.
    pub taken: Option<String>,
    /// Whether file systems are shrunk.
    pub shrink: bool,
    /// Bytes of an extent of the backed-up group, in which
    /// [`PlannedVolume::old_extents`] counts.
    pub old_extent: u64,
    /// The volume group.
    pub group: PlannedGroup,
    /// The file systems and swap spaces, in the order of `VG.data`.
    pub file_systems: Vec<PlannedFileSystem>,
}

/// A disk of the new group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupTarget {
    /// The disk.
    pub disk: Disk,
    /// Why this one: words that follow "chosen because".
    pub reason: String,
}

/// Plans the restore of a volume group on its own onto disks of `inventory`.
///
/// # Errors
/// [`PlanError`]; nothing was and nothing need be written to know it.
pub fn plan_group(
    model: &Model,
    inventory: &Inventory,
    settings: &GroupSettings,
) -> Result<GroupPlan, PlanError> {
    model.check_group()?;
    let old = model.group.as_ref().ok_or_else(no_group)?;
    let extent = extent(old, settings)?;
    let shrink = settings.shrink.unwrap_or(model.policy.shrink);
    let maps = settings.maps && model.has_maps();
    if maps {
        maps::against([
            (shrink, "Shrink File Systems (SHRINK, -s)"),
            (
                extent != old.extent,
                "another size of physical partitions (-P)",
            ),
        ])?;
    }
    let planned = |shrink| volumes(&Needs { model, shrink }, old, extent, &old.name, "");
    let mut volumes = planned(shrink)?;
    let needed = used(&volumes, extent);
    let disks = inventory.disks.as_slice();
    let enough = |chosen: &[Choice<'_>]| !chosen.is_empty() && room(chosen, extent) >= needed;
    let chosen = choose_several(model, &old.name, disks, &settings.disks, enough)?;
    let targets: Vec<&Disk> = chosen.iter().map(|(disk, _)| *disk).collect();
    targets.iter().try_for_each(|disk| writable(disk))?;
    let others: Vec<Disk> = disks
        .iter()
        .filter(|disk| !targets.iter().any(|target| target.name == disk.name))
        .cloned()
        .collect();
    groups_apart(&targets, &others, &inventory.elsewhere, &[&old.name])?;
    let present = room(&chosen, extent);
    if present < needed {
        return Err(PlanError::TooSmallForGroup {
            group: old.name.clone(),
            disks: list(&targets),
            needed,
            extent: mb(extent),
            present,
            shrunk: if shrink {
                None
            } else {
                Some(used(&planned(true)?, extent))
            },
        });
    }
    let rooms: Vec<Room> = targets
        .iter()
        .map(|disk| Room::new(format!("/dev/{}", disk.name), disk.size, extent))
        .collect();
    if maps {
        let pairs = pair_up(model, chosen.clone()).pairs;
        maps::follow(model, old, &mut volumes, &physical(model, &pairs, &rooms))?;
    }
    spread(&volumes, &rooms, &old.name, extent)?;
    exact_fit(model, model.policy.exact_fit, &targets)?;
    let group = PlannedGroup {
        name: old.name.clone(),
        old_name: old.name.clone(),
        devices: rooms.into_iter().map(|room| room.device).collect(),
        extent,
        extents: present,
        maps,
        volumes,
    };
    // A volume may lie on any of the disks.
    let sector = targets.iter().map(|disk| disk.sector).max().unwrap_or(512);
    let nodes: Nodes = volumes_of(model, &group, sector).collect();
    let file_systems = model
        .file_systems
        .iter()
        .map(|fs| file_system(fs, &nodes))
        .collect::<Result<_, _>>()?;
    Ok(GroupPlan {
        targets: chosen
            .into_iter()
            .map(|(disk, reason)| GroupTarget {
                disk: disk.clone(),
                reason,
            })
            .collect(),
        untouched: others,
        taken: model.source.date.clone(),
        shrink,
        old_extent: old.extent,
        group,
        file_systems,
    })
}

fn no_group() -> PlanError {
    PlanError::Model(ModelError::Count {
        stanza: "vg_data",
        count: 0,
        wanted: "one",
    })
}

fn extent(old: &VolumeGroup, settings: &GroupSettings) -> Result<u64, PlanError> {
    match settings.extent_mb {
        None => Ok(old.extent),
        // LVM's metadata counts sectors of an extent in 32 bits.
        Some(mb) if mb.is_power_of_two() && mb <= 1 << 20 => Ok(mb * MB),
        Some(mb) => Err(PlanError::Extent(mb)),
    }
}

/// What takes the place of each physical volume of old.
fn physical<'a>(
    model: &'a Model,
    pairs: &[Option<Choice<'_>>],
    rooms: &'a [Room],
) -> Vec<Physical<'a>> {
    let group = model.group.iter();
    let places = group.flat_map(|group| model.under_group(&group.name));
    let found = places.filter_map(|place| {
        let on = model.disks_under(place);
        let at = model
            .disks
            .iter()
            .position(|disk| on == [disk.name.as_str()])?;
        let (disk, _) = pairs.get(at)?.as_ref()?;
        let device = format!("/dev/{}", disk.name);
        let room = rooms.iter().find(|room| room.device == device)?;
        Some(Physical {
            place,
            device: &room.device,
            extents: room.free,
        })
    });
    found.collect()
}

fn room(chosen: &[Choice<'_>], extent: u64) -> u64 {
    chosen
        .iter()
        .map(|(disk, _)| extents_of(disk.size, extent))
        .sum()
}

/// No volume group may lose a disk, and no two may share a name: LVM is told by
/// name which group to switch off and which to fill. `elsewhere` are physical
/// volumes on what is no disk; `new` is the group that will be made.
pub(crate) fn groups_apart(
    targets: &[&Disk],
    others: &[Disk],
    elsewhere: &[PhysicalVolume],
    new: &[&str],
) -> Result<(), PlanError> {
    let all = others
        .iter()
        .flat_map(|disk| {
            disk.physical_volumes
                .iter()
                .map(move |pv| (disk.to_string(), pv))
        })
        .chain(elsewhere.iter().map(|pv| (pv.device.clone(), pv)));
    let apart: Vec<_> = all
        .filter_map(|(place, pv)| Some((place, pv.group.as_ref()?)))
        .collect();
    for target in targets {
        let here = target.physical_volumes.iter();
        for group in here.filter_map(|pv| pv.group.as_ref()) {
            if let Some((other, _)) = apart.iter().find(|(_, there)| *there == group) {
                return Err(PlanError::GroupSpans {
                    disk: target.to_string(),
                    group: group.name.clone(),
                    other: other.clone(),
                });
            }
        }
    }
    let names = targets
        .iter()
        .flat_map(|disk| disk.groups())
        .chain(new.iter().copied());
    for name in names {
        if let Some((disk, _)) = apart.iter().find(|(_, there)| there.name == name) {
            return Err(PlanError::GroupElsewhere {
                disk: disk.clone(),
                group: name.to_owned(),
            });
        }
    }
    Ok(())
}

impl GroupPlan {
    /// The target disks.
    #[must_use]
    pub fn disks(&self) -> Vec<&Disk> {
        self.targets.iter().map(|target| &target.disk).collect()
    }

    /// What is on the targets now and will be gone, disk by disk.
    #[must_use]
    pub fn destroys(&self) -> Vec<String> {
        destroys(&self.disks())
    }

    /// The logical volumes that are made, but were not backed up.
    #[must_use]
    pub fn raw(&self) -> Vec<&str> {
        let on = |volume: &&PlannedVolume| {
            self.file_systems
                .iter()
                .all(|fs| fs.device != volume.device)
        };
        let raw = self.group.volumes.iter().filter(on);
        raw.map(|volume| volume.name.as_str()).collect()
    }

    /// The file systems to mount, each after the one it is mounted in.
    #[must_use]
    pub fn mounts(&self) -> Vec<(&str, &PlannedFileSystem)> {
        mounts(&self.file_systems)
    }

    /// The programs that applying the plan runs.
    #[must_use]
    pub fn needed_tools(&self) -> Vec<String> {
        tools(&self.file_systems, ["lvm"])
    }

    /// Whether those programs are in the directories of `path`, a `PATH`.
    ///
    /// # Errors
    /// [`PlanError::MissingTools`] with all that are missing.
    pub fn check_tools(&self, path: &OsStr) -> Result<(), PlanError> {
        tools_present(&self.needed_tools(), path)
    }
}
