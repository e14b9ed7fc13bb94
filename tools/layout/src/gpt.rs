//! The partition table of a plan, as bytes on a disk.

use std::io::{Read, Seek, SeekFrom, Write};

use gptman::{GPT, GPTHeader, GPTPartitionEntry};

use crate::model::PartitionKind;
use crate::plan::{PlannedTable, Target};

/// The table could not be written, or is not there as written.
#[derive(Debug, thiserror::Error)]
pub enum GptError {
    /// The table does not fit the device.
    #[error("0590-242 The partition table cannot be made")]
    Make(#[source] gptman::Error),
    /// Writing failed.
    #[error("0590-243 The partition table cannot be written")]
    Write(#[source] gptman::Error),
    /// One of the two copies cannot be read back.
    #[error("0590-244 The {copy} partition table cannot be read back")]
    Read {
        /// "first" or "backup".
        copy: &'static str,
        /// Why.
        #[source]
        source: gptman::Error,
    },
    /// Another kind of table was planned.
    #[error("0590-235 The plan gives {0} no GPT")]
    NotGpt(String),
    /// One of the two copies is another than was written.
    #[error("0590-245 The {0} partition table on the disk is not the one that was written")]
    Differs(&'static str),
}

/// Writes the protective MBR and both copies of the GPT. What was on the rest
/// of their sectors stays: blank them first.
///
/// # Errors
/// [`GptError::Make`], [`GptError::Write`].
pub fn write<D: Read + Write + Seek>(target: &Target, device: &mut D) -> Result<(), GptError> {
    let mut table = table(target, device)?;
    GPT::write_protective_mbr_into(device, table.sector_size).map_err(GptError::Write)?;
    table.write_into(device).map_err(GptError::Write)?;
    Ok(())
}

/// Reads both copies and compares them with the plan.
///
/// # Errors
/// [`GptError::Read`], [`GptError::Differs`].
pub fn verify<D: Read + Seek>(target: &Target, device: &mut D) -> Result<(), GptError> {
    let wanted = table(target, device)?;
    let backup = wanted.header.backup_lba;
    for (copy, lba) in [("first", wanted.header.primary_lba), ("backup", backup)] {
        let read = read_copy(device, lba, wanted.sector_size);
        let (header, entries) = read.map_err(|source| GptError::Read { copy, source })?;
        let numbered = entries.iter().zip(1u32..);
        let same = header.disk_guid == wanted.header.disk_guid
            && header.primary_lba == lba
            && header.first_usable_lba == wanted.header.first_usable_lba
            && header.last_usable_lba == wanted.header.last_usable_lba
            && numbered
                .into_iter()
                .all(|(entry, number)| same_entry(entry, &wanted[number]));
        if !same {
            return Err(GptError::Differs(copy));
        }
    }
    Ok(())
}

fn same_entry(a: &GPTPartitionEntry, b: &GPTPartitionEntry) -> bool {
    a.partition_type_guid == b.partition_type_guid
        && a.unique_partition_guid == b.unique_partition_guid
        && (a.starting_lba, a.ending_lba) == (b.starting_lba, b.ending_lba)
        && a.attribute_bits == b.attribute_bits
        && a.partition_name.as_str() == b.partition_name.as_str()
}

fn read_copy<D: Read + Seek>(
    device: &mut D,
    lba: u64,
    sector: u64,
) -> gptman::Result<(GPTHeader, Vec<GPTPartitionEntry>)> {
    device
        .seek(SeekFrom::Start(lba * sector))
        .map_err(gptman::Error::Io)?;
    let header = GPTHeader::read_from(device)?;
    let entries = header.read_partitions(device, sector)?;
    Ok((header, entries))
}

fn table<D: Read + Seek>(target: &Target, device: &mut D) -> Result<GPT, GptError> {
    let none = || GptError::NotGpt(target.disk.to_string());
    let PlannedTable::Gpt(disk_guid) = target.table else {
        return Err(none());
    };
    let sector = u64::from(target.disk.sector);
    let mut table = GPT::new_from(device, sector, disk_guid.0).map_err(GptError::Make)?;
    for partition in &target.partitions {
        let (PartitionKind::Gpt(kind), Some(uuid)) = (partition.kind, partition.uuid) else {
            return Err(none());
        };
        table[partition.number] = GPTPartitionEntry {
            partition_type_guid: kind.0,
            unique_partition_guid: uuid.0,
            starting_lba: partition.start / sector,
            ending_lba: (partition.start + partition.size) / sector - 1,
            attribute_bits: partition.flags,
            partition_name: partition.name.as_str().into(),
        };
    }
    Ok(table)
}
