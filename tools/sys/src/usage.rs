//! What a program took.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// What a program took, with all the programs that it ran and waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// From its start to its end.
    pub wall: Duration,
    /// Processor time of the programs themselves.
    pub user: Duration,
    /// Processor time of the kernel on their behalf.
    pub system: Duration,
    /// The most memory that the largest of the processes had at any time, in bytes.
    pub memory: u64,
}

impl Usage {
    /// Processor time in all.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

/// As [`Child::try_wait`], with what the child took; its wall time is left at zero.
/// After an answer the child is gone: nobody may wait for it or signal it again.
pub(crate) fn try_wait(child: &Child) -> io::Result<Option<(ExitStatus, Usage)>> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to locals of the types that wait4 writes, and a
    // zeroed rusage is a valid one.
    #[expect(unsafe_code, reason = "nix has no wait4")]
    let (reaped, usage) = unsafe {
        let reaped = libc::wait4(pid, &raw mut status, libc::WNOHANG, usage.as_mut_ptr());
        (reaped, usage.assume_init())
    };
    match reaped {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        _ => Ok(Some((ExitStatus::from_raw(status), of(&usage)))),
    }
}

fn of(usage: &libc::rusage) -> Usage {
    let time = |time: libc::timeval| {
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    Usage {
        wall: Duration::ZERO,
        user: time(usage.ru_utime),
        system: time(usage.ru_stime),
        // Linux counts KiB.
        memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) << 10,
    }
}
