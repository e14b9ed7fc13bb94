//! `mksysb-trees`: systems of other releases than the demo's are backed up and come
//! back, as programs see them that are not ours.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use lifeboat_sys::fs::{self, PathContext};

use crate::lab::Lab;
use crate::systems::{as_root, extracting};
use crate::{description, systems};

/// Debian's last release and its next.
const RELEASES: [&str; 2] = ["bookworm", "sid"];

/// What a backup holds beside the system.
const OWN: [&str; 3] = ["./bosinst.data", "./image.data", "./.lifeboat"];

pub fn run(lab: &Lab) -> Result<()> {
    RELEASES
        .into_iter()
        .try_for_each(|release| one(lab, release).with_context(|| format!("a tree of {release}")))
}

fn one(lab: &Lab, release: &str) -> Result<()> {
    let tree = lab.path(release);
    systems::unpack(lab, release, &[], &tree)?;
    let backup = lab.path(&format!("{release}.mksysb"));
    write(lab, &tree, &backup).context("writing the backup")?;
    as_root(&lab.media.host_lifeboat)
        .args(["lsmksysb", "-V", "-f"])
        .arg(&backup)
        .run()
        .context("verifying the backup")?;
    let by_tar = lab.path(&format!("{release}-tar"));
    compare(&backup, &tree).context("GNU tar compares the tree with the backup")?;
    extract(&backup, &by_tar).context("GNU tar extracts the backup")?;
    same(&tree, &by_tar).context("what GNU tar extracted")?;
    let by_us = lab.path(&format!("{release}-restored"));
    restore(lab, &backup, &by_us).context("restoring the backup")?;
    same(&tree, &by_us).context("what was restored")?;
    println!("  {release}: {}", pretty_name(&by_us)?);
    let work = [tree, by_tar, by_us, backup];
    as_root("rm").args(["-rf", "--"]).args(work).run()?;
    Ok(())
}

fn write(lab: &Lab, tree: &Path, to: &Path) -> Result<()> {
    let (image_data, bosinst_data) = description::demo(&lab.media.backup, &lab.dir)?;
    systems::write(lab, tree, &image_data, &bosinst_data, to)
}

/// GNU tar names every file that differs, and fails then.
fn compare(backup: &Path, tree: &Path) -> Result<()> {
    as_root("tar")
        .args(["--compare", "-I", "zstd", "--numeric-owner"])
        .args(["--xattrs", "--xattrs-include=*"])
        .args(OWN.map(|path| format!("--exclude={path}")))
        .arg("--file")
        .arg(backup)
        .arg("--directory")
        .arg(tree)
        .run()?;
    Ok(())
}

fn extract(backup: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    extracting(backup, to)
        .args(["-I", "zstd"])
        .args(OWN.map(|path| format!("--exclude={path}")))
        .run()?;
    Ok(())
}

fn restore(lab: &Lab, backup: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    // It restores into the directory in which it is.
    let program = &lab.media.host_lifeboat;
    as_root("env")
        .arg("-C")
        .arg(to)
        .arg(std::path::absolute(program).at("find", program)?)
        .args(["restore", "-xf"])
        .arg(backup)
        .run()?;
    Ok(())
}

/// rsync names every file that differs in content, owner, mode, time, links or
/// attributes.
fn same(tree: &Path, copy: &Path) -> Result<()> {
    let slash = |path: &Path| format!("{}/", path.display());
    let differences = as_root("rsync")
        .args(["-naAXHc", "--delete", "--itemize-changes"])
        .args([slash(tree), slash(copy)])
        .run()?
        .text();
    ensure!(differences.is_empty(), "rsync tells apart\n{differences}");
    Ok(())
}

/// What a restored system calls itself.
fn pretty_name(root: &Path) -> Result<String> {
    let text = fs::read_to_string(root.join("usr/lib/os-release"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = line.context("no name in os-release")?;
    Ok(name.trim_matches('"').to_owned())
}
