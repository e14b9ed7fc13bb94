//! `lifeboat bootlist`: the firmware's boot lists.

mod devices;
mod show;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lifeboat_boot::bootlist::{self, BootListError, List};
use lifeboat_boot::ofpath::Route;
use lifeboat_layout::disks;
use lifeboat_sys::fs::read_to_string;

use crate::out;
use crate::refused::misused;
use show::Style;

/// Where the kernel tells of devices.
pub(crate) const SYS: &str = "/sys";

/// Show or set the list of devices that the firmware boots from
///
/// A device is a disk (hdisk0, sda, /dev/mapper/mpatha), a CD drive (cd0) or a network
/// interface (eth0). pathid=0,2 after a disk takes only these of its paths; bserver=,
/// client= and gateway= after an interface are addresses for the firmware. Of
/// several disks the first path of each comes first, then the second ones.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// normal, service, both, or prevboot: where the last start came from
    #[arg(
        short = 'm',
        value_name = "MODE",
        value_enum,
        hide_possible_values = true
    )]
    mode: Mode,

    /// Show the list: hdisk0 (sda) blv=sda1 pathid=0
    #[arg(short = 'o')]
    show: bool,

    /// Show the firmware paths as they stand in NVRAM, one a line
    #[arg(short = 'r')]
    raw: bool,

    /// Show the list with the firmware path of each device
    #[arg(short = 'v')]
    verbose: bool,

    /// Show the list as JSON
    #[arg(long, conflicts_with_all = ["show", "raw", "verbose"])]
    json: bool,

    /// Empty the list
    #[arg(short = 'i', conflicts_with_all = ["file", "words", "check"])]
    invalidate: bool,

    /// A file with devices and attributes, taken before those of the command line
    #[arg(short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,

    /// Check the devices, and write nothing
    #[arg(short = 'V')]
    check: bool,

    /// The new list, in the order wanted
    #[arg(value_name = "DEVICE [ATTR=VALUE...]")]
    words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    Normal,
    Service,
    Both,
    Prevboot,
}

impl Mode {
    fn lists(self) -> &'static [List] {
        match self {
            Self::Normal => &[List::Normal],
            Self::Service => &[List::Service],
            Self::Both => &[List::Normal, List::Service],
            Self::Prevboot => &[],
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let style = args.style();
    let changes = args.invalidate || args.file.is_some() || !args.words.is_empty();
    if style.is_none() && !changes {
        return Ok(misused(
            "0590-711 Give -o to show the list, or the devices to set it to",
        ));
    }
    if changes && args.mode == Mode::Prevboot {
        return Ok(misused(
            "0590-740 -m prevboot says where the last start came from; it is not set",
        ));
    }
    let mut words = match &args.file {
        Some(file) => {
            let text = read_to_string(file)?;
            text.split_whitespace().map(str::to_owned).collect()
        }
        None => Vec::new(),
    };
    words.extend(args.words.iter().cloned());
    let wanted = match words::parse(&words) {
        Ok(wanted) => wanted,
        Err(sentence) => return Ok(misused(&sentence)),
    };
    let sysfs = Path::new(SYS);
    bootlist::ensure_list(sysfs)?;
    let disks = disks::probe(Path::new("/"))?;
    let mut code = ExitCode::SUCCESS;
    if changes {
        let ways = devices::ways(sysfs, &disks, &wanted)?;
        let list = fitting(bootlist::spread(&ways), bootlist::most(sysfs));
        if !args.invalidate
            && ways
                .iter()
                .any(|ways| !ways.iter().any(|way| list.contains(&way.path)))
        {
            code = ExitCode::FAILURE;
        }
        if args.check {
            list.iter().try_for_each(|path| out::line(path))?;
            return Ok(code);
        }
        for which in args.mode.lists() {
            bootlist::set(Path::new(bootlist::DEVICE), *which, &list)
                .inspect_err(|error| by_hand(error, &list))?;
        }
    }
    if let Some(style) = style {
        let shown = show::Machine::new(sysfs, &disks);
        for (variable, list) in lists(args.mode, sysfs)? {
            show::print(&shown, style, variable, &list)?;
        }
    }
    Ok(code)
}

impl Args {
    fn style(&self) -> Option<Style> {
        if self.json {
            Some(Style::Json)
        } else if self.raw {
            Some(Style::Raw)
        } else if self.verbose {
            Some(Style::Verbose)
        } else {
            self.show.then_some(Style::Plain)
        }
    }
}

/// The lists of a mode as they are now, with the variables that they stand in.
fn lists(mode: Mode, sysfs: &Path) -> Result<Vec<(&'static str, Vec<String>)>> {
    if mode == Mode::Prevboot {
        let path = bootlist::booted_from(sysfs);
        let path = path.context("0590-742 The firmware does not say what it has booted from")?;
        return Ok(vec![("bootpath", vec![path])]);
    }
    let device = Path::new(bootlist::DEVICE);
    let list = |list: &List| Ok((list.variable(), bootlist::get(device, *list)?));
    mode.lists().iter().map(list).collect()
}

/// The paths that the firmware takes, each once; what it does not take is said.
fn fitting(ways: Vec<Route>, most: Option<usize>) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for way in ways {
        if !list.contains(&way.path) {
            list.push(way.path);
        }
    }
    let most = most.unwrap_or(usize::MAX).min(list.len());
    for dropped in list.split_off(most) {
        eprintln!("lifeboat: 0590-743 The firmware takes {most} paths; left out: {dropped}");
    }
    list
}

/// Without NVRAM the paths are still good for the firmware's prompt.
fn by_hand(error: &BootListError, list: &[String]) {
    if matches!(error, BootListError::Device(_)) {
        for path in list {
            eprintln!("lifeboat: at the firmware prompt type: boot {path}");
        }
    }
}
