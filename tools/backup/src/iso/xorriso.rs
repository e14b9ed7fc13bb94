//! What xorriso is asked for, and what it made of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use lifeboat_sys::fs::{PathContext as _, read_to_string};
use lifeboat_sys::run::Tool;

use super::{Contents, DATE, FILES, IsoError, MOST};

/// How GRUB finds the rescue CD again, whatever device it is.
const VOLUME: &str = "LIFEBOAT";
/// A CD that does not boot must not be found in its place.
const VOLUME_OF_DATA: &str = "LIFEBOAT_DATA";
/// Where the menus look for backups, and for the `bosinst.data` that wins.
const PLACE: &str = "lifeboat";
const SUFFIX: &str = ".mksysb";

/// xorriso's image may be this much larger than it says beforehand.
const SLACK: u64 = 1 << 20;
const BLOCK: u64 = 2048;
/// How much of a file's ends is read back.
const END: u64 = 1 << 20;

/// An image to be made.
pub(super) struct Image {
    /// Pairs of a path on the CD and the file that goes there.
    grafts: Vec<(String, PathBuf)>,
    date: u64,
    boots: bool,
}

impl Image {
    /// Finds out what goes onto the CD, and whether it can.
    pub fn new(contents: &Contents<'_>) -> Result<Self, IsoError> {
        let mut grafts = Vec::new();
        let mut date = 0;
        if let Some(tree) = contents.rescue {
            for name in FILES {
                let file = tree.join(name);
                if !file.is_file() {
                    let tree = tree.to_owned();
                    return Err(IsoError::Rescue { tree, file });
                }
                grafts.push((format!("/{name}"), file));
            }
            date = read_date(&tree.join(DATE))?;
        }
        if let Some(backup) = contents.backup {
            let metadata = fs::metadata(backup).at("examine", backup)?;
            if metadata.len() > MOST {
                let (file, bytes) = (backup.to_owned(), metadata.len());
                return Err(IsoError::Large { file, bytes });
            }
            if contents.rescue.is_none() {
                let modified = metadata.modified().at("examine", backup)?;
                date = modified
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs());
            }
            grafts.push((
                format!("/{PLACE}/{}", name_on_cd(backup)),
                backup.to_owned(),
            ));
        }
        if let Some(bosinst) = contents.bosinst {
            grafts.push((format!("/{PLACE}/bosinst.data"), bosinst.to_owned()));
        }
        for (_, file) in &mut grafts {
            // xorriso would put a symbolic link itself onto the CD.
            *file = fs::canonicalize(&*file).at("find", &*file)?;
        }
        Ok(Self {
            grafts,
            date,
            boots: contents.rescue.is_some(),
        })
    }

    fn xorriso(&self) -> Tool {
        let volume = if self.boots { VOLUME } else { VOLUME_OF_DATA };
        let mut tool = Tool::new("xorriso")
            .env("SOURCE_DATE_EPOCH", self.date.to_string())
            .args(["-no_rc", "-as", "mkisofs", "-quiet"])
            // Level 3 holds files of 4 GiB and more; Rock Ridge keeps long names.
            .args(["-iso-level", "3", "-r", "-V", volume])
            .args(["--set_all_file_dates", &format!("={}", self.date)])
            .arg("-graft-points");
        if self.boots {
            // One partition of type 0x96 over the whole image: SLOF looks for it.
            tool = tool.arg("-chrp-boot-part");
        }
        tool
    }

    fn with_grafts(&self, tool: Tool) -> Tool {
        tool.args(self.grafts.iter().map(|(path, file)| {
            let mut graft = OsString::from(path);
            graft.push("=");
            graft.push(escaped(file));
            graft
        }))
    }

    /// Bytes that the image will have, or a few less.
    pub fn size(&self) -> Result<u64, IsoError> {
        let output = self
            .with_grafts(self.xorriso().args(["-print-size", "-o", "/dev/null"]))
            .run()?;
        let said = output.text();
        let blocks: Option<u64> = said.lines().rev().find_map(|line| line.trim().parse().ok());
        blocks
            .map(|blocks| blocks * BLOCK + SLACK)
            .ok_or(IsoError::Size { said })
    }

    /// Writes the image; `expected` is its size.
    pub fn write(
        &self,
        out: &Path,
        expected: u64,
        stop: &Arc<AtomicBool>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), IsoError> {
        // An hour, and one for every 18 GB: a slow disk writes 5 MB a second.
        let limit = Duration::from_secs(3600 + expected / 5_000_000);
        let tool = self
            .with_grafts(self.xorriso().arg("-o").arg(out))
            .deadline(limit)
            .stop_when(stop);
        thread::scope(|scope| {
            let running = scope.spawn(|| tool.run());
            while !running.is_finished() {
                thread::sleep(Duration::from_millis(50));
                let done = fs::metadata(out).map_or(0, |metadata| metadata.len());
                progress(done.min(expected), expected);
            }
            let ended = running
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ended.map(drop).map_err(IsoError::from)
        })
    }

    /// Compares both ends of every file with what the image has in its place.
    pub fn read_back(&self, image: &Path) -> Result<(), IsoError> {
        let output = Tool::new("xorriso")
            .args(["-no_rc", "-indev"])
            .arg(image)
            .args(["-find", "/", "-type", "f", "-exec", "report_lba"])
            .run()?;
        let report = output.text();
        let written = File::open(image).at("open", image)?;
        for (path, file) in &self.grafts {
            let differs = || IsoError::ReadBack(file.clone());
            let start = first_block(&report, path).ok_or_else(differs)? * BLOCK;
            let original = File::open(file).at("open", file)?;
            let length = original.metadata().at("examine", file)?.len();
            for at in [0, length.saturating_sub(END)] {
                let there = piece(&written, start + at, length - at).at("read", image)?;
                if there != piece(&original, at, length - at).at("read", file)? {
                    return Err(differs());
                }
            }
        }
        Ok(())
    }
}

/// Where a file begins, from the lines of xorriso's `report_lba`, one for every
/// section: `File data lba:  0 ,   33 ,   1 ,   1221 , '/lifeboat/bosinst.data'`.
fn first_block(report: &str, path: &str) -> Option<u64> {
    report.lines().find_map(|line| {
        let mut fields = line.strip_prefix("File data lba:")?.splitn(5, ',');
        let (section, block) = (fields.next()?.trim(), fields.next()?.trim());
        let name = fields.nth(2)?.trim();
        (section == "0" && name == format!("'{path}'")).then(|| block.parse().ok())?
    })
}

/// At most [`END`] bytes from `at` on.
fn piece(file: &File, at: u64, most: u64) -> std::io::Result<Vec<u8>> {
    let mut file = file;
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(most.min(END)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The name of a backup on the CD: one that every reader shows, with the suffix
/// by which the menus know it.
fn name_on_cd(backup: &Path) -> String {
    let name = backup.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@,:".contains(c);
    let mut name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if !name.ends_with(SUFFIX) {
        name += SUFFIX;
    }
    name
}

/// A path as xorriso wants it behind the `=` of a graft point.
fn escaped(path: &Path) -> OsString {
    let mut bytes = Vec::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte == b'=' || byte == b'\\' {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    OsString::from_vec(bytes)
}

fn read_date(path: &Path) -> Result<u64, IsoError> {
    read_to_string(path)?
        .trim()
        .parse()
        .map_err(|_| IsoError::Date(path.to_owned()))
}
