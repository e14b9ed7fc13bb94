//! Where partitions lie on a target.

use super::kinds::{PREP, kind};
use super::need::{Needs, aligned};
use super::share::{Share, Slot};
use super::sizes::sizes;
use super::{Grow, PlanError, PlannedPartition, PlannedTable, Target, partition_device};
use crate::model::{Model, ModelError, Partition, Place, Role, Table};
use crate::size::{MB, align_up, mb, mb_needed};

/// Partitions begin at multiples of this; the first MB holds the table.
pub(super) const ALIGN: u64 = MB;

/// Where a logical partition of an MBR begins behind its own table.
const LOGICAL_HEAD: u64 = MB;

/// The first number of the logical partitions.
const LOGICAL: u32 = 5;

/// A slot with its place in the new table.
pub(super) struct Row<'a> {
    pub(super) slot: &'a Slot,
    pub(super) partition: &'a Partition,
    number: u32,
    /// Bytes before it that hold a table of its own.
    pub(super) head: u64,
    /// Whether it is the extended partition, as large as what lies in it.
    pub(super) extended: bool,
}

/// What a target's table is like.
#[derive(Clone, Copy)]
struct Frame {
    table: PlannedTable,
    /// Bytes of the disk that partitions may lie in.
    end: u64,
    /// Bytes of the disk that count.
    usable: u64,
}

/// How many bytes a disk must have for these.
pub(super) fn needed(slots: &[Slot], needs: &Needs<'_>, sector: u32) -> u64 {
    let all = |slot: &Slot| match &slot.partition {
        None => needs.least(&slot.place),
        Some(partition) if partition.role == Role::Extended => 0,
        Some(partition) => {
            let logical = partition.uuid.is_none() && partition.number >= LOGICAL;
            let head = if logical { LOGICAL_HEAD } else { 0 };
            aligned(needs.least(&slot.place)) + head
        }
    };
    let sum = slots.iter().map(all).fold(0, u64::saturating_add);
    if slots.iter().any(|slot| slot.partition.is_none()) {
        return sum;
    }
    let spare = slots
        .iter()
        .map(|slot| give(slot, needs))
        .max()
        .unwrap_or(0);
    let table = ALIGN + gpt_tail(sector);
    sum.saturating_add(table)
        .saturating_sub(spare.min(ALIGN * slots.len() as u64))
}

/// What one partition may lose, so that old tables without borders at whole MB fit
/// on the disk that they came from.
pub(super) fn give(slot: &Slot, needs: &Needs<'_>) -> u64 {
    if needs.elastic(&slot.place) || needs.carries(&slot.place).is_none() {
        return 0;
    }
    let shrunk = Needs {
        shrink: true,
        ..*needs
    };
    let odd = !needs.least(&slot.place).is_multiple_of(ALIGN);
    let less = needs
        .least(&slot.place)
        .saturating_sub(shrunk.least(&slot.place));
    if odd { less } else { 0 }
}

/// The backup of a GPT: 128 entries of 128 bytes and a header.
fn gpt_tail(sector: u32) -> u64 {
    128 * 128 + u64::from(sector)
}

fn frame(share: &Share<'_>, like: Table, number: u16) -> Frame {
    let (size, sector) = (share.disk.size, u64::from(share.disk.sector));
    let whole = share.slots.iter().any(|slot| slot.partition.is_none());
    let own = share.source.as_ref().map(|disk| disk.table);
    let table = match (own, like) {
        _ if whole => PlannedTable::None,
        (Some(Table::Gpt(guid)), _) => PlannedTable::Gpt(guid),
        (Some(Table::Mbr(signature)), _) => PlannedTable::Mbr(signature),
        (_, Table::Gpt(guid)) => PlannedTable::Gpt(guid.sibling(number)),
        // Another signature, whatever the number.
        (_, Table::Mbr(signature)) => PlannedTable::Mbr(!signature ^ u32::from(number)),
        (_, Table::None) => PlannedTable::Gpt(PREP.sibling(number)),
    };
    match table {
        PlannedTable::None => Frame {
            table,
            end: size,
            usable: size,
        },
        PlannedTable::Gpt(_) => Frame {
            table,
            end: size.saturating_sub(gpt_tail(share.disk.sector)),
            usable: size,
        },
        // It counts sectors in 32 bits.
        PlannedTable::Mbr(_) => {
            let usable = size.min(u64::from(u32::MAX) * sector);
            Frame {
                table,
                end: usable,
                usable,
            }
        }
    }
}

/// Lays the partitions of a share out. `like` is the table of a disk of the source,
/// for a target that takes the place of none; `number` sets such targets apart. The
/// places are those of the partitions, in their order.
pub(super) fn lay_out(
    share: &Share<'_>,
    needs: &Needs<'_>,
    like: Table,
    number: u16,
    why: String,
    grow: Grow,
) -> Result<(Target, Vec<Place>), PlanError> {
    let frame = frame(share, like, number);
    fits(share, needs, frame)?;
    let rows = rows(share, needs, frame)?;
    let sector = u64::from(share.disk.sector);
    let sizes = sizes(&rows, needs, (frame.end, sector), grow);
    let mut partitions: Vec<PlannedPartition> = Vec::new();
    let mut start = ALIGN;
    let mut extended = None;
    for (row, size) in rows.iter().zip(sizes) {
        if row.extended {
            extended = Some(partitions.len());
        }
        let begin = start + row.head;
        start = align_up(begin + size, ALIGN);
        partitions.push(planned(share, row, frame.table, needs, (begin, size))?);
    }
    if let Some(extended) = extended.and_then(|at| partitions.get_mut(at)) {
        extended.size = start.min(frame.end) - extended.start;
    }
    let target = Target {
        disk: share.disk.clone(),
        why,
        table: frame.table,
        partitions,
    };
    let places = rows.iter().map(|row| row.slot.place.clone()).collect();
    Ok((target, places))
}

