//! Mounts that only this process sees.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

/// Where snapshots are mounted.
const PLACE: &str = "/run/lifeboat/snapshots";

/// Gives this thread, and those that it starts, a mount namespace of its own. What the
/// system mounts and unmounts from now on is seen here too, but not the other way.
pub(super) fn private() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    let flags = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    Ok(mount(none, "/", none, flags, none)?)
}

/// Mounts a snapshot read-only, and says where.
pub(super) fn snapshot(device: &Path, kind: &str, index: usize) -> io::Result<PathBuf> {
    let place = Path::new(PLACE).join(index.to_string());
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place)?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(device), &place, Some(kind), flags, options(kind))?;
    Ok(place)
}

/// XFS does not mount a file system whose UUID is mounted already.
fn options(kind: &str) -> Option<&'static str> {
    (kind == "xfs").then_some("nouuid")
}

/// Unmounts it.
pub(super) fn leave(place: &Path) -> io::Result<()> {
    const TRIES: u32 = 20;
    for _ in 1..TRIES {
        match umount2(place, MntFlags::UMOUNT_NOFOLLOW) {
            Err(Errno::EBUSY) => thread::sleep(Duration::from_millis(200)),
            other => return Ok(other?),
        }
    }
    Ok(umount2(place, MntFlags::UMOUNT_NOFOLLOW)?)
}
