//! Which target gets which partitions of the source.

use super::choose::Chosen;
use super::need::Needs;
use super::{PlanError, list};
use crate::disks::Disk;
use crate::model::{Model, Partition, PhysicalVolume, Place, Role, SourceDisk, Table};

/// A target disk and what is to lie on it.
pub(super) struct Share<'a> {
    pub(super) disk: &'a Disk,
    /// The disk of the source whose place it takes.
    pub(super) source: Option<SourceDisk>,
    pub(super) slots: Vec<Slot>,
}

/// A partition of the source, or a disk that was used as a whole.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Its name in the model.
    pub(super) place: Place,
    /// `None` for a whole disk.
    pub(super) partition: Option<Partition>,
    /// The disk that it was on.
    pub(super) from: Option<String>,
}

impl Slot {
    pub(super) fn is_prep(&self) -> bool {
        let partition = self.partition.as_ref();
        partition.is_some_and(|partition| partition.role == Role::Prep)
    }
}

impl Share<'_> {
    pub(super) fn has_prep(&self) -> bool {
        self.slots.iter().any(Slot::is_prep)
    }

    fn is_whole(&self) -> bool {
        self.slots.iter().any(|slot| slot.partition.is_none())
    }
}

/// Hands the partitions of the source to the targets. Physical volumes of one group
/// that meet on a disk become one: `model` loses the others, and gets a physical
/// volume on each target that takes the place of no disk.
pub(super) fn hand_out<'a>(
    model: &mut Model,
    chosen: &Chosen<'a>,
    shrink: bool,
) -> Result<Vec<Share<'a>>, PlanError> {
    let mut shares: Vec<Share<'a>> = Vec::new();
    let mut left = Vec::new();
    for (source, pair) in model.disks.iter().zip(&chosen.pairs) {
        match pair {
            Some((disk, _)) => shares.push(Share {
                disk,
                source: Some(source.clone()),
                slots: slots(model, source),
            }),
            None => left.push(source.clone()),
        }
    }
    for source in left {
        take_in(model, &mut shares, &source, shrink)?;
    }
    for (disk, _) in &chosen.more {
        let slot = one_more(model, disk)?;
        shares.push(Share {
            disk,
            source: None,
            slots: vec![slot],
        });
    }
    apart(model, &shares)?;
    Ok(shares)
}

/// What is on a disk of the source. A disk that only has a table holds nothing.
pub(super) fn slots(model: &Model, source: &SourceDisk) -> Vec<Slot> {
    let from = Some(source.name.clone());
    let place = Place::Disk(source.name.clone());
    if source.table == Table::None && model.uses(&place) {
        return vec![Slot {
            place,
            partition: None,
            from,
        }];
    }
    let partitions = model.partitions.iter().filter(|p| p.disk == source.name);
    partitions
        .map(|partition| Slot {
            place: partition.place(),
            partition: Some(partition.clone()),
            from: from.clone(),
        })
        .collect()
}

/// Puts what was on a disk that has no target of its own onto another target.
fn take_in(
    model: &mut Model,
    shares: &mut [Share<'_>],
    source: &SourceDisk,
    shrink: bool,
) -> Result<(), PlanError> {
    let needs = Needs { model, shrink };
    let room = |share: &Share<'_>| {
        let used: u64 = share
            .slots
            .iter()
            .map(|slot| needs.least(&slot.place))
            .sum();
        share.disk.size.saturating_sub(used)
    };
    let host = shares.iter_mut().max_by_key(|share| room(share));
    let host = host.ok_or(PlanError::NoDisk)?;
    for slot in slots(model, source) {
        if slot.is_prep() && host.slots.iter().any(Slot::is_prep) {
            continue;
        }
        let group = group_on(model, &slot.place);
        let meets = |other: &Slot| group.is_some() && group_on(model, &other.place) == group;
        if host.slots.iter().any(meets) {
            model.physical_volumes.retain(|pv| pv.place != slot.place);
            continue;
        }
        let whole = slot.partition.is_none() || host.is_whole();
        if whole {
            return Err(PlanError::Whole {
                disk: source.name.clone(),
                target: host.disk.to_string(),
            });
        }
        host.slots.push(slot);
    }
    Ok(())
}

