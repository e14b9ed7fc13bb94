//! The description of disks that `lifeboat mksysb --tree` wants.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lifeboat_sys::fs::create_dir_all;
use lifeboat_sys::run::Tool;

/// `image.data` and `bosinst.data` as GNU tar takes them out of the demo's backup,
/// in this directory.
///
/// # Errors
/// When there is no backup.
pub fn demo(backup: &Path, into: &Path) -> Result<(PathBuf, PathBuf)> {
    create_dir_all(into)?;
    Tool::new("tar")
        .args(["--extract", "-I", "zstd", "--occurrence=1", "--file"])
        .arg(backup)
        .arg("--directory")
        .arg(into)
        .args(["./image.data", "./bosinst.data"])
        .run()
        .context("taking image.data out of the demo's backup")?;
    Ok((into.join("image.data"), into.join("bosinst.data")))
}
