//! The partition tables of a system's disks, and which partition is for the boot
//! record.

use super::blocks::{Blocks, Kind};
use super::error::SystemError;
use super::host::Host;
use super::table::{self, PartitionTable};
use crate::disks::Disk;
use crate::plan::PREP;
use crate::signature::{Found, HEAD, identify};

/// The type of a `PReP` partition in an MBR.
pub(super) const MBR_PREP: u8 = 0x41;

impl PartitionTable {
    /// The number of its `PReP` partition.
    pub(super) fn prep(&self) -> Option<u32> {
        match self {
            Self::Gpt { entries, .. } => {
                let prep = entries.iter().find(|entry| entry.kind == PREP)?;
                Some(prep.number)
            }
            Self::Mbr { entries, .. } => {
                let prep = entries.iter().find(|entry| entry.kind == MBR_PREP)?;
                Some(prep.number)
            }
        }
    }
}

/// The kernel's name of the `PReP` partition of a disk; where only multipath shows it,
/// multipath's. `None` where it has none, or its partition table cannot be read.
#[must_use]
pub fn prep_partition(host: &dyn Host, disk: &Disk) -> Option<String> {
    let number = table(host, disk).ok()??.prep()?;
    let partition = disk.partitions.iter().find(|p| p.number == number);
    partition
        .map(|partition| partition.name.clone())
        .or_else(|| of_multipath(host, disk, number))
}

/// Multipath takes the partitions of its paths away from the kernel.
fn of_multipath(host: &dyn Host, disk: &Disk, number: u32) -> Option<String> {
    let blocks = Blocks::read(host, &[]);
    let wholes = blocks.above(blocks.named(&disk.name)?);
    let mut parts = wholes.into_iter().flat_map(|whole| blocks.above(whole));
    let part = parts.find(|part| part.part_of_multipath() == Some(number))?;
    match &part.kind {
        Kind::Mapper { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// The partition table of a disk; `None` if it has none.
pub(super) fn table(host: &dyn Host, disk: &Disk) -> Result<Option<PartitionTable>, SystemError> {
    let node = format!("/dev/{}", disk.name.replace('!', "/"));
    let read = |offset, length| host.bytes(&node, offset, length);
    let head = read(0, table::HEAD.max(HEAD)).map_err(|source| SystemError::Read {
        node: node.clone(),
        source,
    })?;
    if ![Found::Gpt, Found::Mbr].contains(&identify(&head, &[]).found) {
        return Ok(None);
    }
    let sector = usize::try_from(disk.sector).unwrap_or(512);
    let parsed = table::parse(&head, disk.sector, |at| read(at, sector).ok());
    parsed.map(Some).map_err(|source| SystemError::Table {
        disk: disk.to_string(),
        source,
    })
}
