//! Installing the software that devices lack: from a directory, a medium, or the
//! distribution's own archive.
//!
//! Packages are installed by the system's own tools, never taken apart into the system.

mod choice;
mod file;
mod install;
mod medium;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::RunError;

use crate::cfgmgr::Report;
use crate::system::System;
use choice::Offers;
use file::Package;
use install::Installer;
use medium::Medium;

/// The source that is the distribution's own archive, reached by its package manager.
pub const REPOSITORY: &str = "repository";

/// Packages could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum SupplyError {
    /// The source is nothing that can hold packages.
    #[error(
        "0590-515 {} is no directory, no device and no file; for the distribution's own \
         archive, say {REPOSITORY}", .0.display()
    )]
    NoSource(PathBuf),
    /// The medium could not be mounted.
    #[error("0590-516 {} cannot be mounted", path.display())]
    Mount {
        /// The device or image.
        path: PathBuf,
        /// What mount said.
        #[source]
        source: RunError,
    },
    /// The medium could not be let go.
    #[error("0590-517 {} cannot be unmounted", path.display())]
    Unmount {
        /// Where it was mounted.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// There is nothing to choose from.
    #[error("0590-518 {} holds no package of this system's kind ({suffix})", path.display())]
    NoPackages {
        /// The source.
        path: PathBuf,
        /// How names of such packages end.
        suffix: &'static str,
    },
    /// The system has no package manager, as the rescue image.
    #[error(
        "0590-519 No program that installs packages is on this system; install them in the \
         restored system"
    )]
    NoManager,
    /// The package manager failed.
    #[error("0590-520 Packages could not be installed: {names}")]
    Install {
        /// The packages.
        names: String,
        /// What it said.
        #[source]
        source: RunError,
    },
    /// depmod failed.
    #[error("0590-521 The index of the kernel's modules could not be made anew")]
    Depmod(#[source] RunError),
    /// A package could not be read.
    #[error("0590-522 Package {} cannot be read", path.display())]
    Package {
        /// Its file.
        path: PathBuf,
        /// What the tool said.
        #[source]
        source: RunError,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

/// What became of the packages that were wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supplied {
    /// The packages that are installed now, by name.
    pub installed: Vec<String>,
    /// What was not installed, a sentence with a number each.
    pub refused: Vec<String>,
}

/// Installs what a report says is lacking, as far as `from` has it: a directory, a
/// device or image with packages, one package, or [`REPOSITORY`].
///
/// # Errors
/// [`SupplyError`]; what is not in the source is part of the answer.
pub fn supply(root: &Path, report: &Report, from: &Path) -> Result<Supplied, SupplyError> {
    let system = System::running(root);
    let installer = Installer::of(&system)?;
    let lacking = report.lacking.iter().filter(|lack| lack.needed);
    if from == Path::new(REPOSITORY) {
        let names = report.packages().into_iter().map(str::to_owned).collect();
        return by_name(&system, &installer, names);
    }
    let medium = Medium::open(from)?;
    let packages = medium.packages(installer.format())?;
    let mut offers = Offers::new(&packages, &system.release);
    let (mut chosen, mut refused) = (BTreeSet::new(), Vec::new());
    for lack in lacking {
        match offers.answer(lack)? {
            Some(at) => drop(chosen.insert(at)),
            None => refused.push(format!(
                "0590-523 {} has nothing for {}",
                from.display(),
                lack.device
            )),
        }
    }
    if !refused.is_empty() {
        refused.extend(offers.refusals());
    }
    let chosen: Vec<&Package> = chosen.into_iter().map(|at| &packages[at]).collect();
    finish(&system, &installer, medium, &chosen, refused)
}

/// Installs packages by name from such a source.
///
/// # Errors
/// As [`supply`].
pub fn install(root: &Path, names: &[String], from: &Path) -> Result<Supplied, SupplyError> {
    let system = System::running(root);
    let installer = Installer::of(&system)?;
    if from == Path::new(REPOSITORY) {
        return by_name(&system, &installer, names.to_vec());
    }
    let medium = Medium::open(from)?;
    let packages = medium.packages(installer.format())?;
    let mut offers = Offers::new(&packages, &system.release);
    let (mut chosen, mut refused) = (BTreeSet::new(), Vec::new());
    for name in names {
        match offers.named(name)? {
            Some(at) => drop(chosen.insert(at)),
            None => refused.push(format!("0590-524 {} has no package {name}", from.display())),
        }
    }
    if !refused.is_empty() {
        refused.extend(offers.refusals());
    }
    let chosen: Vec<&Package> = chosen.into_iter().map(|at| &packages[at]).collect();
    finish(&system, &installer, medium, &chosen, refused)
}

fn finish(
    system: &System<'_>,
    installer: &Installer,
    medium: Medium,
    chosen: &[&Package],
    refused: Vec<String>,
) -> Result<Supplied, SupplyError> {
    installer.files(chosen)?;
    medium.close()?;
    if !chosen.is_empty() {
        install::index(system)?;
    }
    Ok(Supplied {
        installed: chosen.iter().map(|package| package.name.clone()).collect(),
        refused,
    })
}

fn by_name(
    system: &System<'_>,
    installer: &Installer,
    names: Vec<String>,
) -> Result<Supplied, SupplyError> {
    if !names.is_empty() {
        installer.names(&names)?;
        install::index(system)?;
    }
    Ok(Supplied {
        installed: names,
        refused: Vec::new(),
    })
}
