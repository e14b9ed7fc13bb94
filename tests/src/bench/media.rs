//! What the media weigh and what a restore costs. Prints; asserts nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lifeboat_sys::fs::PathContext;

use crate::lab::{DISK_BYTES, Lab, Media};
use crate::{marks, menus, runner};

/// Memory sizes to try, in MiB; the emulated machine takes multiples of 256.
const MEMORIES: [u32; 3] = [512, 768, 1024];

/// Measures; a restore is timed `runs` times.
///
/// # Errors
/// When a file is missing or a restore fails at 1 GiB.
pub fn run(media: &Media, lifeboat: &Path, runs: u8) -> Result<()> {
    println!("Bytes");
    size("rescue ISO", &media.iso)?;
    for file in files(&media.rescue)? {
        let name = file
            .file_name()
            .context("a file without a name")?
            .to_string_lossy();
        size(&format!("rescue/{name}"), &file)?;
    }
    size("lifeboat binary", lifeboat)?;
    size("demo backup", &media.backup)?;

    let lab = Lab::new(media, "bench")?;
    let cd = lab.cd("demo", Some(&media.backup), None)?;
    let mut times = Vec::new();
    for run in 1..=runs {
        times.push(restore(&lab, &cd, &format!("run-{run}"), 1024)?);
    }
    println!("CPU seconds of QEMU at 1024 MiB, median of {runs}");
    let cpu = |pick: fn(&Times) -> Duration| -> Result<f64> {
        let median = marks::median(times.iter().map(pick).collect());
        Ok(median.context("no runs")?.as_secs_f64())
    };
    println!("  {:<28} {:>12.1}", "power-on to menu", cpu(|t| t.to_menu)?);
    println!(
        "  {:<28} {:>12.1}",
        "consent to verdict",
        cpu(|t| t.to_verdict)?
    );

    let smallest = MEMORIES.into_iter().find(|mib| {
        let outcome = restore(&lab, &cd, &format!("memory-{mib}"), *mib);
        if let Err(error) = &outcome {
            eprintln!("{mib} MiB are not enough: {}", runner::chain(error));
        }
        outcome.is_ok()
    });
    let smallest = smallest.context("the restore completes with no memory size tried")?;
    println!("Smallest memory in which the restore completes\n  {smallest} MiB");
    Ok(())
}

struct Times {
    to_menu: Duration,
    to_verdict: Duration,
}

fn restore(lab: &Lab, cd: &Path, name: &str, memory_mib: u32) -> Result<Times> {
    let disk = lab.blank_disk(&format!("disk-{name}"), 1, DISK_BYTES, "LBDISK0")?;
    let machine = lab.machine(name).memory_mib(memory_mib).disk(disk).cd(cd);
    let mut machine = lab.power_on(machine)?;
    menus::agree(&mut machine)?;
    menus::verdict(&mut machine)?;
    let to_menu = marks::span(machine.marks(), None, "menu")?.0;
    let to_verdict = marks::span(machine.marks(), Some("consent"), "verdict")?.0;
    drop(machine);
    // Several restored disks would fill a small host.
    let image = lab.path(&format!("disk-{name}.img"));
    std::fs::remove_file(&image).at("remove", &image)?;
    Ok(Times {
        to_menu,
        to_verdict,
    })
}

fn size(what: &str, path: &Path) -> Result<()> {
    let bytes = std::fs::metadata(path).at("look at", path)?.len();
    println!("  {what:<28} {bytes:>12}");
    Ok(())
}

/// The plain files of a directory, by name.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).at("list", dir)? {
        let path = entry.at("list", dir)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "{} is empty", dir.display());
    files.sort();
    Ok(files)
}
