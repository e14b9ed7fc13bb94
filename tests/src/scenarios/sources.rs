//! `cd-sources`: a backup is found on another CD and on a disk; looking at it,
//! with other settings and up to the plan, changes neither; the disk that carries
//! it is no target.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, Running};
use lifeboat_sys::fs::{PathContext, create_dir_all};
use lifeboat_sys::run::Tool;

use crate::lab::{DISK_BYTES, Lab, is_blank, sha256};
use crate::{limits, menus, texts};

pub fn run(lab: &Lab) -> Result<()> {
    let blank = lab.blank_disk("blank", 2, DISK_BYTES, "LBBLANK")?;
    let carrier = carrier(lab)?;
    let image = lab.path("carrier.img");
    let before = sha256(&image)?;
    let other_cd = lab.cd("other", Some(&lab.media.backup), None)?;
    let machine = lab.machine("machine").disk(carrier).disk(blank);
    let mut machine = lab.power_on(machine.cd(&lab.media.iso).cd(other_cd))?;

    menus::begin(&mut machine)?;
    machine.expect(texts::SOURCES, limits::screen())?;
    let list = machine.expect(texts::PROMPT, limits::screen())?.before;
    ensure!(list.contains("1 demo.mksysb on CD"), "no CD in {list}");
    ensure!(
        list.contains("2 demo.mksysb on disk vda (vda)"),
        "no disk in {list}"
    );
    machine.send_line("2")?;
    choose_disk_and_shrink(&mut machine)?;
    machine.expect(texts::PLAN, limits::proof())?;
    let plan = machine.expect(texts::PROMPT, limits::screen())?.before;
    let target = plan
        .lines()
        .skip_while(|line| !line.contains("Target disk"))
        .nth(1)
        .context("no target in the plan")?;
    ensure!(target.contains("vdb"), "the target is {target:?}");
    ensure!(
        words(&plan).contains("file systems are shrunk"),
        "nothing is shrunk in {plan}"
    );
    let spared = plan
        .lines()
        .find(|line| line.starts_with("Not touched"))
        .context("nothing is spared")?;
    ensure!(spared.contains("vda"), "spared is {spared:?}");

    drop(machine);
    ensure!(
        is_blank(&lab.path("blank.img"))?,
        "the plan alone wrote to the target"
    );
    ensure!(
        sha256(&image)? == before,
        "the disk with the backup was written to"
    );
    Ok(())
}

/// Text without its line breaks: the plan is wrapped.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names the blank disk as the target, asks for shrinking, and continues.
fn choose_disk_and_shrink(machine: &mut Running) -> Result<()> {
    menus::answer(
        machine,
        texts::SETTINGS,
        texts::SETTINGS_DISKS,
        limits::proof(),
    )?;
    menus::answer(machine, texts::DISKS, "2", limits::screen())?;
    menus::answer(
        machine,
        texts::DISKS,
        texts::DISKS_CONTINUE,
        limits::screen(),
    )?;
    menus::answer(
        machine,
        texts::SETTINGS,
        texts::SETTINGS_SHRINK,
        limits::screen(),
    )?;
    machine.expect(texts::SETTINGS, limits::screen())?;
    let settings = machine.expect(texts::PROMPT, limits::screen())?.before;
    let says = |what: &str, value: &str| {
        settings
            .lines()
            .any(|line| line.contains(what) && line.contains(value))
    };
    ensure!(
        says("want to install", "(vdb)"),
        "the disk chosen is not in {settings}"
    );
    ensure!(says("Shrink", "Yes"), "shrinking is not in {settings}");
    machine.send_line(texts::SETTINGS_CONTINUE)?;
    Ok(())
}

/// A disk without partitions: an ext4 file system with the backup in it.
fn carrier(lab: &Lab) -> Result<Disk> {
    let tree = lab.path("tree");
    create_dir_all(&tree)?;
    let inside = tree.join("demo.mksysb");
    std::fs::copy(&lab.media.backup, &inside).at("copy the backup to", &inside)?;
    let image = lab.path("carrier.img");
    let mke2fs = Tool::new("mke2fs")
        .args(["-q", "-t", "ext4", "-d"])
        .arg(&tree)
        .arg(&image)
        .arg("600M");
    mke2fs.run()?;
    Ok(Disk::new("carrier", image, Format::Raw, Bus::VirtioBlk { slot: 1 }).serial("LBCARRIER"))
}
