//! What every device needs at least, by what lies on it.

use super::arrays;
use crate::mkfs;
use crate::model::{
    Array, Crypt, FileSystem, LogicalVolume, Model, PhysicalVolume, Place, VolumeGroup, VolumeKind,
};
use crate::size::{MB, align_up};

/// What LVM keeps before the first extent; given to `pvcreate` as well.
pub(crate) const LVM_HEAD: u64 = MB;

/// How deep devices may stack before we stop looking.
const DEPTH: usize = 8;

/// Answers for one model and one decision about shrinking.
#[derive(Clone, Copy)]
pub(super) struct Needs<'a> {
    pub(super) model: &'a Model,
    pub(super) shrink: bool,
}

/// What lies on a device.
enum Upper<'a> {
    FileSystem(&'a FileSystem),
    Member(&'a Array),
    Crypt(&'a Crypt),
    Physical(&'a PhysicalVolume),
    Nothing,
}

impl<'a> Needs<'a> {
    /// Bytes that a device must have at least.
    pub(super) fn least(&self, place: &Place) -> u64 {
        self.least_to(place, DEPTH)
    }

    fn least_to(&self, place: &Place, depth: usize) -> u64 {
        let recorded = self.model.size_of(place).unwrap_or(0);
        let Some(depth) = depth.checked_sub(1) else {
            return recorded;
        };
        let lesser = self.shrink || self.elastic(place);
        match upper(self.model, place) {
            // Of several devices none is known to be enough by itself.
            Upper::FileSystem(fs) if self.shrink && fs.places().count() == 1 => {
                shrunk(fs).min(recorded)
            }
            Upper::Member(array) if lesser => {
                let content = self.least_to(&Place::Array(array.name.clone()), depth);
                arrays::member_for(array, content).min(recorded)
            }
            Upper::Crypt(crypt) if lesser => {
                let content = self.least_to(&Place::Crypt(crypt.name.clone()), depth);
                content.saturating_add(crypt.offset).min(recorded)
            }
            Upper::Physical(pv) => self.physical(pv, depth),
            _ => recorded,
        }
    }

    /// Of several physical volumes, one extent each; that all together are enough is
    /// seen when the volumes are laid out.
    fn physical(&self, pv: &PhysicalVolume, depth: usize) -> u64 {
        let name = pv.group.as_deref().unwrap_or_default();
        let Some(group) = self.model.groups().find(|group| group.name == name) else {
            return self.model.size_of(&pv.place).unwrap_or(0);
        };
        let extents = if self.model.under_group(name).count() > 1 {
            1
        } else {
            let volumes = self.model.volumes.iter().filter(|v| v.group == name);
            volumes
                .map(|v| {
                    let extents = self.extents_to(group, v, depth);
                    parts(&v.kind, extents, group.extent).total()
                })
                .fold(0, u64::saturating_add)
        };
        LVM_HEAD.saturating_add(extents.saturating_mul(group.extent))
    }

    /// Extents, of the group as it was, that a logical volume shall have.
    pub(super) fn extents(&self, group: &VolumeGroup, volume: &LogicalVolume) -> u64 {
        self.extents_to(group, volume, DEPTH)
    }

    fn extents_to(&self, group: &VolumeGroup, volume: &LogicalVolume, depth: usize) -> u64 {
        let thin = matches!(
            volume.kind,
            VolumeKind::Thin { .. } | VolumeKind::ThinPool { .. }
        );
        let place = Place::Volume(volume.id());
        if !self.shrink || thin || !self.model.uses(&place) {
            return volume.extents;
        }
        self.least_to(&place, depth)
            .div_ceil(group.extent)
            .max(volume.min_extents)
            .min(volume.extents)
    }

    /// Whether room left on the disk is taken by this device: it carries a volume
    /// group in the end.
    pub(super) fn elastic(&self, place: &Place) -> bool {
        let mut place = place.clone();
        for _ in 0..DEPTH {
            place = match upper(self.model, &place) {
                Upper::Physical(_) => return true,
                Upper::Member(array) => Place::Array(array.name.clone()),
                Upper::Crypt(crypt) => Place::Crypt(crypt.name.clone()),
                Upper::FileSystem(_) | Upper::Nothing => return false,
            };
        }
        false
    }

    /// The file system that a device carries in the end, directly or through arrays
    /// and encryption.
    pub(super) fn carries(&self, place: &Place) -> Option<&'a FileSystem> {
        let mut place = place.clone();
        for _ in 0..DEPTH {
            place = match upper(self.model, &place) {
                Upper::FileSystem(fs) => return Some(fs),
                Upper::Member(array) => Place::Array(array.name.clone()),
                Upper::Crypt(crypt) => Place::Crypt(crypt.name.clone()),
                Upper::Physical(_) | Upper::Nothing => return None,
            };
        }
        None
    }
}

fn upper<'a>(model: &'a Model, place: &Place) -> Upper<'a> {
    let member = |array: &&Array| array.members.contains(place) || array.spares.contains(place);
    if let Some(array) = model.arrays.iter().find(member) {
        return Upper::Member(array);
    }
    if let Some(crypt) = model.crypts.iter().find(|crypt| crypt.place == *place) {
        return Upper::Crypt(crypt);
    }
    let mut physical = model.physical_volumes.iter();
    if let Some(pv) = physical.find(|pv| pv.place == *place) {
        return Upper::Physical(pv);
    }
    model.on(place).map_or(Upper::Nothing, Upper::FileSystem)
}

/// The least that a file system can have. Swap has no content to go by: it
/// keeps its size unless `FS_MIN_SIZE` says otherwise.
pub(super) fn shrunk(fs: &FileSystem) -> u64 {
    fs.min_size.max(mkfs::smallest(&fs.format))
}

/// Extents that a logical volume takes from physical volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    /// How many parts, each on another physical volume.
    pub(super) count: u64,
    /// Extents of each.
    pub(super) each: u64,
}

impl Parts {
    pub(super) fn total(self) -> u64 {
        self.count.saturating_mul(self.each)
    }
}

/// The parts of a volume of so many extents of `extent` bytes.
pub(super) fn parts(kind: &VolumeKind, extents: u64, extent: u64) -> Parts {
    let (count, each) = match kind {
        VolumeKind::Linear => (1, extents),
        VolumeKind::Striped { stripes, .. } => {
            let stripes = u64::from(*stripes).max(1);
            (stripes, extents.div_ceil(stripes))
        }
        // Each copy has an extent that says how far it is in step.
        VolumeKind::Mirrored { copies, .. } => (u64::from(*copies), extents + 1),
        // LVM keeps as much again to repair the metadata with.
        VolumeKind::ThinPool { metadata, .. } => (1, extents + 2 * metadata.div_ceil(extent)),
        VolumeKind::Thin { .. } => (0, 0),
        VolumeKind::Other { copies, .. } => (1, extents.saturating_mul(u64::from(*copies))),
    };
    Parts { count, each }
}

/// The size of a partition for so many bytes.
pub(super) fn aligned(size: u64) -> u64 {
    align_up(size, MB)
}
