//! `lifeboat devinstall`: install the packages that cfgmgr named.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use lifeboat_devices::packages::{Supplied, install};
use lifeboat_sys::fs::read_to_string;

use crate::{logging, out};

/// Install the packages that cfgmgr named
///
/// The list is what `cfgmgr --missing FILE` writes. Run cfgmgr afterwards: it configures
/// the devices.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The list of packages, one a line
    #[arg(short = 'f', value_name = "LIST")]
    list: PathBuf,

    /// A directory, a device or image with packages, one package, or repository
    #[arg(short = 'd', value_name = "SOURCE")]
    source: PathBuf,

    /// Print a summary: every package of the list, and what became of it
    #[arg(short = 's')]
    summary: bool,

    /// Say what is done
    #[arg(short = 'v')]
    verbose: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.verbose {
        logging::verbose();
    }
    let list = read_to_string(&args.list)?;
    let names = names(&list);
    ensure!(
        !names.is_empty(),
        "0590-752 {} names no package",
        args.list.display()
    );
    let supplied = install(Path::new("/"), &names, &args.source)?;
    if args.summary {
        for name in &names {
            out::line(&format!("{name} {}", outcome(name, &supplied)))?;
        }
    } else {
        tell(&supplied)?;
    }
    for sentence in &supplied.refused {
        eprintln!("{sentence}");
    }
    Ok(if supplied.refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints what was installed.
pub fn tell(supplied: &Supplied) -> Result<()> {
    let mut names = supplied.installed.iter();
    names.try_for_each(|name| out::line(&format!("package {name} installed")))
}

fn outcome(name: &str, supplied: &Supplied) -> &'static str {
    if supplied.installed.iter().any(|installed| installed == name) {
        "installed"
    } else {
        "not installed"
    }
}

/// The names in a list; what follows `#` is a comment.
fn names(list: &str) -> Vec<String> {
    let lines = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or(line).trim());
    let mut names: Vec<String> = lines
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_package_a_line() {
        assert_eq!(names("# lacking\nb\n\n a # twice\nb\n"), ["a", "b"]);
        assert!(names("#\n").is_empty());
    }
}
