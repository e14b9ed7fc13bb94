//! The thread that gives devices their drivers.
//!
//! It loads modules, which may take long; the main loop meanwhile looks after
//! processes. It starts no process itself.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use lifeboat_devices::coldplug::{Coldplug, Findings};
use lifeboat_devices::insert::{Kernel, Parameters};
use lifeboat_devices::load::{LoadError, Loader};
use lifeboat_devices::modules::ModuleIndex;
use lifeboat_sys::fs::{FsError, attribute, read_to_string};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::utsname::uname;
use nix::unistd::pipe2;

use crate::uevent::{Event, Uevents};

/// Modules to load whatever the devices are, one in a line.
const WANTED: &str = "/etc/lifeboat/modules";
/// Devices are quiet when this many milliseconds pass without an event.
const QUIET: u16 = 100;

/// Starts the thread. What comes back becomes readable when all devices that
/// were there have their drivers and nothing new has appeared for a moment, and
/// is closed if that can never be.
///
/// # Errors
/// What the kernel said about the event socket.
pub fn watch() -> Result<OwnedFd, Errno> {
    // Before the first look at sysfs, so that no device falls between.
    let uevents = Uevents::open()?;
    let (quiet, tell) = pipe2(OFlag::O_CLOEXEC)?;
    thread::spawn(move || {
        if let Err(error) = serve(&uevents, File::from(tell)) {
            log::error!("0590-617 New devices are not noticed any more: {error}");
        }
    });
    Ok(quiet)
}

fn serve(uevents: &Uevents, tell: File) -> Result<(), Errno> {
    let directory = modules_directory();
    let cmdline = attribute("/proc/cmdline").unwrap_or_default();
    let index = ModuleIndex::read(&directory).unwrap_or_else(|error| {
        log::error!(
            "0590-612 There are only built-in drivers: {error}: {}",
            error.source
        );
        ModuleIndex::default()
    });
    let kernel = Kernel::new(&directory, Parameters::parse(&cmdline));
    let loader = Loader::new(&kernel, []);
    load_wanted(&index, &loader);
    let mut coldplug = Coldplug::new(&index, &loader);
    scan(&mut coldplug);
    follow(uevents, &mut coldplug, tell)
}

fn modules_directory() -> PathBuf {
    let base = Path::new("/lib/modules");
    uname().map_or_else(|_| base.to_owned(), |uname| base.join(uname.release()))
}

fn load_wanted(index: &ModuleIndex, loader: &Loader<'_>) {
    let wanted = read_to_string(WANTED).unwrap_or_else(|error| {
        log::info!("{error}: {}", error.source);
        String::new()
    });
    let names = || {
        wanted
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
    };
    for name in names().filter(|name| !index.knows(name)) {
        log::warn!("0590-613 {WANTED} names {name}, which is not in this image");
    }
    report_failures(&loader.load(&index.closure(names())).failed);
}

fn scan(coldplug: &mut Coldplug<'_>) {
    match coldplug.scan(Path::new("/sys")) {
        Ok(findings) => report(&findings),
        Err(error) => report_scan(&error),
    }
}

/// Follows events, for ever. Says once when devices are quiet.
fn follow(uevents: &Uevents, coldplug: &mut Coldplug<'_>, tell: File) -> Result<(), Errno> {
    let mut tell = Some(tell);
    loop {
        let patience = if tell.is_some() {
            PollTimeout::from(QUIET)
        } else {
            PollTimeout::NONE
        };
        match poll(
            &mut [PollFd::new(uevents.as_fd(), PollFlags::POLLIN)],
            patience,
        ) {
            Ok(0) => {
                if let Some(mut tell) = tell.take() {
                    // Without a reader nobody waits for it.
                    let _ = tell.write_all(b".");
                }
            }
            Ok(_) => answer(uevents, coldplug)?,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Answers all events in the queue.
fn answer(uevents: &Uevents, coldplug: &mut Coldplug<'_>) -> Result<(), Errno> {
    let mut modaliases = Vec::new();
    let mut lost = false;
    while let Some(event) = uevents.next()? {
        match event {
            Event::Appeared { modalias } => modaliases.push(modalias),
            Event::Lost => lost = true,
            Event::Other => {}
        }
    }
    if lost {
        log::warn!("0590-614 The kernel dropped events; all devices are looked at again");
        scan(coldplug);
    }
    report(&coldplug.answer(modaliases));
    Ok(())
}

fn report(findings: &Findings) {
    report_failures(&findings.failed);
    for modalias in &findings.unmatched {
        log::debug!("no module answers {modalias}");
    }
}

fn report_failures(failed: &[LoadError]) {
    for error in failed {
        let cause = std::error::Error::source(&error.source);
        let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
        log::warn!("{error}: {}{cause}", error.source);
    }
}

fn report_scan(error: &FsError) {
    log::error!(
        "0590-615 Devices cannot be listed: {error}: {}",
        error.source
    );
}
