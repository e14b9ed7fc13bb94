//! Files of firmware that drivers want and that are not installed.
//!
//! What a module names is what it may want for any device, so the kernel's log counts:
//! it says what a driver has asked for in vain.

use std::path::Path;
use std::time::Duration;

use lifeboat_sys::run::Tool;

/// How files of firmware may be compressed.
const SUFFIXES: [&str; 3] = ["", ".xz", ".zst"];
/// What the kernel says when there is no such file.
const FAILED: &str = ": Direct firmware load for ";

/// A file that was asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The driver's and the device's name, as the kernel writes them: `bnx2x 0001:01:00.0`.
    pub device: String,
    /// The file, below `/lib/firmware`.
    pub file: String,
}

/// What was asked for in vain since the start, as far as the kernel's log reaches back.
#[must_use]
pub fn asked() -> Vec<Asked> {
    let dmesg = Tool::new("dmesg").deadline(Duration::from_secs(30)).run();
    match dmesg {
        Ok(out) => parse(&out.text()),
        Err(error) => {
            log::warn!("firmware that is lacking is not known: {error}");
            Vec::new()
        }
    }
}

/// The files that a module names.
#[must_use]
pub fn named(module: &str) -> Vec<String> {
    let modinfo = Tool::new("modinfo").args(["-F", "firmware", module]);
    let out = modinfo.deadline(Duration::from_secs(30)).run();
    let text = out.map(|out| out.text()).unwrap_or_default();
    // A pattern names no file.
    let names = text
        .lines()
        .filter(|name| !name.is_empty() && !name.contains('*'));
    names.map(str::to_owned).collect()
}

/// Whether the kernel finds a file in the system below `root`.
#[must_use]
pub fn is_there(root: &Path, release: &str, file: &str) -> bool {
    let base = root.join("lib/firmware");
    let updates = base.join("updates");
    let places = [updates.join(release), updates, base.join(release), base];
    places.iter().any(|place| {
        let there = |suffix| place.join(format!("{file}{suffix}")).exists();
        SUFFIXES.into_iter().any(there)
    })
}

/// Reads the kernel's log, each file once.
fn parse(log: &str) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    for line in log.lines() {
        let Some((before, after)) = line.split_once(FAILED) else {
            continue;
        };
        // The time stands before it, in brackets.
        let device = before
            .rsplit_once("] ")
            .map_or(before, |(_, device)| device);
        let file = after.split(" failed with error").next().unwrap_or(after);
        if !asked.iter().any(|known| known.file == file) {
            asked.push(Asked {
                device: device.trim().to_owned(),
                file: file.trim().to_owned(),
            });
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_log_names_device_and_file() {
        let log = "[    1.0] bnx2x 0001:01:00.0: msix capability found\n\
                   [    2.5] bnx2x 0001:01:00.0: Direct firmware load for bnx2x/bnx2x-e2-7.13.21.0.fw failed with error -2\n\
                   [    2.6] bnx2x 0001:01:00.1: Direct firmware load for bnx2x/bnx2x-e2-7.13.21.0.fw failed with error -2\n\
                   ast 0002:02:00.0: Direct firmware load for ast_dp501_fw.bin failed with error -2\n";
        let found = parse(log);
        let found: Vec<(&str, &str)> = found.iter().map(|a| (&*a.device, &*a.file)).collect();
        let expected = [
            ("bnx2x 0001:01:00.0", "bnx2x/bnx2x-e2-7.13.21.0.fw"),
            ("ast 0002:02:00.0", "ast_dp501_fw.bin"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_is_found_where_the_kernel_looks() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("lib/firmware");
        std::fs::create_dir_all(base.join("updates/6.12/a")).unwrap();
        std::fs::write(base.join("updates/6.12/a/b.fw.zst"), "").unwrap();
        std::fs::write(base.join("c.fw"), "").unwrap();
        for (file, there) in [("a/b.fw", true), ("c.fw", true), ("d.fw", false)] {
            assert_eq!(is_there(root.path(), "6.12", file), there, "{file}");
        }
    }
}
