//! Which package of a source has what a device lacks: the one that the table names,
//! or one with a module that answers the device, found by its contents.

use std::os::unix::fs::symlink;
use std::path::Path;

use lifeboat_sys::fs::{PathContext, Scratch, create_dir_all};
use lifeboat_sys::run::Tool;

use super::SupplyError;
use super::file::{Package, is_firmware, module, releases};
use crate::lacking::{Lack, Need};
use crate::modules::ModuleIndex;

/// Packages are unpacked here to be looked into: they may be larger than memory.
const WORK: &str = "/var/tmp";
/// So many packages are looked into; on a larger medium only those that are named are found.
const LOOKED_INTO: usize = 500;

/// What is known of a package's contents.
#[derive(Debug, Default)]
struct Contents {
    /// Its files, once they were asked for.
    files: Option<Vec<String>>,
    /// What its modules answer, once that was asked.
    index: Option<ModuleIndex>,
}

/// The packages of a source, which are looked into when that is needed.
#[derive(Debug)]
pub struct Offers<'a> {
    packages: &'a [Package],
    contents: Vec<Contents>,
    /// The running kernel's release.
    release: &'a str,
    /// Why packages that were meant are not taken.
    refusals: Vec<String>,
}

impl<'a> Offers<'a> {
    /// Nothing is looked into yet.
    pub fn new(packages: &'a [Package], release: &'a str) -> Self {
        Self {
            packages,
            contents: packages.iter().map(|_| Contents::default()).collect(),
            release,
            refusals: Vec::new(),
        }
    }

    /// Why packages that would have been the right ones were refused.
    pub fn refusals(self) -> Vec<String> {
        self.refusals
    }

    /// The package of this name, unless it is of another kernel.
    pub fn named(&mut self, name: &str) -> Result<Option<usize>, SupplyError> {
        for at in 0..self.packages.len() {
            if self.packages[at].is_called(name) && self.fits(at)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The package with what a device lacks.
    pub fn answer(&mut self, lack: &Lack) -> Result<Option<usize>, SupplyError> {
        if let Some(name) = &lack.package
            && let Some(at) = self.named(name)?
        {
            return Ok(Some(at));
        }
        if self.packages.len() > LOOKED_INTO {
            return Ok(None);
        }
        for at in 0..self.packages.len() {
            let has = match &lack.need {
                Need::Firmware(file) => {
                    let mut files = self.files(at)?.iter();
                    files.any(|path| is_firmware(path, file))
                }
                Need::Module(name) => self.drives(at, name.as_deref(), &lack.modalias)?,
            };
            if has && self.fits(at)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Whether a package has a module of this name, or one that answers the device.
    fn drives(
        &mut self,
        at: usize,
        name: Option<&str>,
        modalias: &str,
    ) -> Result<bool, SupplyError> {
        let files = self.files(at)?;
        let mut modules = files.iter().filter_map(|path| module(path)).peekable();
        if modules.peek().is_none() {
            return Ok(false);
        }
        if modules.any(|(_, known)| name == Some(&*known)) {
            return Ok(true);
        }
        let index = self.index(at)?;
        Ok(!index.matching(modalias).is_empty())
    }

    /// Whether a package is of the running kernel, or of none. One that is not is
    /// remembered with a sentence.
    fn fits(&mut self, at: usize) -> Result<bool, SupplyError> {
        let ours = self.release;
        let theirs = releases(self.files(at)?);
        if theirs.is_empty() || theirs.contains(ours) {
            return Ok(true);
        }
        let theirs = theirs.into_iter().collect::<Vec<_>>().join(", ");
        let sentence = format!(
            "0590-525 Package {} is of kernel {theirs}, and {ours} is running: it is not installed",
            self.packages[at].name
        );
        if !self.refusals.contains(&sentence) {
            self.refusals.push(sentence);
        }
        Ok(false)
    }

    fn files(&mut self, at: usize) -> Result<&[String], SupplyError> {
        let package = &self.packages[at];
        let slot = &mut self.contents[at].files;
        if slot.is_none() {
            let files = package.files().map_err(|source| SupplyError::Package {
                path: package.path.clone(),
                source,
            })?;
            *slot = Some(files);
        }
        Ok(slot.as_deref().unwrap_or_default())
    }

    /// What the modules of a package answer.
    fn index(&mut self, at: usize) -> Result<&ModuleIndex, SupplyError> {
        if self.contents[at].index.is_none() {
            let releases = releases(self.files(at)?).into_iter();
            let release = releases.map(str::to_owned).next().unwrap_or_default();
            let work = Scratch::below(Path::new(WORK))?;
            let index = unpacked(&self.packages[at], work.path(), &release)?;
            self.contents[at].index = Some(index);
        }
        Ok(self.contents[at].index.get_or_insert_default())
    }
}

/// Unpacks a package and has the system's depmod read its modules.
fn unpacked(package: &Package, into: &Path, release: &str) -> Result<ModuleIndex, SupplyError> {
    let unreadable = |source| SupplyError::Package {
        path: package.path.clone(),
        source,
    };
    package.unpack(into).map_err(unreadable)?;
    // A depmod looks into lib or usr/lib, and a package may have either.
    let (lib, usr) = (into.join("lib"), into.join("usr/lib"));
    if lib.exists() {
        link(Path::new("../lib"), &usr)?;
    } else {
        link(Path::new("usr/lib"), &lib)?;
    }
    let depmod = Tool::new("depmod").arg("-b").arg(into).arg(release);
    depmod.run().map_err(unreadable)?;
    Ok(ModuleIndex::read(&lib.join("modules").join(release))?)
}

fn link(target: &Path, at: &Path) -> Result<(), SupplyError> {
    if at.exists() {
        return Ok(());
    }
    if let Some(parent) = at.parent() {
        create_dir_all(parent)?;
    }
    Ok(symlink(target, at).at("create link", at)?)
}

#[cfg(test)]
mod tests;
