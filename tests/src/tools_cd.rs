//! A CD with our package and a scenario's scripts, for a system that is installed.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;
use lifeboat_sys::fs;
use lifeboat_sys::run::Tool;

use crate::judge::guest::{ask, ask_within};
use crate::lab::Lab;
use crate::limits;

/// The package on the CD.
const PACKAGE: &str = "lifeboat.deb";

/// Makes a CD with our package and these files.
///
/// # Errors
/// When the package was not built or xorriso fails.
pub fn make(lab: &Lab, files: &[(&str, &str)]) -> Result<PathBuf> {
    let package = &lab.media.package;
    ensure!(
        package.is_file(),
        "there is no {}; `make packages` makes it",
        package.display()
    );
    let iso = lab.path("tools.iso");
    let mut tool = Tool::new("xorriso")
        .args(["-no_rc", "-as", "mkisofs", "-quiet", "-r", "-V", "TOOLS"])
        .args(["-graft-points", "-o"])
        .arg(&iso)
        .arg(format!("/{PACKAGE}={}", package.display()));
    for (name, text) in files {
        let path = lab.path(name);
        fs::write(&path, text)?;
        tool = tool.arg(format!("/{name}={}", path.display()));
    }
    tool.run().context("making the CD of tools")?;
    Ok(iso)
}

/// Mounts the CD on /mnt, installs our package, and puts the commands' AIX
/// names into the path.
///
/// # Errors
/// When the guest's dpkg refuses it.
pub fn install(machine: &mut Running) -> Result<()> {
    ask(machine, "mount -o ro /dev/sr0 /mnt")?;
    let dpkg = format!("dpkg --install /mnt/{PACKAGE}");
    ask_within(machine, &dpkg, limits::whole_system()).context("installing our package")?;
    // Outside of `ask`, whose commands run in a shell of their own.
    in_path(machine)?;
    ask(machine, "command -v mksysb")?;
    Ok(())
}

/// Puts the commands' AIX names into the path of this shell, before those of other
/// packages: powerpc-utils has a `bootlist`, too.
///
/// # Errors
/// When the console is gone.
pub fn in_path(machine: &mut Running) -> Result<()> {
    Ok(machine.send_line("export PATH=/usr/lib/lifeboat/bin:$PATH")?)
}
