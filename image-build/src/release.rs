//! A small Debian system of any release, as a tar archive: for scenarios that back
//! up other systems than the demo.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::RunError;

use crate::cache::{self, CacheError, Key};
use crate::debian::{self, ARCHITECTURE};
use crate::progress::step;

/// What a package manager needs, and nothing else: the smallest that is a system.
const VARIANT: &str = "--variant=apt";
/// What makes it boot from every layout.
const BOOTABLE: &str = include_str!("../systems/packages");
const CUSTOMIZE: &str = include_str!("../systems/customize.sh");

/// An archive may lag behind a release that changes daily, and its signed list then be
/// older than it says it may be. The signature is checked all the same; nothing of
/// such a system becomes part of what we build.
const OF_ANY_AGE: &str = r#"--aptopt=Acquire::Check-Valid-Until "false""#;

/// The system cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// mmdebstrap failed.
    #[error("0590-960 A Debian system of {release} cannot be made")]
    Run {
        /// Which release.
        release: String,
        /// Why.
        #[source]
        source: RunError,
    },
    /// There is no place for it.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

/// What a system has.
#[derive(Debug, Default)]
pub struct Content {
    /// What makes it boot, from every layout that can be restored.
    pub bootable: bool,
    /// Packages that a bootable one has as well.
    pub with: Vec<String>,
    /// Packages that it does not have.
    pub without: Vec<String>,
}

/// The tar archive of a system of this release; it is kept in the cache.
///
/// # Errors
/// [`ReleaseError`] when it is not there and cannot be made.
pub fn system(release: &str, content: &Content) -> Result<PathBuf, ReleaseError> {
    let mut key = Key::default()
        .with(release)
        .with(ARCHITECTURE)
        .with(VARIANT);
    let mut kind = format!("system-{release}");
    if content.bootable {
        key = key.with(BOOTABLE).with(CUSTOMIZE);
        kind.push_str("-bootable");
    }
    for package in &content.with {
        key = key.with(package);
    }
    for package in &content.without {
        key = key.with("without").with(package);
    }
    let entry = cache::entry(&cache::directory()?, &kind, &key, false, |entry| {
        let what = format!("Making a Debian system of {release} (kept for the next time)");
        let tar = entry.join("rootfs.tar");
        step(&what, || {
            if content.bootable {
                make_bootable(release, content, &tar)
            } else {
                make(release, &[], &tar)
            }
        })
    })?;
    Ok(entry.join("rootfs.tar"))
}

fn make_bootable(release: &str, content: &Content, tar: &Path) -> Result<(), ReleaseError> {
    let (_hook, customize) = debian::customization(CUSTOMIZE)?;
    let is_out = |package: &&str| content.without.iter().any(|out| out == package);
    let list = BOOTABLE.lines().filter(|package| !is_out(package));
    let list: Vec<&str> = list
        .chain(content.with.iter().map(String::as_str))
        .collect();
    let packages = debian::packages(&list.join("\n"));
    make(release, &[&packages, &customize], tar)
}

fn make(release: &str, more: &[&str], tar: &Path) -> Result<(), ReleaseError> {
    let options = [&[VARIANT, OF_ANY_AGE], more].concat();
    debian::bootstrap(release, &options, tar).map_err(|source| ReleaseError::Run {
        release: release.to_owned(),
        source,
    })
}
