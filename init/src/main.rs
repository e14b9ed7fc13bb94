//! PID 1 of the rescue image.
//!
//! It prepares the system, gives devices their drivers, runs the menus on every
//! console, and brings the machine down in good order. It never ends.

mod devices;
mod events;
mod kmsg;
mod loopback;
mod mounts;
mod options;
mod panic;
mod policy;
mod setup;
mod shutdown;
mod station;
mod terminal;
mod uevent;

use std::process::exit;

use crate::events::Signals;
use crate::options::{Mode, Options};
use crate::station::Station;

fn main() -> ! {
    if std::process::id() != 1 {
        eprintln!("0590-601 This program is process 1 of the rescue image; it does nothing else");
        exit(2);
    }
    panic::install();
    kmsg::start();
    setup::file_systems();
    setup::standard_files();
    kmsg::open();
    let (options, complaints) = Options::read();
    if options.debug {
        log::set_max_level(log::LevelFilter::Debug);
    }
    setup::kernel(options);
    setup::busybox_links();

    // Threads inherit the mask: this comes before the first one.
    let signals = match Signals::take() {
        Ok(signals) => signals,
        Err(error) => panic!("signals cannot be taken: {error}"),
    };
    let quiet = devices::watch();
    let mut stations = stations(options.mode);
    let mut notes = complaints;
    notes.extend(
        quiet
            .as_ref()
            .err()
            .map(|error| format!("0590-611 New devices are not noticed: {error}")),
    );
    greet(&stations, &notes);
    let kind = events::serve(&signals, quiet.ok(), &mut stations);
    shutdown::shutdown(kind, &signals)
}

fn stations(mode: Mode) -> Vec<Station> {
    let terminals = terminal::consoles();
    if terminals.is_empty() {
        log::error!(
            "0590-608 There is no console that is a terminal; the machine waits for signals"
        );
    }
    let station = |(at, terminal)| Station::new(terminal, mode, at == 0);
    terminals.into_iter().enumerate().map(station).collect()
}

fn greet(stations: &[Station], notes: &[String]) {
    let banner = station::banner();
    log::info!("{banner}");
    for note in notes {
        log::warn!("{note}");
    }
    for station in stations {
        station.say(&banner);
        notes.iter().for_each(|note| station.say(note));
    }
}
