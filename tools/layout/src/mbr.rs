//! DOS partition tables, as bytes on a disk.
//!
//! Four entries stand in the first sector. One of them may be an extended
//! partition, in which each logical partition has a table of its own one MB
//! before it, as sfdisk places them; the first of these stands where the extended
//! partition begins.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::size::MB;

/// Where a logical partition begins behind its own table.
pub const LOGICAL_HEAD: u64 = MB;

/// The part of a sector that a table fills, whatever the disk's sectors are.
const TABLE: usize = 512;

/// Where the disk's signature stands.
const ID: usize = 440;

/// Where the four entries stand, and how long each is.
const ENTRIES: usize = 446;
const ENTRY: usize = 16;

/// What every table ends with.
const MAGIC: [u8; 2] = [0x55, 0xaa];

/// Heads and sectors that every tool assumes of a disk today.
const HEADS: u64 = 255;
const SECTORS: u64 = 63;

/// The last address that head, sector and cylinder can say; all beyond say it too.
const LAST_CHS: u64 = HEADS * SECTORS * 1024 - 1;

/// The type of the entry that leads to the next logical partition.
const LINK: u8 = 0x05;

/// A partition. Places are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MbrEntry {
    /// 1 to 4, or from 5 the place in the chain of logical partitions.
    pub number: u32,
    /// Its type: `0x83`.
    pub kind: u8,
    /// Whether it is marked as the one to boot.
    pub active: bool,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// The table could not be written, or is not there as written.
#[derive(Debug, thiserror::Error)]
pub enum MbrError {
    /// These partitions cannot stand in such a table.
    #[error("0590-295 Partition {number} cannot stand in a DOS partition table: {reason}")]
    Make {
        /// Its number.
        number: u32,
        /// What is wrong.
        reason: &'static str,
    },
    /// Writing failed.
    #[error("0590-296 The DOS partition table cannot be written")]
    Write(#[source] io::Error),
    /// Reading back failed.
    #[error("0590-297 The DOS partition table cannot be read back")]
    Read(#[source] io::Error),
    /// Something else is there.
    #[error(
        "0590-298 The DOS partition table on the disk is not the one that was written (sector {0})"
    )]
    Differs(u64),
}

/// Whether logical partitions lie inside.
#[must_use]
pub fn is_extended(kind: u8) -> bool {
    [0x05, 0x0f, 0x85].contains(&kind)
}

/// The tables of a disk with this signature and these partitions: the sector at
/// which each stands, and its first 512 bytes.
///
/// # Errors
/// [`MbrError::Make`].
pub fn tables(
    id: u32,
    entries: &[MbrEntry],
    sector: u32,
) -> Result<Vec<(u64, [u8; TABLE])>, MbrError> {
    let sector = u64::from(sector);
    let mut first = [0; TABLE];
    first[ID..ID + 4].copy_from_slice(&id.to_le_bytes());
    first[TABLE - MAGIC.len()..].copy_from_slice(&MAGIC);
    let (primary, mut logical): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.number <= 4);
    let mut extended = None;
    for entry in primary {
        let index = slot(entry)?;
        put(&mut first, index, Raw::of(entry, 0, sector)?);
        if is_extended(entry.kind) && extended.replace(entry).is_some() {
            return Err(refused(entry, "it is the second extended one"));
        }
    }
    let mut all = vec![(0, first)];
    logical.sort_by_key(|entry| entry.number);
    match (extended, logical.first()) {
        (Some(extended), _) => all.extend(chain(extended, &logical, sector)?),
        (None, Some(entry)) => {
            return Err(refused(entry, "it is logical, and none is extended"));
        }
        (None, None) => {}
    }
    Ok(all)
}

/// The tables of the logical partitions.
fn chain(
    extended: &MbrEntry,
    logical: &[&MbrEntry],
    sector: u64,
) -> Result<Vec<(u64, [u8; TABLE])>, MbrError> {
    let base = extended.start / sector;
    let mut tables: Vec<(u64, [u8; TABLE])> = Vec::new();
    let mut free = extended.start;
    for (entry, number) in logical.iter().zip(5..) {
        if entry.number != number {
            return Err(refused(entry, "the number before it is missing"));
        }
        let first = tables.is_empty();
        let (at, end) = (
            entry.start.saturating_sub(LOGICAL_HEAD),
            entry.start.saturating_add(entry.size),
        );
        let outside = at < free || end > extended.start.saturating_add(extended.size);
        if outside || (first && at != extended.start) {
            return Err(refused(
                entry,
                "it does not lie inside the extended partition, behind the one before it",
            ));
        }
        free = end;
        let at = at / sector;
        if let Some((_, previous)) = tables.last_mut() {
            let to = MbrEntry {
                kind: LINK,
                active: false,
                start: at * sector,
                size: LOGICAL_HEAD + entry.size,
                ..(*entry).clone()
            };
            put(previous, 1, Raw::of(&to, base, sector)?);
        }
        let mut table = empty();
        put(&mut table, 0, Raw::of(entry, at, sector)?);
        tables.push((at, table));
    }
    if tables.is_empty() {
        tables.push((base, empty()));
    }
    Ok(tables)
}

