//! Debian's packages for the rescue image, unpacked into a private directory.
//! Nothing of the host's own packages goes into the image, and nothing foreign
//! is run here.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{self, FsError, PathContext as _};
use lifeboat_sys::run::{RunError, Tool};

use crate::cache::{self, CacheError, Key};
use crate::debian::{self, ARCHITECTURE, SUITE};
use crate::progress::step;

/// The packages; what they depend on comes along.
const PACKAGES: [&str; 13] = [
    "linux-image-powerpc64le",
    "busybox-static",
    "bash",
    "lvm2",
    "thin-provisioning-tools",
    "mdadm",
    "cryptsetup-bin",
    "btrfs-progs",
    "e2fsprogs",
    "xfsprogs",
    "dosfstools",
    "util-linux",
    "grub-ieee1275-bin",
];
/// Counts up when the way of collecting changes.
const RECIPE: &str = "1";

/// Collecting failed.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// mmdebstrap or tar failed.
    #[error("0590-817 Debian's packages cannot be collected")]
    Run(#[from] RunError),
    /// There is no place for them.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

/// The collected packages.
pub struct Packages {
    /// Their files.
    pub root: PathBuf,
    /// The exact versions: the packages' file names, one in a line.
    pub versions: PathBuf,
}

/// The packages, from the cache unless they are not there or `refresh`.
///
/// # Errors
/// [`CollectError`] when they cannot be fetched, verified or unpacked.
pub fn packages(refresh: bool) -> Result<Packages, CollectError> {
    let key = Key::default()
        .with(RECIPE)
        .with(SUITE)
        .with(ARCHITECTURE)
        .with(PACKAGES.join(" "));
    let entry = cache::entry(&cache::directory()?, "packages", &key, refresh, |into| {
        step(
            "Collecting Debian's packages (about 100 MB, kept for the next time)",
            || collect(into),
        )
    })?;
    Ok(Packages {
        root: entry.join("root"),
        versions: entry.join("root/package-versions"),
    })
}

fn collect(into: &Path) -> Result<(), CollectError> {
    let tar = into.join("packages.tar");
    let include = format!("--include={}", PACKAGES.join(","));
    let versions = r#"--extract-hook=cd "$1/var/cache/apt/archives" && ls -1 | grep '\.deb$' > "$1/package-versions""#;
    debian::bootstrap(SUITE, &["--variant=extract", &include, versions], &tar)?;
    let root = into.join("root");
    fs::create_dir_all(&root)?;
    // Ownership does not matter: the image's own is written by us.
    Tool::new("tar")
        .args([
            "--extract",
            "--no-same-owner",
            "--exclude=./dev/*",
            "--exclude=./usr/share/*",
        ])
        .arg("--file")
        .arg(&tar)
        .arg("--directory")
        .arg(&root)
        .run()?;
    std::fs::remove_file(&tar).at("remove", &tar)?;
    Ok(())
}
