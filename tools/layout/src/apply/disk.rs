//! The target disk itself: blanking, partition table, nodes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_sys::block::reread_partitions;
use lifeboat_sys::fs::attribute;
use nix::errno::Errno;
use nix::fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise};

use super::ApplyError;
use crate::disks::Disk;
use crate::gpt;
use crate::plan::{Plan, PlannedPartition, Target};
use crate::signature::UNFINISHED;

/// How long the kernel may take to read a table and to make nodes.
const LIMIT: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Puts the mark of an unfinished restore into every PReP, or takes it off, which
/// `grub-install` wants before it writes the boot record.
///
/// # Errors
/// [`ApplyError::Device`].
pub fn mark_prep(plan: &Plan, marked: bool) -> Result<(), ApplyError> {
    plan.boot_disks()
        .try_for_each(|(_, prep)| mark(&prep.device, marked))
}

fn mark(prep: &str, marked: bool) -> Result<(), ApplyError> {
    let bytes = if marked {
        UNFINISHED
    } else {
        &[0; UNFINISHED.len()]
    };
    OpenOptions::new()
        .write(true)
        .open(prep)
        .and_then(|mut device| {
            device.write_all(bytes)?;
            device.sync_all()
        })
        .map_err(|source| ApplyError::Device {
            operation: "mark",
            path: prep.into(),
            source,
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
        .map_err(|source| ApplyError::Device {
            operation: "open",
            path: path.into(),
            source,
        })
}

/// Blanks what could be mistaken for data, writes the table and reads it back.
pub(super) fn partition(target: &Target, device: &mut File) -> Result<(), ApplyError> {
    let failed = |operation| {
        let path = target.device().into();
        move |source| ApplyError::Device {
            operation,
            path,
            source,
        }
    };
    gpt::clear(target, device).map_err(failed("write to"))?;
    gpt::write(target, device)?;
    device.sync_all().map_err(failed("write to"))?;
    // Read from the disk, not from the page cache.
    let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    posix_fadvise(&*device, 0, 0, advice).map_err(|errno| failed("read back")(errno.into()))?;
    gpt::verify(target, device)?;
    Ok(())
}

/// Blanks both ends of a disk that gets no partition table, and of its old
/// partitions, and makes the kernel forget these.
pub(super) fn blank(disk: &Disk, device: &mut File) -> Result<(), ApplyError> {
    let path = format!("/dev/{}", disk.name);
    gpt::blank_ends(disk, device)
        .and_then(|()| device.sync_all())
        .map_err(|source| ApplyError::Device {
            operation: "write to",
            path: (&path).into(),
            source,
        })?;
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
    is_block_device(node)
        && bytes("start") == Some(partition.start)
        && bytes("size") == Some(partition.size)
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