fn fits(share: &Share<'_>, needs: &Needs<'_>, frame: Frame) -> Result<(), PlanError> {
    let sector = share.disk.sector;
    let bytes = needed(&share.slots, needs, sector);
    // An MBR has no backup at the end.
    let tail = match frame.table {
        PlannedTable::Mbr(_) => gpt_tail(sector),
        PlannedTable::Gpt(_) | PlannedTable::None => 0,
    };
    if bytes <= frame.usable.saturating_add(tail) {
        return Ok(());
    }
    let shrunk = Needs {
        shrink: true,
        ..*needs
    };
    Err(PlanError::TooSmall {
        disk: share.disk.to_string(),
        needed: mb_needed(bytes),
        present: mb(frame.usable),
        shrunk: (!needs.shrink).then(|| mb_needed(needed(&share.slots, &shrunk, sector))),
    })
}

/// The partitions in the order in which they lie on the disk: PReP first, as the
/// firmware of PowerVM wants it; what takes the rest comes last.
fn rows<'a>(
    share: &'a Share<'_>,
    needs: &Needs<'_>,
    frame: Frame,
) -> Result<Vec<Row<'a>>, PlanError> {
    let mbr = matches!(frame.table, PlannedTable::Mbr(_));
    let mut rows = Vec::new();
    for (slot, number) in share.slots.iter().zip(numbers(share, mbr)?) {
        let Some(partition) = &slot.partition else {
            continue;
        };
        let extended = partition.role == Role::Extended;
        if extended && !mbr {
            continue;
        }
        let logical = mbr && number >= LOGICAL;
        rows.push(Row {
            slot,
            partition,
            number,
            head: if logical { LOGICAL_HEAD } else { 0 },
            extended,
        });
    }
    // Without logical partitions there is nothing to hold.
    if rows.iter().all(|row| row.head == 0) {
        rows.retain(|row| !row.extended);
    }
    rows.sort_by_key(|row| {
        let rank = match row.partition.role {
            Role::Prep => 0,
            Role::Extended => 3,
            _ if row.head > 0 => 4,
            _ if needs.elastic(&row.slot.place) => 2,
            _ => 1,
        };
        (rank, row.number)
    });
    Ok(rows)
}

/// The numbers of the slots: those that the partitions of the paired disk had, and
/// free ones for the others. Logical partitions are numbered without gaps.
fn numbers(share: &Share<'_>, mbr: bool) -> Result<Vec<u32>, PlanError> {
    let own = share.source.as_ref().map(|disk| &disk.name);
    let stays = |slot: &Slot| own.is_some() && slot.from.as_ref() == own;
    let recorded = |slot: &Slot| slot.partition.as_ref().map_or(0, |p| p.number);
    let mut logical: Vec<u32> = share
        .slots
        .iter()
        .filter(|slot| mbr && stays(slot) && recorded(slot) >= LOGICAL)
        .map(recorded)
        .collect();
    logical.sort_unstable();
    let mut taken: Vec<u32> = share
        .slots
        .iter()
        .filter(|s| stays(s))
        .map(recorded)
        .collect();
    let most = if mbr { LOGICAL - 1 } else { 128 };
    let mut numbers = Vec::new();
    for slot in &share.slots {
        let number = recorded(slot);
        let number = match logical
            .iter()
            .zip(LOGICAL..)
            .find(|(old, _)| **old == number)
        {
            Some((_, new)) if stays(slot) => new,
            _ if stays(slot) => number,
            _ => {
                let free = (1..=most).find(|number| !taken.contains(number));
                let free = free.ok_or_else(|| PlanError::Crowded(share.disk.to_string()))?;
                taken.push(free);
                free
            }
        };
        numbers.push(number);
    }
    Ok(numbers)
}

fn planned(
    share: &Share<'_>,
    row: &Row<'_>,
    table: PlannedTable,
    needs: &Needs<'_>,
    (start, size): (u64, u64),
) -> Result<PlannedPartition, PlanError> {
    let (slot, partition) = (row.slot, row.partition);
    let format = needs.model.on(&slot.place).map(|fs| &fs.format);
    let uuid = match table {
        PlannedTable::Gpt(guid) => {
            let was_gpt = |model: &Model| {
                let mut disks = model.disks.iter();
                let disk = disks.find(|disk| Some(&disk.name) == slot.from.as_ref());
                disk.is_some_and(|disk| matches!(disk.table, Table::Gpt(_)))
            };
            if partition.uuid.is_none() && was_gpt(needs.model) {
                return Err(ModelError::Dangling {
                    what: slot.place.describe(),
                    to: "its UUID".to_owned(),
                }
                .into());
            }
            let number = u16::try_from(row.number).unwrap_or(u16::MAX);
            Some(
                partition
                    .uuid
                    .unwrap_or_else(|| guid.sibling(number | 0x100)),
            )
        }
        PlannedTable::Mbr(_) | PlannedTable::None => None,
    };
    Ok(PlannedPartition {
        number: row.number,
        device: partition_device(&share.disk.name, row.number),
        role: partition.role,
        kind: kind(
            matches!(table, PlannedTable::Gpt(_)),
            partition.kind,
            partition.role,
            format,
        ),
        uuid,
        old_uuid: partition.uuid,
        name: partition.name.clone(),
        flags: partition.flags,
        start,
        size,
        old_size: partition.size,
    })
}
