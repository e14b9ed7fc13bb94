//! A directory, or a medium that is mounted for as long as packages are taken from it.

use std::fs::read_dir;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_sys::fs::{FsError, PathContext, private_directory};
use lifeboat_sys::run::Tool;
use nix::mount::{MntFlags, umount2};

use super::SupplyError;
use super::file::{Format, Package};

/// A drive may have to start first.
const LIMIT: Duration = Duration::from_secs(120);
/// A tree of packages is not deeper.
const DEPTH: usize = 12;
/// Nor has it more packages: those of all of Debian are fewer.
const PACKAGES: usize = 200_000;

/// Where packages are.
#[derive(Debug)]
pub struct Medium {
    /// What the user named.
    source: PathBuf,
    /// The directory to look into; or the one package.
    place: PathBuf,
    /// Whether the place is a mount point of ours.
    is_mounted: bool,
}

impl Medium {
    /// Opens a source: a directory as it is, a device or an image by mounting it.
    pub fn open(source: &Path) -> Result<Self, SupplyError> {
        let source = device(source);
        let kind = std::fs::metadata(&source);
        let kind = kind.map_err(|_| SupplyError::NoSource(source.clone()))?;
        let is_package = [Format::Deb, Format::Rpm]
            .iter()
            .any(|&format| Package::of_path(&source, format).is_some());
        if kind.is_dir() || (kind.is_file() && is_package) {
            return Ok(Self {
                place: source.clone(),
                source,
                is_mounted: false,
            });
        }
        let place = private_directory(Path::new("/run"))?;
        let mount = Tool::new("mount").args(["-o", "ro,nodev,nosuid,noexec"]);
        let mounted = mount.arg(&source).arg(&place).deadline(LIMIT).run();
        if let Err(error) = mounted {
            // Empty and below /run: it is gone with the next start at the latest.
            let _ = std::fs::remove_dir(&place);
            return Err(SupplyError::Mount {
                path: source,
                source: error,
            });
        }
        Ok(Self {
            source,
            place,
            is_mounted: true,
        })
    }

    /// The packages of a kind, sorted by path.
    pub fn packages(&self, format: Format) -> Result<Vec<Package>, SupplyError> {
        let mut packages = Vec::new();
        if self.place.is_dir() {
            find(&self.place, format, DEPTH, &mut packages)?;
        } else {
            packages.extend(Package::of_path(&self.place, format));
        }
        packages.sort_by(|a, b| a.path.cmp(&b.path));
        if packages.is_empty() {
            return Err(SupplyError::NoPackages {
                path: self.source.clone(),
                suffix: format.suffix(),
            });
        }
        Ok(packages)
    }

    /// Lets the medium go.
    pub fn close(mut self) -> Result<(), SupplyError> {
        self.unmount().map_err(|source| SupplyError::Unmount {
            path: self.place.clone(),
            source,
        })
    }

    fn unmount(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.is_mounted) {
            umount2(&self.place, MntFlags::empty())?;
            std::fs::remove_dir(&self.place)?;
        }
        Ok(())
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        // After an error: that one is told, and the mount point is private.
        if let Err(error) = self.unmount() {
            log::warn!("{} stays mounted: {error}", self.place.display());
        }
    }
}

/// AIX calls CD drives `cd0`, with or without `/dev/`.
fn device(source: &Path) -> PathBuf {
    let name = source.strip_prefix("/dev").unwrap_or(source);
    let number = name.to_str().and_then(|name| name.strip_prefix("cd"));
    match number {
        Some(number) if number.parse::<u8>().is_ok() && !source.exists() => {
            PathBuf::from(format!("/dev/sr{number}"))
        }
        _ => source.to_owned(),
    }
}

/// Adds the packages below a directory. Links are not followed: on Debian's CDs one leads
/// back to the start.
fn find(
    directory: &Path,
    format: Format,
    depth: usize,
    packages: &mut Vec<Package>,
) -> Result<(), FsError> {
    for entry in read_dir(directory).at("list", directory)? {
        let entry = entry.at("list", directory)?;
        let kind = entry.file_type().at("examine", entry.path())?;
        if kind.is_dir() && depth > 0 {
            find(&entry.path(), format, depth - 1, packages)?;
        } else if kind.is_file() && packages.len() < PACKAGES {
            packages.extend(Package::of_path(&entry.path(), format));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    #[test]
    fn packages_are_found_in_a_tree_like_a_cds() {
        let cd = tempfile::tempdir().unwrap();
        let pool = cd.path().join("pool/main/l/linux");
        create_dir_all(&pool).unwrap();
        for file in ["b_1_all.deb", "a_1_all.deb", "a-1-1.noarch.rpm", "README"] {
            write(pool.join(file), "").unwrap();
        }
        symlink(".", cd.path().join("debian")).unwrap();
        let medium = Medium::open(cd.path()).unwrap();
        let names = |format| {
            let packages = medium.packages(format).unwrap();
            packages
                .into_iter()
                .map(|package| package.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Format::Deb), ["a", "b"]);
        assert_eq!(names(Format::Rpm), ["a"]);
        medium.close().unwrap();
        let one = Medium::open(&pool.join("b_1_all.deb")).unwrap();
        assert_eq!(one.packages(Format::Deb).unwrap().len(), 1);
        let error = one.packages(Format::Rpm).unwrap_err().to_string();
        assert!(error.starts_with("0590-518 "), "{error}");
        let error = Medium::open(Path::new("/no/such/place"))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("0590-515 /no/such/place is no "),
            "{error}"
        );
    }

    #[test]
    fn a_cd_drive_may_be_called_as_on_aix() {
        assert_eq!(device(Path::new("/dev/cd1")), Path::new("/dev/sr1"));
        assert_eq!(device(Path::new("cd0")), Path::new("/dev/sr0"));
        for other in ["/dev/sr0", "/mnt/cd0", "cdrom", "/dev/cd1000"] {
            assert_eq!(device(Path::new(other)), Path::new(other));
        }
    }
}