fn empty() -> [u8; TABLE] {
    let mut table = [0; TABLE];
    table[TABLE - MAGIC.len()..].copy_from_slice(&MAGIC);
    table
}

fn refused(entry: &MbrEntry, reason: &'static str) -> MbrError {
    MbrError::Make {
        number: entry.number,
        reason,
    }
}

/// Which of the four entries a primary partition has.
fn slot(entry: &MbrEntry) -> Result<usize, MbrError> {
    usize::try_from(entry.number)
        .ok()
        .and_then(|number| number.checked_sub(1))
        .ok_or_else(|| refused(entry, "numbers begin at 1"))
}

/// An entry as it stands on the disk.
struct Raw([u8; ENTRY]);

impl Raw {
    /// `base` is the sector from which the entry counts.
    fn of(entry: &MbrEntry, base: u64, sector: u64) -> Result<Self, MbrError> {
        let whole = entry.start.is_multiple_of(sector) && entry.size.is_multiple_of(sector);
        if !whole || entry.size == 0 {
            return Err(refused(entry, "it has no whole sectors"));
        }
        let word = |number: u64| u32::try_from(number).ok();
        let (start, count) = (entry.start / sector, entry.size / sector);
        let numbers = start
            .checked_sub(base)
            .and_then(word)
            .zip(word(count))
            .zip(word(start.saturating_add(count) - 1));
        let Some(((from, length), _)) = numbers else {
            return Err(refused(
                entry,
                "it ends beyond what 32 bits count in sectors",
            ));
        };
        let mut raw = [0; ENTRY];
        raw[0] = if entry.active { 0x80 } else { 0 };
        raw[1..4].copy_from_slice(&chs(start));
        raw[4] = entry.kind;
        raw[5..8].copy_from_slice(&chs(start + count - 1));
        raw[8..12].copy_from_slice(&from.to_le_bytes());
        raw[12..16].copy_from_slice(&length.to_le_bytes());
        Ok(Self(raw))
    }
}

/// Head, sector and cylinder, packed as the BIOS of 1983 wants them.
fn chs(sector: u64) -> [u8; 3] {
    let sector = sector.min(LAST_CHS);
    let (head, cylinder) = (sector / SECTORS % HEADS, sector / SECTORS / HEADS);
    // Each value is below its limit; the two high bits of the cylinder stand
    // above the sector.
    let byte = |value: u64| u8::try_from(value & 0xff).unwrap_or_default();
    [
        byte(head),
        byte(sector % SECTORS + 1) | byte(cylinder >> 2 & 0xc0),
        byte(cylinder),
    ]
}

fn put(table: &mut [u8; TABLE], index: usize, Raw(raw): Raw) {
    let at = ENTRIES + index * ENTRY;
    table[at..at + ENTRY].copy_from_slice(&raw);
}

/// Writes the tables. What was on the rest of their sectors stays: blank them first.
///
/// # Errors
/// [`MbrError::Make`], [`MbrError::Write`].
pub fn write<D: Write + Seek>(
    id: u32,
    entries: &[MbrEntry],
    sector: u32,
    device: &mut D,
) -> Result<(), MbrError> {
    for (at, table) in tables(id, entries, sector)? {
        device
            .seek(SeekFrom::Start(at * u64::from(sector)))
            .and_then(|_| device.write_all(&table))
            .map_err(MbrError::Write)?;
    }
    Ok(())
}

/// Reads the tables and compares them, byte for byte.
///
/// # Errors
/// [`MbrError::Read`], [`MbrError::Differs`].
pub fn verify<D: Read + Seek>(
    id: u32,
    entries: &[MbrEntry],
    sector: u32,
    device: &mut D,
) -> Result<(), MbrError> {
    for (at, table) in tables(id, entries, sector)? {
        let mut read = [0; TABLE];
        device
            .seek(SeekFrom::Start(at * u64::from(sector)))
            .and_then(|_| device.read_exact(&mut read))
            .map_err(MbrError::Read)?;
        if read != table {
            return Err(MbrError::Differs(at));
        }
    }
    Ok(())
}
