//! Whether the kernel had trouble with the target disks: a program that fails seldom
//! says which disk was to blame, and what was written late fails nobody.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use lifeboat_layout::disks::Disk;
use nix::libc::O_NONBLOCK;

/// Where the kernel tells what it says, one record for each read.
const KMSG: &str = "/dev/kmsg";
/// More than a record can have.
const RECORD: usize = 8192;
/// How many records are read at most.
const RECORDS: usize = 100_000;

/// A target disk failed.
#[derive(Debug, thiserror::Error)]
#[error("0590-474 The kernel reported {count} errors of {disk}, first: {first}; use another disk")]
pub struct DiskFailed {
    disk: String,
    count: usize,
    first: String,
}

/// What the kernel says from now on.
pub(crate) struct KernelLog(Option<File>);

impl KernelLog {
    /// Without the kernel's log (not root) nothing is ever found.
    pub(crate) fn open() -> Self {
        let open = || {
            let mut file = OpenOptions::new()
                .read(true)
                .custom_flags(O_NONBLOCK)
                .open(KMSG)?;
            file.seek(SeekFrom::End(0))?;
            Ok::<_, std::io::Error>(file)
        };
        let file = open();
        if let Err(error) = &file {
            log::warn!("cannot read {KMSG}: {error}");
        }
        Self(file.ok())
    }

    /// Whether one of the disks reported errors since the last look.
    ///
    /// # Errors
    /// [`DiskFailed`] for the first that did.
    pub(crate) fn check(&mut self, disks: &[&Disk]) -> Result<(), DiskFailed> {
        let said = self.read();
        let mut failures = disks.iter().filter_map(|disk| {
            let (count, first) = errors(&disk.name, &said)?;
            let disk = disk.to_string();
            Some(DiskFailed { disk, count, first })
        });
        failures.next().map_or(Ok(()), Err)
    }

    /// The records that came since the last time.
    fn read(&mut self) -> Vec<String> {
        let Some(file) = &mut self.0 else {
            return Vec::new();
        };
        let mut records = Vec::new();
        let mut buffer = [0; RECORD];
        for _ in 0..RECORDS {
            match file.read(&mut buffer) {
                Ok(length) if length > 0 => {
                    records.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                }
                // Records were overwritten before they were read; the next one is there.
                Err(error) if error.raw_os_error() == Some(nix::libc::EPIPE) => {}
                _ => break,
            }
        }
        records
    }
}

/// How many errors of a disk the records tell, and the first. Records are as in `3,512,1234567,-;I/O error, dev vda, sector 2048 op 0x1:(WRITE) ...`.
fn errors(disk: &str, records: &[String]) -> Option<(usize, String)> {
    let about = format!("error, dev {disk},");
    let texts = records
        .iter()
        .filter_map(|record| Some(record.split_once(';')?.1.lines().next()?.trim()));
    let found: Vec<&str> = texts.filter(|text| text.contains(&about)).collect();
    Some((found.len(), (*found.first()?).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_that_failed_is_named() {
        let records = [
            "6,511,1234560,-;EXT4-fs (dm-0): mounted filesystem\n",
            "3,512,1234567,-;I/O error, dev vda, sector 2048 op 0x1:(WRITE) flags 0x800\n SUBSYSTEM=block\n",
            "3,513,1234568,-;critical medium error, dev vda, sector 4096 op 0x0:(READ)\n",
            "3,514,1234569,-;I/O error, dev vdaa, sector 1 op 0x1:(WRITE)\n",
        ]
        .map(str::to_owned);
        let first = "I/O error, dev vda, sector 2048 op 0x1:(WRITE) flags 0x800";
        assert_eq!(errors("vda", &records), Some((2, first.to_owned())));
        assert_eq!(errors("vdb", &records), None);
    }
}
