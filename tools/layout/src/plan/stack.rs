//! What lies on partitions and disks: arrays, encrypted devices, volume groups, in
//! the order in which they are made.

use std::collections::HashMap;

use super::need::Needs;
use super::share::Share;
use super::volumes::{Ground, group};
use super::{
    PlanError, PlannedArray, PlannedCrypt, PlannedGroup, Settings, Stacked, Target, arrays,
};
use crate::model::{Array, Crypt, Model, ModelError, Place, VolumeGroup};
use crate::size::align_down;

/// A device of the new system.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) device: String,
    pub(super) size: u64,
    /// Bytes it had.
    pub(super) old_size: u64,
    /// Sectors of the disks below it: the largest.
    pub(super) sector: u32,
}

/// The devices by their names in the model.
pub(super) type Nodes = HashMap<Place, Node>;

/// The partitions of a target, or the disk itself.
pub(super) fn ground(model: &Model, share: &Share<'_>, target: &Target, places: &[Place]) -> Nodes {
    let node = |place: &Place, device: String, size: u64| {
        let node = Node {
            device,
            size,
            old_size: model.size_of(place).unwrap_or(0),
            sector: share.disk.sector,
        };
        (place.clone(), node)
    };
    let whole = share.slots.iter().filter(|slot| slot.partition.is_none());
    let whole = whole.map(|slot| node(&slot.place, target.device(), share.disk.size));
    let partitions = places.iter().zip(&target.partitions);
    let partitions = partitions.map(|(place, p)| node(place, p.device.clone(), p.size));
    whole.chain(partitions).collect()
}

/// A device of the model that lies on others.
enum Waiting<'a> {
    Array(&'a Array),
    Crypt(&'a Crypt),
    Group(&'a VolumeGroup),
}

/// Plans everything that lies on `nodes`, and adds what it makes to them.
pub(super) fn stack(
    needs: &Needs<'_>,
    nodes: &mut Nodes,
    settings: &Settings,
) -> Result<Vec<Stacked>, PlanError> {
    let model = needs.model;
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    waiting.extend(model.arrays.iter().map(Waiting::Array));
    waiting.extend(model.crypts.iter().map(Waiting::Crypt));
    waiting.extend(model.groups().map(Waiting::Group));
    let mut stack = Vec::new();
    while !waiting.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| {
            one.below(model)
                .iter()
                .all(|place| nodes.contains_key(place))
        });
        if ready.is_empty() {
            return Err(lost(model, &later, nodes));
        }
        for one in ready {
            let planned = match one {
                Waiting::Array(array) => Stacked::Array(plan_array(array, needs, nodes)?),
                Waiting::Crypt(crypt) => Stacked::Crypt(plan_crypt(crypt, nodes)?),
                Waiting::Group(old) => Stacked::Group(group(
                    &Ground {
                        needs,
                        nodes,
                        settings,
                    },
                    old,
                )?),
            };
            made(model, &planned, nodes);
            stack.push(planned);
        }
        waiting = later;
    }
    Ok(stack)
}

impl Waiting<'_> {
    fn below<'a>(&'a self, model: &'a Model) -> Vec<&'a Place> {
        match self {
            Self::Array(array) => array.members.iter().chain(&array.spares).collect(),
            Self::Crypt(crypt) => vec![&crypt.place],
            Self::Group(group) => model.under_group(&group.name).collect(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Array(array) => format!("md array {}", array.name),
            Self::Crypt(crypt) => format!("encrypted device {}", crypt.name),
            Self::Group(group) => format!("volume group {}", group.name),
        }
    }
}

