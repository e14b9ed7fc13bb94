//! The main loop of PID 1: signals, the end of processes, new programs on the
//! consoles.
//!
//! This is the only place that waits for processes: the status of a process
//! can be read once, and a second reader would steal it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use crate::shutdown::Kind;
use crate::station::Station;

/// When the operator is told that we wait for devices.
const PATIENCE: Duration = Duration::from_secs(3);
/// When the menus start, whatever devices do. A slow adapter takes half a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// The signals that PID 1 takes, and what they ask for: those of busybox and
/// sysvinit, ctrl-alt-del (SIGINT) and a failing power supply.
const REQUESTS: [(Signal, Kind); 5] = [
    (Signal::SIGTERM, Kind::Restart),
    (Signal::SIGINT, Kind::Restart),
    (Signal::SIGUSR1, Kind::Halt),
    (Signal::SIGUSR2, Kind::PowerOff),
    (Signal::SIGPWR, Kind::PowerOff),
];

/// The signals, as a file.
pub struct Signals(SignalFd);

impl Signals {
    /// Takes the signals of this thread and of all that it starts.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn take() -> Result<Self, Errno> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        REQUESTS.iter().for_each(|(signal, _)| mask.add(*signal));
        mask.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        SignalFd::with_flags(&mask, flags).map(Self)
    }

    /// Empties the queue; the last request in it, if any.
    fn request(&self) -> Option<Kind> {
        let mut last = None;
        while let Ok(Some(info)) = self.0.read_signal() {
            let request = REQUESTS
                .iter()
                .find(|(signal, _)| u32::try_from(*signal as i32) == Ok(info.ssi_signo));
            if let Some((signal, kind)) = request {
                log::info!("{} from process {}", signal.as_str(), info.ssi_pid);
                last = Some(*kind);
            }
        }
        last
    }

    /// Reads the status of every process that has ended. Signals coalesce, so
    /// one may stand for many.
    fn reap(&self, mut ended: impl FnMut(WaitStatus)) -> Processes {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return Processes::Some,
                Ok(status) => ended(status),
                Err(Errno::EINTR) => {}
                Err(_) => return Processes::None,
            }
        }
    }

    /// Waits until there is no process but this one.
    ///
    /// # Errors
    /// The limit is over, and some still run.
    pub fn wait_for_all(&self, limit: Duration) -> Result<(), Errno> {
        let end = Instant::now() + limit;
        while let Processes::Some = self.reap(drop) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Errno::ETIMEDOUT);
            }
            wait(&[self.0.as_fd()], Some(left));
            self.request();
        }
        Ok(())
    }
}

/// Whether there are processes below this one.
enum Processes {
    Some,
    None,
}

/// Runs the consoles until somebody asks for the end. `quiet` becomes readable
/// (or is closed) when devices have their drivers.
pub fn serve(signals: &Signals, quiet: Option<OwnedFd>, stations: &mut [Station]) -> Kind {
    if let Some(quiet) = quiet
        && let Some(kind) = wait_for_devices(signals, &quiet, stations)
    {
        return kind;
    }
    loop {
        let now = Instant::now();
        stations
            .iter_mut()
            .for_each(|station| station.start_due(now));
        let next = stations.iter().filter_map(Station::due).min();
        wait(
            &[signals.0.as_fd()],
            next.map(|when| when.saturating_duration_since(Instant::now())),
        );
        if let Some(kind) = signals.request() {
            return kind;
        }
        signals.reap(|status| {
            stations
                .iter_mut()
                .for_each(|station| station.ended(status));
        });
    }
}

fn wait_for_devices(signals: &Signals, quiet: &OwnedFd, stations: &[Station]) -> Option<Kind> {
    let start = Instant::now();
    for (limit, message) in [
        (PATIENCE, "Waiting for devices ..."),
        (
            LONGEST,
            "0590-616 Some devices are still starting; they appear when they are ready",
        ),
    ] {
        while start.elapsed() < limit {
            let ready = wait(
                &[quiet.as_fd(), signals.0.as_fd()],
                Some(limit - start.elapsed()),
            );
            if let Some(kind) = signals.request() {
                return Some(kind);
            }
            signals.reap(drop);
            if ready {
                return None;
            }
        }
        stations.iter().for_each(|station| station.say(message));
    }
    None
}

/// Waits until one of the files is readable or the time is over; whether the
/// first one is.
fn wait(files: &[BorrowedFd<'_>], limit: Option<Duration>) -> bool {
    let timeout = limit.map_or(PollTimeout::NONE, |limit| {
        // Rounded up, or we would spin in the last millisecond.
        PollTimeout::try_from(limit + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    });
    let mut files: Vec<PollFd<'_>> = files
        .iter()
        .map(|file| PollFd::new(*file, PollFlags::POLLIN))
        .collect();
    // An interruption is as good as an event: the callers look again.
    poll(&mut files, timeout).is_ok() && files[0].any().unwrap_or(false)
}