/// The group that a device is a physical volume of.
fn group_on<'a>(model: &'a Model, place: &Place) -> Option<&'a str> {
    let mut all = model.physical_volumes.iter();
    all.find(|pv| pv.place == *place)?.group.as_deref()
}

/// A target that was asked for beyond the disks of the source is one more physical
/// volume of the group.
fn one_more(model: &mut Model, disk: &Disk) -> Result<Slot, PlanError> {
    let Some(group) = &model.group else {
        return Err(PlanError::Idle(disk.to_string()));
    };
    let place = Place::Disk(format!("/dev/{}", disk.name));
    model.physical_volumes.push(PhysicalVolume {
        place: place.clone(),
        group: Some(group.name.clone()),
        uuid: None,
    });
    Ok(Slot {
        place,
        partition: None,
        from: None,
    })
}

/// Copies are worth nothing on one disk.
fn apart(model: &Model, shares: &[Share<'_>]) -> Result<(), PlanError> {
    let on = |place: &Place| {
        let is = |share: &&Share<'_>| share.slots.iter().any(|slot| slot.place == *place);
        shares.iter().find(is)
    };
    for array in &model.arrays {
        let mut seen: Vec<&str> = Vec::new();
        for share in array.members.iter().filter_map(on) {
            if seen.contains(&share.disk.name.as_str()) {
                return Err(PlanError::Together {
                    what: format!("md array {}", array.name),
                    disk: share.disk.to_string(),
                });
            }
            seen.push(&share.disk.name);
        }
    }
    let disks: Vec<&Disk> = shares.iter().map(|share| share.disk).collect();
    let btrfs = model.file_systems.iter().find(|fs| {
        let places: Vec<_> = fs.places().filter_map(on).collect();
        places.len() > shares.len()
    });
    match btrfs {
        Some(fs) => Err(PlanError::Together {
            what: fs.name().to_owned(),
            disk: list(&disks),
        }),
        None => Ok(()),
    }
}

/// Moves PReP and the partition of `/boot` to `disk`, and leaves no other PReP.
///
/// # Errors
/// [`PlanError::NoBoot`] if `/boot` lies on no partition of its own.
pub(super) fn move_boot<'a>(
    model: &Model,
    shares: &mut Vec<Share<'a>>,
    disk: &'a Disk,
) -> Result<(), PlanError> {
    if boot_place(model).is_none() {
        return Err(PlanError::NoBoot(disk.to_string()));
    }
    let mut slots: Vec<Slot> = Vec::new();
    for share in shares.iter_mut() {
        let all = std::mem::take(&mut share.slots);
        let (moved, kept): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|slot| is_boot(model, slot));
        share.slots = kept;
        let again = |slot: &Slot| slot.is_prep() && slots.iter().any(Slot::is_prep);
        let new: Vec<Slot> = moved.into_iter().filter(|slot| !again(slot)).collect();
        slots.extend(new);
    }
    shares.retain(|share| !share.slots.is_empty());
    let moved = Share {
        disk,
        source: None,
        slots,
    };
    shares.insert(0, moved);
    Ok(())
}

/// Whether it is PReP or the partition of `/boot`.
pub(super) fn is_boot(model: &Model, slot: &Slot) -> bool {
    slot.is_prep() || boot_place(model) == Some(&slot.place)
}

/// The partition of its own that `/boot` lies on.
pub(super) fn boot_place(model: &Model) -> Option<&Place> {
    let mut all = model.file_systems.iter();
    let boot = all.find(|fs| fs.mount.as_deref() == Some("/boot"))?;
    matches!(boot.place, Place::Partition { .. }).then_some(&boot.place)
}
