//! The demo's system backup: a real Debian system, made by mmdebstrap and
//! archived by the same code that backs up a running system.

use std::path::Path;

use lifeboat_sys::fs::{self, FsError, PathContext as _};
use lifeboat_sys::run::RunError;

use crate::cache::{self, CacheError, Key};
use crate::debian::{self, ARCHITECTURE, SUITE};
use crate::progress::step;
use crate::root::as_root;

const PACKAGES: &str = include_str!("../demo/packages");
const CUSTOMIZE: &str = include_str!("../demo/customize.sh");
const ARCHIVE: &str = include_str!("../demo/archive.sh");
const IMAGE_DATA: &str = include_str!("../demo/image.data");
const BOSINST_DATA: &str = include_str!("../demo/bosinst.data");

/// The sources that decide what `lifeboat mksysb` writes.
const WRITERS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/archive/src"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/stanza/src"),
];
/// What lies beside the backup: lists of its files made by foreign tools.
const LISTS: [&str; 3] = ["sha256sums", "attributes", "xattrs"];

/// The demo backup cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A program failed.
    #[error("0590-818 The demo system cannot be made")]
    Run(#[from] RunError),
    /// There is no place for it.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

/// Puts the demo backup at `out`, and its lists beside it (`out` with other
/// extensions). `lifeboat` is the program for the build host.
///
/// Both stages are kept in the cache: the system, which takes minutes, and the
/// backup, which is made again when the code that writes backups has changed.
///
/// # Errors
/// [`DemoError`] when a stage fails.
pub fn build(lifeboat: &Path, out: &Path) -> Result<(), DemoError> {
    let cache = cache::directory()?;
    let packages: Vec<&str> = PACKAGES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let system = Key::default()
        .with(SUITE)
        .with(ARCHITECTURE)
        .with(packages.join(","))
        .with(CUSTOMIZE);
    let mut backup = system
        .clone()
        .with(ARCHIVE)
        .with(IMAGE_DATA)
        .with(BOSINST_DATA);
    for sources in WRITERS {
        backup = backup.with_directory(Path::new(sources))?;
    }
    let entry = cache::entry(&cache, "demo-backup", &backup, false, |entry| {
        let root = cache::entry(&cache, "demo-system", &system, false, |entry| {
            step(
                "Making a Debian system (5 to 10 minutes, kept for the next time)",
                || install(&entry.join("rootfs.tar")),
            )
        })?;
        step("Writing its system backup", || {
            archive(&root.join("rootfs.tar"), lifeboat, entry)
        })
    })?;
    deliver(&entry, out)
}

fn install(tar: &Path) -> Result<(), DemoError> {
    let (_hook, customize) = debian::customization(CUSTOMIZE)?;
    let include = debian::packages(PACKAGES);
    debian::bootstrap(SUITE, &["--variant=minbase", &include, &customize], tar)?;
    Ok(())
}

/// Unpacks, lists and archives the system.
fn archive(tar: &Path, lifeboat: &Path, entry: &Path) -> Result<(), DemoError> {
    let (image_data, bosinst_data) = (entry.join("image.data"), entry.join("bosinst.data"));
    fs::write(&image_data, IMAGE_DATA)?;
    fs::write(&bosinst_data, BOSINST_DATA)?;
    let script = entry.join("archive.sh");
    fs::write(&script, ARCHIVE)?;
    let lifeboat = std::fs::canonicalize(lifeboat).at("find", lifeboat)?;
    as_root("bash")
        .arg(&script)
        .args([
            tar,
            entry,
            &lifeboat,
            &image_data,
            &bosinst_data,
            &entry.join("demo.mksysb"),
        ])
        .run()?;
    Ok(())
}

/// Copies a cached entry's files to `out` and beside it. No links: a scenario
/// that damages its backup must not damage the cache.
fn deliver(entry: &Path, out: &Path) -> Result<(), DemoError> {
    if let Some(parent) = out.parent() {
        fs::create_dir_all(parent)?;
    }
    let copy = |from: &Path, to: &Path| std::fs::copy(from, to).at("create", to);
    for list in LISTS {
        copy(&entry.join(list), &out.with_extension(list))?;
    }
    copy(&entry.join("demo.mksysb"), out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a field of image.data, in its order.
    fn values(field: &str) -> Vec<&'static str> {
        IMAGE_DATA
            .lines()
            .filter_map(|l| l.trim().strip_prefix(field)?.strip_prefix("= "))
            .collect()
    }

    #[test]
    fn the_demo_systems_fstab_is_what_image_data_records() {
        let fstab: Vec<Vec<&str>> = CUSTOMIZE
            .lines()
            .filter(|line| line.starts_with("UUID="))
            .map(|line| line.split_whitespace().collect())
            .collect();
        let uuids: Vec<&str> = fstab.iter().map(|line| &line[0]["UUID=".len()..]).collect();
        let mounts: Vec<&str> = fstab
            .iter()
            .map(|line| line[1])
            .filter(|m| *m != "none")
            .collect();
        assert_eq!(uuids, values("LX_FS_UUID"));
        assert_eq!(mounts, values("FS_NAME"));
    }
}
