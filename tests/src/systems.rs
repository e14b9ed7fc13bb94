//! Systems to be backed up that no machine ever ran: Debian as its package manager
//! makes it, with the description of disks that it claims to come from.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lifeboat_sys::fs;
use lifeboat_sys::run::Tool;
use nix::unistd::Uid;

use crate::description;
use crate::lab::Lab;

/// A system with disks laid out in a certain way: a directory of `tests/systems`.
#[derive(Debug, Clone, Copy)]
pub struct System {
    /// The directory's name.
    pub name: &'static str,
    /// Debian's name for the release.
    pub release: &'static str,
    /// How its disks are laid out.
    pub image_data: &'static str,
    /// Files that must fit to that, by their paths in the system.
    pub files: &'static [(&'static str, &'static str)],
    /// Packages that it has beside those of all such systems.
    pub with: &'static [&'static str],
    /// Packages that it does not have, of those of all such systems.
    pub instead_of: &'static [&'static str],
    /// Packages that are purged from it.
    pub without: &'static [&'static str],
    /// Shell commands that succeed only in a system with these disks, one per line.
    pub check: &'static str,
}

impl System {
    /// The commands of `check`.
    pub fn commands(&self) -> impl Iterator<Item = &'static str> {
        self.check.lines().filter(|line| !line.starts_with('#'))
    }
}

/// Writes the backup of such a system.
///
/// # Errors
/// When a program fails.
pub fn backup(lab: &Lab, system: &System) -> Result<PathBuf> {
    let tree = lab.path(system.name);
    let with = system.with.iter().flat_map(|package| ["--with", package]);
    let instead_of = system.instead_of.iter();
    let instead_of = instead_of.flat_map(|package| ["--without", package]);
    let options = ["--bootable"].into_iter().chain(with).chain(instead_of);
    let options: Vec<&str> = options.collect();
    unpack(lab, system.release, &options, &tree)?;
    if !system.without.is_empty() {
        as_root("chroot")
            .arg(&tree)
            .args(["/usr/bin/dpkg", "--purge"])
            .args(system.without)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()?;
    }
    for (path, text) in system.files {
        put(lab, &tree.join(path), text)?;
    }
    let image_data = lab.path("image.data");
    fs::write(&image_data, system.image_data)?;
    let (_, bosinst_data) = description::demo(&lab.media.backup, &lab.path("answers"))?;
    let backup = lab.path(&format!("{}.mksysb", system.name));
    write(lab, &tree, &image_data, &bosinst_data, &backup)?;
    as_root("rm").args(["-rf", "--"]).arg(tree).run()?;
    Ok(backup)
}

/// Puts a file into a tree that belongs to root.
///
/// # Errors
/// When it cannot be written.
pub fn put(lab: &Lab, path: &Path, text: &str) -> Result<()> {
    let beside = lab.path("file");
    fs::write(&beside, text)?;
    as_root("install")
        .args(["-D", "-m", "644"])
        .arg(beside)
        .arg(path)
        .run()?;
    Ok(())
}

/// Unpacks a system of this release as its package manager made it. The kernel fills /dev.
///
/// # Errors
/// When it cannot be made or unpacked.
pub fn unpack(lab: &Lab, release: &str, options: &[&str], to: &Path) -> Result<()> {
    let printed = Tool::new(&lab.media.image_build)
        .args(["release", release])
        .args(options)
        .run()?
        .text();
    let tar = PathBuf::from(printed.trim());
    fs::create_dir_all(to)?;
    extracting(&tar, to).arg("--exclude=./dev/*").run()?;
    Ok(())
}

/// GNU tar that extracts everything of a file.
pub fn extracting(archive: &Path, to: &Path) -> Tool {
    as_root("tar")
        .args(["--extract", "--numeric-owner", "--preserve-permissions"])
        .args(["--xattrs", "--xattrs-include=*"])
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(to)
}

/// Writes the backup of a tree.
///
/// # Errors
/// When `lifeboat mksysb` fails.
pub fn write(
    lab: &Lab,
    tree: &Path,
    image_data: &Path,
    bosinst_data: &Path,
    to: &Path,
) -> Result<()> {
    as_root(&lab.media.host_lifeboat)
        .args(["mksysb", "--tree"])
        .arg(tree)
        .arg("--image-data")
        .arg(image_data)
        .arg("--bosinst-data")
        .arg(bosinst_data)
        .arg(to)
        .run()
        .with_context(|| format!("a backup of {}", tree.display()))?;
    Ok(())
}

/// A program that may make and read files of any owner: as root, or as the root of a
/// user namespace.
pub fn as_root(program: impl AsRef<OsStr>) -> Tool {
    if Uid::effective().is_root() {
        return Tool::new(program);
    }
    Tool::new("unshare")
        .args(["--map-root-user", "--map-auto", "--"])
        .arg(program)
}
