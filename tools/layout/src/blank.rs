//! What is blanked before something new is made, and the marks of a restore that
//! did not end.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::disks::Disk;
use crate::plan::Target;
use crate::signature::{MARK, UNFINISHED};
use crate::size::MB;

/// What is kept around the mark of a disk: a sector of any disk.
const SECTOR: u64 = 4096;

/// Puts the mark of an unfinished restore on a disk, or takes it off. It is to be
/// the first and the last that is written to a disk with a partition table.
///
/// # Errors
/// What the kernel said.
pub fn mark<D: Write + Seek>(device: &mut D, marked: bool) -> io::Result<()> {
    let bytes = if marked {
        UNFINISHED
    } else {
        &[0; UNFINISHED.len()]
    };
    device.seek(SeekFrom::Start(MARK))?;
    device.write_all(bytes)
}

/// Blanks both ends of the disk and of each new partition, where signatures of
/// old contents live, and the whole of PReP;
/// marks PReP with [`UNFINISHED`]. No partition table is left; the next one
/// finds the marks, that of the [disk](mark) too, in place.
///
/// # Errors
/// What the kernel said.
pub fn clear<D: Write + Seek>(target: &Target, device: &mut D) -> io::Result<()> {
    blank(device, 0, MARK)?;
    blank(device, MARK + SECTOR, MB - MARK - SECTOR)?;
    blank(device, target.disk.size - MB, MB)?;
    let partitions = target.partitions.iter().map(|p| (p.start, p.size));
    both_ends(partitions, device)?;
    if let Some(prep) = target.prep() {
        blank(device, prep.start, prep.size)?;
        device.seek(SeekFrom::Start(prep.start))?;
        device.write_all(UNFINISHED)?;
    }
    Ok(())
}

/// Blanks both ends of a disk and of each of its present partitions.
///
/// # Errors
/// What the kernel said.
pub(crate) fn ends<D: Write + Seek>(disk: &Disk, device: &mut D) -> io::Result<()> {
    let partitions = disk.partitions.iter().map(|p| (p.start, p.size));
    both_ends(std::iter::once((0, disk.size)).chain(partitions), device)
}

/// Of stretches given as first byte and length.
pub(crate) fn both_ends<D: Write + Seek>(
    stretches: impl Iterator<Item = (u64, u64)>,
    device: &mut D,
) -> io::Result<()> {
    for (start, size) in stretches {
        let length = MB.min(size);
        blank(device, start, length)?;
        blank(device, start + size - length, length)?;
    }
    Ok(())
}

fn blank<D: Write + Seek>(device: &mut D, start: u64, length: u64) -> io::Result<()> {
    device.seek(SeekFrom::Start(start))?;
    let written = io::copy(&mut io::repeat(0).take(length), device)?;
    if written == length {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Found, identify};
    use std::io::Cursor;

    #[test]
    fn the_mark_lies_within_what_is_looked_at() {
        let mut disk = Cursor::new(vec![0; 128 << 10]);
        mark(&mut disk, true).unwrap();
        assert_eq!(identify(disk.get_ref(), &[]).found, Found::Unfinished);
        mark(&mut disk, false).unwrap();
        assert_eq!(identify(disk.get_ref(), &[]).found, Found::Empty);
    }
}
