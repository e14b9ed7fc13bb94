//! Partition tables, from their bytes.

use std::io::Cursor;

use gptman::GPT;

use crate::guid::Guid;
use crate::mbr::{MbrEntry, is_extended};

/// How much of the start of a disk [`parse`] wants: the GPT's header and 128
/// entries at any sector size.
pub(super) const HEAD: usize = 64 << 10;

/// How many logical partitions an MBR may have before we take it for a loop.
const LOGICAL: usize = 128;

/// Where the four entries of an MBR stand.
const ENTRIES: usize = 446;

/// A partition table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// GPT.
    #[error("the GPT cannot be read")]
    Gpt(#[source] gptman::Error),
    /// A chain of logical partitions leads nowhere.
    #[error("the logical partitions cannot be followed")]
    Chain,
    /// There is no signature.
    #[error("there is no partition table")]
    Missing,
}

/// A partition table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartitionTable {
    /// GPT.
    Gpt {
        /// GUID of the disk.
        guid: Guid,
        /// The used entries.
        entries: Vec<GptEntry>,
    },
    /// MBR.
    Mbr {
        /// The disk's signature.
        id: u32,
        /// The used entries, logical partitions from number 5.
        entries: Vec<MbrEntry>,
    },
}

/// A partition of a GPT. Places are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GptEntry {
    pub(super) number: u32,
    pub(super) kind: Guid,
    pub(super) uuid: Guid,
    pub(super) name: String,
    pub(super) flags: u64,
    pub(super) start: u64,
    pub(super) size: u64,
}

/// Reads the table at the start of a disk. `more` reads one sector, for the
/// logical partitions of an MBR.
pub(super) fn parse(
    head: &[u8],
    sector: u32,
    more: impl Fn(u64) -> Option<Vec<u8>>,
) -> Result<PartitionTable, TableError> {
    let size = usize::try_from(sector).map_err(|_| TableError::Missing)?;
    if head
        .get(size..)
        .is_some_and(|rest| rest.starts_with(b"EFI PART"))
    {
        return gpt(head, sector);
    }
    if head.get(510..512) != Some(&[0x55, 0xaa]) {
        return Err(TableError::Missing);
    }
    mbr(head, u64::from(sector), more)
}

fn gpt(head: &[u8], sector: u32) -> Result<PartitionTable, TableError> {
    let sector = u64::from(sector);
    let table = GPT::read_from(&mut Cursor::new(head), sector).map_err(TableError::Gpt)?;
    let used = table.iter().filter(|(_, entry)| entry.is_used());
    let entries = used.map(|(number, entry)| GptEntry {
        number,
        kind: Guid(entry.partition_type_guid),
        uuid: Guid(entry.unique_partition_guid),
        name: entry.partition_name.to_string(),
        flags: entry.attribute_bits,
        start: entry.starting_lba.saturating_mul(sector),
        size: (entry.ending_lba.saturating_add(1))
            .saturating_sub(entry.starting_lba)
            .saturating_mul(sector),
    });
    Ok(PartitionTable::Gpt {
        guid: Guid(table.header.disk_guid),
        entries: entries.collect(),
    })
}

fn mbr(
    head: &[u8],
    sector: u64,
    more: impl Fn(u64) -> Option<Vec<u8>>,
) -> Result<PartitionTable, TableError> {
    let mut entries: Vec<MbrEntry> = Vec::new();
    for (raw, number) in raw_entries(head).zip(1..) {
        entries.extend(raw.and_then(|raw| raw.entry(number, 0, sector)));
    }
    let extended = entries.iter().find(|e| is_extended(e.kind));
    if let Some(base) = extended.map(|e| e.start / sector) {
        // Each logical partition has a table of its own: itself and the next one,
        // that from where it stands, this from the start of all.
        let mut next = Some(base);
        let mut links = 0;
        while let Some(at) = next {
            links += 1;
            if links > LOGICAL {
                return Err(TableError::Chain);
            }
            let table = more(at * sector).ok_or(TableError::Chain)?;
            let pair: Vec<Option<Raw>> = raw_entries(&table).take(2).collect();
            let [own, following] = pair.as_slice() else {
                return Err(TableError::Chain);
            };
            let number = 5 + entries.iter().filter(|e| e.number > 4).count();
            let number = u32::try_from(number).map_err(|_| TableError::Chain)?;
            entries.extend(own.as_ref().and_then(|raw| raw.entry(number, at, sector)));
            next = following
                .as_ref()
                .filter(|raw| is_extended(raw.kind) && raw.start > 0)
                .map(|raw| base + u64::from(raw.start));
        }
    }
    let id = head.get(440..444).and_then(|id| id.try_into().ok());
    Ok(PartitionTable::Mbr {
        id: u32::from_le_bytes(id.ok_or(TableError::Missing)?),
        entries,
    })
}

/// An entry as it stands on the disk, in sectors from somewhere.
struct Raw {
    kind: u8,
    active: bool,
    start: u32,
    count: u32,
}

impl Raw {
    fn entry(&self, number: u32, base: u64, sector: u64) -> Option<MbrEntry> {
        (self.kind != 0 && self.count != 0).then(|| MbrEntry {
            number,
            kind: self.kind,
            active: self.active,
            start: (base + u64::from(self.start)) * sector,
            size: u64::from(self.count) * sector,
        })
    }
}

