//! The target disk itself: blanking, partition table, nodes.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_sys::block::reread_partitions;
use lifeboat_sys::fs::attribute;
use nix::errno::Errno;
use nix::fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise};

use super::ApplyError;
use crate::disks::Disk;
use crate::mbr::MbrEntry;
use crate::model::{PartitionKind, Role};
use crate::plan::{Plan, PlannedPartition, PlannedTable, Target};
use crate::signature::UNFINISHED;
use crate::{blank, gpt, mbr};

/// How long the kernel may take to read a table and to make nodes.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// The bit that marks the active partition of an MBR.
const ACTIVE: u64 = 0x80;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Puts the mark of an unfinished restore into every PReP, whatever boot record is there.
///
/// # Errors
/// [`ApplyError::Device`].
pub fn mark_prep(plan: &Plan) -> Result<(), ApplyError> {
    plan.boot_disks().try_for_each(|(_, prep)| {
        let marked = OpenOptions::new()
            .write(true)
            .open(&prep.device)
            .and_then(|mut device| {
                device.write_all(UNFINISHED)?;
                device.sync_all()
            });
        marked.map_err(failed("mark", &prep.device))
    })
}

/// Opens the target so that the kernel refuses if anything else holds it.
pub(super) fn open(disk: &Disk) -> Result<File, ApplyError> {
    let path = format!("/dev/{}", disk.name);
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_EXCL.bits() | OFlag::O_CLOEXEC.bits())
        .open(&path)
        .map_err(failed("open", &path))
}

/// Takes the mark of an unfinished restore off the disks: the last that a restore
/// writes, and of these the disk that boots the last.
///
/// # Errors
/// [`ApplyError::Device`].
pub fn unmark_disks(plan: &Plan) -> Result<(), ApplyError> {
    let marked = |target: &&Target| target.table != PlannedTable::None;
    plan.targets
        .iter()
        .filter(marked)
        .rev()
        .try_for_each(|target| {
            let path = target.device();
            let unmarked = OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|mut device| {
                    blank::mark(&mut device, false)?;
                    device.sync_all()
                });
            unmarked.map_err(failed("unmark", &path))
        })
}

fn failed(
    operation: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> ApplyError {
    let path = path.into();
    move |source| ApplyError::Device {
        operation,
        path,
        source,
    }
}

/// Marks the disk, blanks what could be mistaken for data, writes the table and
/// reads it back. A disk without a table is only blanked.
pub(super) fn partition(target: &Target, device: &mut File) -> Result<(), ApplyError> {
    let path = target.device();
    if target.table == PlannedTable::None {
        return blank(&target.disk, device);
    }
    blank::mark(device, true)
        .and_then(|()| device.sync_all())
        .and_then(|()| blank::clear(target, device))
        .map_err(failed("write to", &path))?;
    let (sector, entries) = (target.disk.sector, mbr_entries(target));
    match target.table {
        PlannedTable::Mbr(id) => mbr::write(id, &entries, sector, device)?,
        _ => gpt::write(target, device)?,
    }
    device.sync_all().map_err(failed("write to", &path))?;
    // Read from the disk, not from the page cache.
    let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    posix_fadvise(&*device, 0, 0, advice)
        .map_err(|errno| failed("read back", &path)(errno.into()))?;
    match target.table {
        PlannedTable::Mbr(id) => mbr::verify(id, &entries, sector, device)?,
        _ => gpt::verify(target, device)?,
    }
    Ok(())
}

/// The partitions as an MBR has them; those of a GPT have no such type.
fn mbr_entries(target: &Target) -> Vec<MbrEntry> {
    let entry = |partition: &PlannedPartition| match partition.kind {
        PartitionKind::Gpt(_) => None,
        PartitionKind::Mbr(kind) => Some(MbrEntry {
            number: partition.number,
            kind,
            active: partition.flags & ACTIVE != 0,
            start: partition.start,
            size: partition.size,
        }),
    };
    target.partitions.iter().filter_map(entry).collect()
}

/// Blanks both ends of a device that was just made: what an older one in the same
/// place held must not shine through.
pub(super) fn blank_node(path: &str) -> Result<(), ApplyError> {
    let blanked = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut device| {
            let size = device.seek(SeekFrom::End(0))?;
            blank::both_ends(std::iter::once((0, size)), &mut device)?;
            device.sync_all()
        });
    blanked.map_err(failed("write to", path))
}

/// Whether a device that was just made has the room that was planned.
pub(super) fn at_least(path: &str, wanted: u64) -> Result<(), ApplyError> {
    let size = File::open(path).and_then(|mut device| device.seek(SeekFrom::End(0)));
    let size = size.map_err(failed("read back", path))?;
    if size >= wanted {
        return Ok(());
    }
    Err(ApplyError::NotAsPlanned {
        what: path.to_owned(),
        wanted: format!("{wanted} bytes"),
        read: format!("{size} bytes"),
    })
}

/// Blanks both ends of a disk that gets no partition table, and of its old
/// partitions, and makes the kernel forget these.
pub(super) fn blank(disk: &Disk, device: &mut File) -> Result<(), ApplyError> {
    let path = format!("/dev/{}", disk.name);
    blank::ends(disk, device)
        .and_then(|()| device.sync_all())
        .map_err(failed("write to", &path))?;
    reread(&path, device, Instant::now() + LIMIT)
}

/// Tells the kernel of the new partitions and waits until all are there.
pub(super) fn announce(target: &Target, device: &File) -> Result<(), ApplyError> {
    let until = Instant::now() + LIMIT;
    reread(&target.device(), device, until)?;
    let sys = Path::new("/sys/class/block");
    target.partitions.iter().try_for_each(|partition| {
        let there = || is_there(sys, partition);
        wait_for(there, until)
            .then_some(())
            .ok_or_else(|| ApplyError::NoNode(partition.device.clone()))
    })
}

/// Makes the kernel read the partition table anew, or see that there is none.
fn reread(path: &str, device: &File, until: Instant) -> Result<(), ApplyError> {
    // Whoever looks at new disks (a udev daemon, a scan) holds a partition for a moment.
    while let Err(source) = reread_partitions(device) {
        let transient = [Errno::EBUSY, Errno::EINVAL, Errno::EINTR].map(|errno| errno as i32);
        if !source
            .raw_os_error()
            .is_some_and(|code| transient.contains(&code))
            || Instant::now() > until
        {
            return Err(ApplyError::Reread {
                path: path.to_owned(),
                limit: LIMIT,
                source,
            });
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Whether the node exists and the kernel's idea of it is ours.
fn is_there(sys: &Path, partition: &PlannedPartition) -> bool {
    let node = Path::new(&partition.device);
    let Some(name) = node.file_name() else {
        return false;
    };
    let bytes = |file| {
        attribute(sys.join(name).join(file))?
            .parse::<u64>()
            .ok()?
            .checked_mul(512)
    };
    // Of an extended partition the kernel shows no more than its table.
    let sized = partition.role == Role::Extended || bytes("size") == Some(partition.size);
    is_block_device(node) && bytes("start") == Some(partition.start) && sized
}

pub(super) fn is_block_device(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.file_type().is_block_device())
}

/// Looks again and again until `done` or the deadline.
pub(super) fn wait_for(done: impl Fn() -> bool, until: Instant) -> bool {
    loop {
        if done() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        thread::sleep(PAUSE);
    }
}
