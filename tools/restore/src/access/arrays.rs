//! md arrays of installed systems, and btrfs of several devices, put together without
//! being written to.

use std::path::Path;

use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, create_dir_all, write};
use lifeboat_sys::run::Tool;

use crate::steps::RUN;

/// The image's own settings assemble nothing.
const CONFIGURATION: &str = "/run/lifeboat/mdadm.conf";
const TEXT: &str = "DEVICE partitions\nHOMEHOST <ignore>\nAUTO +all\n";
/// Whether the kernel leaves a new array alone until something else writes to it.
const UNTOUCHED: &str = "/sys/module/md_mod/parameters/start_ro";

/// Assembles what can be.
pub(super) fn assemble() -> Result<(), FsError> {
    create_dir_all(RUN)?;
    write(CONFIGURATION, TEXT)?;
    attempt(&Tool::new("modprobe").arg("md_mod"));
    let untouched = |value: &str| match Path::new(UNTOUCHED).exists() {
        true => write(UNTOUCHED, value),
        false => Ok(()),
    };
    untouched("1")?;
    attempt(&mdadm().args(["--assemble", "--scan", "--config", CONFIGURATION]));
    // A restore that follows makes arrays, which come into step at once.
    untouched("0")?;
    attempt(&Tool::new("btrfs").args(["device", "scan"]));
    Ok(())
}

/// Stops all arrays that nothing uses.
pub(super) fn stop() {
    attempt(&mdadm().args(["--stop", "--scan"]));
}

/// These fail where there is nothing of their kind.
fn attempt(tool: &Tool) {
    if let Err(error) = tool.run() {
        log::info!("{}", chain(&error));
    }
}

fn mdadm() -> Tool {
    // mdadm makes its nodes itself where no udev runs.
    Tool::new("mdadm").env("MDADM_NO_UDEV", "1")
}
