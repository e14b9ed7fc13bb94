//! The demo: a real Debian system comes back from its backup, and its disk
//! boots alone.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use lifeboat_qemu::Mark;
use lifeboat_sys::fs::PathContext;

use crate::lab::{DISK_BYTES, Lab, Media};
use crate::{judge, limits, marks, menus};

/// Restores, boots, and prints a summary.
///
/// # Errors
/// When any step fails; the error carries the console.
pub fn run(media: &Media) -> Result<ExitCode> {
    let begun = Instant::now();
    let lab = Lab::new(media, "demo")?;
    let disk = lab.blank_disk("disk", 1, DISK_BYTES, "LBDISK0")?;
    let cd = lab.cd("demo", Some(&media.backup), None)?;

    println!("Booting the rescue CD on an emulated machine with a blank disk ...");
    let mut machine = lab.power_on(lab.machine("machine").disk(disk.clone()).cd(&cd))?;
    menus::agree(&mut machine)?;
    println!("The menu was driven to the plan and the plan agreed to; restoring ...");
    menus::verdict(&mut machine)?;
    println!("Restored; powering off ...");
    menus::power_off(&mut machine)?;
    let restore = machine.marks().to_vec();
    drop(machine);

    println!("Booting the restored disk alone, by the boot list in NVRAM ...");
    let mut machine = judge::boot_alone(&lab, lab.machine("machine").disk(disk.clone()))?;
    let prompt = login_prompt(&machine.console_text());
    let boot = machine.marks().to_vec();
    let system = machine.shell(SYSTEM, limits::command())?.1;
    let volumes = machine.shell(VOLUMES, limits::command())?.1;
    let report = machine.shell(REPORT, limits::command())?.1;
    judge::shut_down(&mut machine)?;
    drop(machine);

    let sizes = [("system backup", &media.backup), ("CD with it", &cd)];
    println!("\nThe end of the restored system's console:");
    println!("{}\n", indented(&prompt));
    println!("What was restored:\n{}\n", indented(&system));
    println!("Logical volumes:\n{}\n", indented(&volumes));
    println!("First boot's report:\n{}\n", indented(&report));
    println!("Sizes:");
    for (what, path) in sizes {
        let bytes = std::fs::metadata(path).at("look at", path)?.len();
        println!("  {what:<16} {:>7.1} MiB", mib(bytes));
    }
    println!("Times (CPU seconds of QEMU; seconds on the clock):");
    time("power-on to menu", &restore, None, "menu")?;
    time("consent to verdict", &restore, Some("consent"), "verdict")?;
    time("disk to log-in", &boot, None, "login prompt")?;
    println!(
        "  all together       {:8.1} s on the clock",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "\nIts disk and NVRAM are in {}; `make run` shows the menus.",
        lab.dir.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Guest commands whose answers make the summary.
const SYSTEM: &str = ". /etc/os-release; echo $PRETTY_NAME, Linux $(uname -r) on $(hostname); \
    echo $(dpkg-query -f . -W | wc -c) packages, $(df -m --output=used --total / /var /boot | tail -n 1) MiB in files";
const VOLUMES: &str =
    "lvs --noheadings -o vg_name,lv_name,lv_size; findmnt -n -r --real -o TARGET,SOURCE,FSTYPE";
const REPORT: &str = "cat /var/log/lifeboat/first-boot.report";

/// The last lines before the first log-in.
fn login_prompt(console: &str) -> String {
    let before = console
        .find("login: ")
        .map_or(console, |at| &console[..at + "login: ".len()]);
    let lines: Vec<&str> = before.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

fn time(what: &str, marks: &[Mark], from: Option<&str>, to: &str) -> Result<()> {
    let (cpu, wall) = marks::span(marks, from, to)?;
    println!(
        "  {what:<18} {:8.1} {:8.1}",
        cpu.as_secs_f64(),
        wall.as_secs_f64()
    );
    Ok(())
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("  {}", line.trim_end()))
        .collect();
    lines.join("\n")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a display of MiB needs no more than 52 bits"
)]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
