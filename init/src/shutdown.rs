//! The end: programs, file systems, volume groups, then the machine.

use std::convert::Infallible;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{attribute, read_to_string};
use lifeboat_sys::run::Tool;
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pause, sync};

use crate::events::Signals;
use crate::mounts::{swaps, to_unmount};
use crate::setup;

/// Time for programs to end by themselves.
const POLITE: Duration = Duration::from_secs(5);
/// Time for killed programs to be gone; one that waits for a dead disk stays.
const KILLED: Duration = Duration::from_secs(3);
/// Time for what writes to disks.
const WRITING: Duration = Duration::from_secs(60);
/// A mount may be busy because of one below it that is not listed after it.
const PASSES: usize = 3;

/// How the machine ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It starts again.
    Restart,
    /// It stops and stays on.
    Halt,
    /// It goes off.
    PowerOff,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Halt => "halt",
            Self::PowerOff => "power off",
        }
    }

    fn mode(self) -> RebootMode {
        match self {
            Self::Restart => RebootMode::RB_AUTOBOOT,
            Self::Halt => RebootMode::RB_HALT_SYSTEM,
            Self::PowerOff => RebootMode::RB_POWER_OFF,
        }
    }
}

/// Brings the machine down in good order. What hangs is left behind and named.
pub fn shutdown(kind: Kind, signals: &Signals) -> ! {
    // The menus are over: the kernel shows our steps, and its own, on all consoles.
    setup::console_level(6);
    log::warn!("stopping programs");
    stop_programs(signals);
    let swaps = swaps(&attribute("/proc/swaps").unwrap_or_default());
    if !swaps.is_empty() {
        log::warn!("taking swap space out of use");
        run(&Tool::new("/sbin/swapoff").args(swaps));
    }
    log::warn!("unmounting file systems");
    bounded("unmounting file systems", unmount_all);
    if has_device_mapper() {
        log::warn!("deactivating volume groups");
        run(&Tool::new("/sbin/lvm").args(["vgchange", "--activate", "n", "--quiet"]));
    }
    log::warn!("writing what is left to the disks");
    bounded("writing to the disks", sync);
    log::warn!("{}", kind.name());
    let Err::<Infallible, _>(error) = reboot(kind.mode());
    log::error!("0590-625 The kernel does not {}: {error}", kind.name());
    loop {
        pause();
    }
}

/// Asks all programs to end, then kills them. An interactive shell ignores
/// SIGTERM, a stopped program reacts only when it continues.
fn stop_programs(signals: &Signals) {
    let everybody = Pid::from_raw(-1);
    let send = |signal: Signal| match kill(everybody, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => log::warn!("{}: {error}", signal.as_str()),
    };
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCONT] {
        send(signal);
    }
    if signals.wait_for_all(POLITE).is_ok() {
        return;
    }
    send(Signal::SIGKILL);
    if signals.wait_for_all(KILLED).is_err() {
        log::error!("0590-621 Some programs cannot be stopped; they wait for a device");
    }
}

/// Unmounts all but our own, last mounted first; what stays busy becomes
/// read-only.
fn unmount_all() {
    for pass in 1..=PASSES {
        let mountinfo = match read_to_string("/proc/self/mountinfo") {
            Ok(text) => text,
            Err(error) => return log::error!("{}", chain(&error)),
        };
        let points = to_unmount(&mountinfo, &setup::own_mount_points());
        if points.is_empty() {
            return;
        }
        for point in points {
            match umount2(&*point, MntFlags::UMOUNT_NOFOLLOW) {
                Ok(()) => log::info!("{point} unmounted"),
                Err(error) if pass == PASSES => make_read_only(&point, error),
                Err(error) => log::info!("{point}: {error}"),
            }
        }
    }
}

fn make_read_only(point: &str, busy: Errno) {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    match mount(None::<&str>, point, None::<&str>, flags, None::<&str>) {
        Ok(()) => log::error!("0590-622 {point} cannot be unmounted ({busy}) and is read-only now"),
        Err(error) => log::error!(
            "0590-623 {point} cannot be unmounted ({busy}) nor made read-only ({error})"
        ),
    }
}

fn has_device_mapper() -> bool {
    let devices = std::fs::read_dir("/sys/block")
        .into_iter()
        .flatten()
        .flatten();
    let mut names = devices.map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with("dm-")) && Path::new("/sbin/lvm").exists()
}

fn run(tool: &Tool) {
    if let Err(error) = tool.clone().deadline(WRITING).run() {
        log::error!("{}", chain(&error));
    }
}

/// Does something that may hang on a dead disk for ever, but waits for it only
/// so long.
fn bounded(what: &str, work: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        work();
        // Nobody listens any more if it took too long.
        let _ = done.send(());
    });
    if wait.recv_timeout(WRITING).is_err() {
        log::error!(
            "0590-624 {what} did not end within {} seconds",
            WRITING.as_secs()
        );
    }
}