fn lost(model: &Model, waiting: &[Waiting<'_>], nodes: &Nodes) -> PlanError {
    let missing = waiting.iter().find_map(|one| {
        let below = one.below(model);
        let place = below.into_iter().find(|place| !nodes.contains_key(place))?;
        Some((one.name(), place.describe()))
    });
    let (what, to) = missing.unwrap_or_default();
    ModelError::Dangling { what, to }.into()
}

/// Adds the devices that something shows when it is made.
fn made(model: &Model, planned: &Stacked, nodes: &mut Nodes) {
    match planned {
        Stacked::Array(array) => {
            let below = sector(nodes, &array.members);
            let node = Node {
                device: array.device.clone(),
                size: array.size,
                old_size: array.old_size,
                sector: below,
            };
            nodes.insert(Place::Array(array.name.clone()), node);
        }
        Stacked::Crypt(crypt) => {
            let below = sector(nodes, std::slice::from_ref(&crypt.under));
            let node = Node {
                device: crypt.device.clone(),
                size: crypt.size,
                old_size: crypt.old_size,
                sector: below.max(crypt.sector),
            };
            nodes.insert(Place::Crypt(crypt.name.clone()), node);
        }
        Stacked::Group(group) => {
            let below = sector(nodes, &group.devices);
            nodes.extend(volumes_of(model, group, below));
        }
    }
}

/// The devices that a group's volumes are, on disks with such sectors.
pub(super) fn volumes_of(
    model: &Model,
    group: &PlannedGroup,
    sector: u32,
) -> impl Iterator<Item = (Place, Node)> {
    group.volumes.iter().map(move |volume| {
        let place = Place::volume(&group.old_name, &volume.old_name);
        let node = Node {
            device: volume.device.clone(),
            size: volume.extents * group.extent,
            old_size: model.size_of(&place).unwrap_or(0),
            sector,
        };
        (place, node)
    })
}

/// The largest sector below.
fn sector(nodes: &Nodes, devices: &[String]) -> u32 {
    let below = nodes.values().filter(|node| devices.contains(&node.device));
    below.map(|node| node.sector).max().unwrap_or(512)
}

/// The devices at these places, and the size of the smallest.
fn at(nodes: &Nodes, places: &[Place]) -> (Vec<String>, u64) {
    let found: Vec<&Node> = places.iter().filter_map(|place| nodes.get(place)).collect();
    let devices = found.iter().map(|node| node.device.clone()).collect();
    let smallest = found.iter().map(|node| node.size).min().unwrap_or(0);
    (devices, smallest)
}

fn plan_array(array: &Array, needs: &Needs<'_>, nodes: &Nodes) -> Result<PlannedArray, PlanError> {
    let (members, smallest) = at(nodes, &array.members);
    let (spares, _) = at(nodes, &array.spares);
    let place = Place::Array(array.name.clone());
    let size = arrays::capacity(array, smallest);
    enough(&place, needs, size)?;
    Ok(PlannedArray {
        device: format!("/dev/md/{}", array.name),
        name: array.name.clone(),
        level: array.level.clone(),
        metadata: array.metadata.clone(),
        uuid: array.uuid.clone(),
        old_uuid: array.uuid.clone(),
        label: array.label.clone(),
        members,
        spares,
        chunk: array.chunk,
        layout: array.layout.clone(),
        bitmap: array.bitmap.clone(),
        size,
        old_size: array.size,
    })
}

fn plan_crypt(crypt: &Crypt, nodes: &Nodes) -> Result<PlannedCrypt, PlanError> {
    let (mut under, room) = at(nodes, std::slice::from_ref(&crypt.place));
    let sector = u64::from(crypt.sector.max(512));
    let size = align_down(room.saturating_sub(crypt.offset), sector);
    if size == 0 {
        return Err(PlanError::NoRoom {
            what: format!("encrypted device {}", crypt.name),
            needed: crate::size::mb_needed(crypt.offset + sector),
            present: crate::size::mb(room),
        });
    }
    Ok(PlannedCrypt {
        device: format!("/dev/mapper/{}", crypt.name),
        name: crypt.name.clone(),
        under: under.pop().unwrap_or_default(),
        version: crypt.version,
        uuid: crypt.uuid.clone(),
        old_uuid: crypt.uuid.clone(),
        label: crypt.label.clone(),
        subsystem: crypt.subsystem.clone(),
        cipher: crypt.cipher.clone(),
        key_bits: crypt.key_bits,
        hash: crypt.hash.clone(),
        sector: crypt.sector,
        offset: crypt.offset,
        pbkdf: crypt.pbkdf.clone(),
        cost: crypt.cost.clone(),
        flags: crypt.flags.clone(),
        integrity: crypt.integrity.clone(),
        size,
        old_size: crypt.size,
        key_file: crypt.key_file.clone(),
        options: crypt.options.clone(),
    })
}

/// What lies on an array must fit at its least; metadata of another mdadm may have
/// taken a little more than it did.
fn enough(place: &Place, needs: &Needs<'_>, size: u64) -> Result<(), PlanError> {
    let least = Needs {
        shrink: true,
        ..*needs
    };
    let needed = least.least(place);
    if needed <= size {
        return Ok(());
    }
    Err(PlanError::NoRoom {
        what: place.describe(),
        needed: crate::size::mb_needed(needed),
        present: crate::size::mb(size),
    })
}