fn raw_entries(table: &[u8]) -> impl Iterator<Item = Option<Raw>> {
    (0..4).map(|index| {
        let raw = table.get(ENTRIES + index * 16..ENTRIES + index * 16 + 16)?;
        let word = |at: usize| Some(u32::from_le_bytes(raw.get(at..at + 4)?.try_into().ok()?));
        Some(Raw {
            kind: raw[4],
            active: raw[0] & 0x80 != 0,
            start: word(8)?,
            count: word(12)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::MB;
    use proptest::prelude::*;

    /// A sector with an MBR whose entries are kind, start and count.
    fn sector(entries: &[(u8, u32, u32)]) -> Vec<u8> {
        let mut sector = vec![0; 512];
        for (index, (kind, start, count)) in entries.iter().enumerate() {
            let at = ENTRIES + index * 16;
            sector[at + 4] = *kind;
            sector[at + 8..at + 12].copy_from_slice(&start.to_le_bytes());
            sector[at + 12..at + 16].copy_from_slice(&count.to_le_bytes());
        }
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }

    #[test]
    fn logical_partitions_are_followed() {
        let head = sector(&[(0x41, 8, 8), (0x0f, 100, 900)]);
        let more = |at: u64| match at / 512 {
            100 => Some(sector(&[(0x83, 2, 10), (5, 50, 60)])),
            150 => Some(sector(&[(0x82, 2, 20)])),
            _ => None,
        };
        let PartitionTable::Mbr { entries, .. } = parse(&head, 512, more).unwrap() else {
            panic!("no MBR")
        };
        let found: Vec<_> = entries
            .iter()
            .map(|e| (e.number, e.kind, e.start / 512, e.size / 512))
            .collect();
        assert_eq!(
            found,
            [
                (1, 0x41, 8, 8),
                (2, 0x0f, 100, 900),
                (5, 0x83, 102, 10),
                (6, 0x82, 152, 20)
            ]
        );
    }

    #[test]
    fn a_chain_in_a_circle_ends() {
        let head = sector(&[(5, 100, 900)]);
        let more = |_| Some(sector(&[(0x83, 2, 10), (5, 50, 60)]));
        assert!(matches!(parse(&head, 512, more), Err(TableError::Chain)));
        // Without a partition in each link nothing would be counted.
        let more = |_| Some(sector(&[(0, 0, 0), (5, 50, 60)]));
        assert!(matches!(parse(&head, 512, more), Err(TableError::Chain)));
    }

    #[test]
    fn what_is_no_table_says_so() {
        let blank = parse(&[0; 1024], 512, |_| None);
        assert!(matches!(blank, Err(TableError::Missing)));
        let mut broken = vec![0; HEAD];
        broken[4096..4104].copy_from_slice(b"EFI PART");
        assert!(matches!(
            parse(&broken, 4096, |_| None),
            Err(TableError::Gpt(_))
        ));
    }

    proptest! {
        /// What is written is read: `gaps` and `sizes` in MB.
        #[test]
        fn tables_that_we_write_are_read(
            id: u32,
            primary in prop::collection::vec((1u64..50, 1u64..100), 0..4),
            logical in prop::collection::vec((1u64..50, 1u64..100), 0..20),
            active: bool,
            sector in prop::sample::select(vec![512u32, 4096]),
        ) {
            let next = u32::try_from(primary.len()).unwrap() + 1;
            let mut at = MB;
            let mut entries = Vec::new();
            for ((gap, size), number) in primary.into_iter().zip(1..) {
                let (start, size, active) = (at + gap * MB, size * MB, active && number == 1);
                at = start + size;
                entries.push(MbrEntry { number, kind: 0x83, active, start, size });
            }
            let begin = at;
            for ((gap, size), number) in logical.into_iter().zip(5..) {
                // The table of the first stands where the extended partition begins.
                let start = at + if number == 5 { MB } else { gap * MB };
                at = start + size * MB;
                entries.push(MbrEntry { number, kind: 0x8e, active: false, start, size: size * MB });
            }
            if at > begin {
                let extended = MbrEntry {
                    number: next,
                    kind: 0x0f,
                    active: false,
                    start: begin,
                    size: at - begin,
                };
                entries.push(extended);
            }
            let tables = crate::mbr::tables(id, &entries, sector).unwrap();
            let more = |place: u64| {
                let found = tables.iter().find(|(at, _)| at * u64::from(sector) == place);
                found.map(|(_, table)| table.to_vec())
            };
            let read = parse(&tables[0].1, sector, more).unwrap();
            entries.sort_by_key(|entry| entry.number);
            prop_assert_eq!(read, PartitionTable::Mbr { id, entries });
        }

        #[test]
        fn any_bytes_are_answered(mut head in prop::collection::vec(any::<u8>(), 600..2000), gpt: bool) {
            head[510..512].copy_from_slice(&[0x55, 0xaa]);
            if gpt {
                head[512..520].copy_from_slice(b"EFI PART");
            }
            let _ = parse(&head, 512, |_| Some(head[..512].to_vec()));
        }
    }
}
