//! `savevg-roundtrip`: a volume group over two disks is backed up, lost, restored,
//! lost again in the middle of a restore, restored again; each time programs that are
//! not ours compare what is there with what was.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::judge::guest::{ask, ask_within};
use crate::lab::{Lab, sha256};
use crate::{base, judge, limits, tools_cd};

/// Makes the volume group.
const PLANT: &str = include_str!("plant.sh");
/// Kills a restore while it writes files.
const INTERRUPT: &str = include_str!("interrupt.sh");
const BACKUP_DISK_BYTES: u64 = 2 << 30;
/// Each of the two disks of the group.
const DATA_DISK_BYTES: u64 = 640 << 20;
const BYSTANDER_BYTES: u64 = 16 << 20;
/// The mount points of the group.
const MOUNTS: &str = "/srv/data/logs /srv/data";

pub fn run(lab: &Lab) -> Result<()> {
    let system = base::installed(lab, "savevg")?;
    let tools = tools_cd::make(lab, &[("plant.sh", PLANT), ("interrupt.sh", INTERRUPT)])?;
    let mut machine = lab.machine("savevg").disk(system).cd(tools);
    machine = machine.disk(lab.blank_disk("backups", 2, BACKUP_DISK_BYTES, "LBBACKUPS")?);
    for (name, slot) in [("first", 3), ("second", 4)] {
        machine = machine.disk(lab.blank_disk(name, slot, DATA_DISK_BYTES, name)?);
    }
    let bystander = lab.blank_disk("bystander", 5, BYSTANDER_BYTES, "bystander")?;
    let image = bystander.path().to_owned();
    std::fs::write(&image, vec![0x5a; usize::try_from(BYSTANDER_BYTES)?])?;
    let before = sha256(&image)?;
    let mut machine = lab.power_on(machine.disk(bystander))?;
    judge::log_in(&mut machine)?;
    tools_cd::install(&mut machine)?;
    ask_within(&mut machine, "bash /mnt/plant.sh", limits::whole_system()).context("planting")?;
    copy(&mut machine).context("copying by rsync")?;
    save(&mut machine).context("savevg")?;
    refusals(&mut machine).context("what must be refused")?;
    lose(&mut machine)?;
    let (status, said) = machine.shell(
        "restvg -f /backup/data.savevg < /dev/null",
        limits::command(),
    )?;
    ensure!(
        status != 0 && said.contains("0590-782"),
        "nobody was asked:\n{said}"
    );
    restore(&mut machine, "restvg -q -f /backup/data.savevg").context("onto blank disks")?;
    compare(&mut machine).context("after a restore onto blank disks")?;
    interrupt(&mut machine).context("an interrupted restore")?;
    restore(&mut machine, "restvg -q -f /backup/data.savevg").context("after an interruption")?;
    compare(&mut machine).context("after an interrupted restore")?;
    ask(&mut machine, &format!("umount {MOUNTS}"))?;
    let stream = "restvg -q -s -P 4 -f - hdisk2 hdisk3 < /backup/data.savevg";
    restore(&mut machine, stream).context("over the old group, from a stream")?;
    compare(&mut machine).context("after a restore from a stream")?;
    judge::shut_down(&mut machine)?;
    ensure!(sha256(&image)? == before, "the bystander was written to");
    Ok(())
}

/// A copy that no program of ours has touched, and what the formats are.
fn copy(machine: &mut Running) -> Result<()> {
    ask(
        machine,
        "mkfs.ext4 -q /dev/vdb && mkdir /backup && mount /dev/vdb /backup",
    )?;
    ask_within(
        machine,
        "rsync -aAXHS --exclude=/scratch/no /srv/data/ /backup/copy/",
        limits::whole_system(),
    )?;
    ask(machine, &format!("{FORMATS} > /backup/formats"))?;
    Ok(())
}

/// What says how the file systems were made.
const FORMATS: &str = "(blkid -p -s TYPE -s UUID -s LABEL /dev/mapper/datavg-*; \
     dumpe2fs -h /dev/mapper/datavg-data 2>/dev/null | grep -E '^(Filesystem features|Inode size|Block size)' | sed 's/ needs_recovery\\| orphan_present//g'; \
     xfs_info /srv/data/logs | grep -oE '[a-z0-9-]+=[0-9]+' | grep -vE '^(agcount|agsize|blocks|bsize|swidth|sunit|sectsz)=' | sort)";

fn save(machine: &mut Running) -> Result<()> {
    let said = ask_within(
        machine,
        "savevg -i -e -V -f /backup/data.savevg datavg",
        limits::backup(),
    )?;
    ensure!(
        said.contains("rawdb"),
        "the raw volume is not named:\n{said}"
    );
    let left = ask(machine, "lvs --noheadings -o lv_name -S 'lv_attr=~^s'")?;
    ensure!(left.is_empty(), "snapshots are left:\n{left}");
    let listed = ask(
        machine,
        "lssavevg -f /backup/data.savevg | grep -c -E ' ./(etc|srv/data/scratch/no)'; true",
    )?;
    ensure!(
        listed == "0",
        "{listed} files that do not belong to the group"
    );
    Ok(())
}

/// Nothing of this writes.
fn refusals(machine: &mut Running) -> Result<()> {
    for (command, number) in [
        ("savevg -i -f /backup/x rootvg", "0590-256"),
        ("savevg -i -f /backup/x nosuchvg", "0590-271"),
        ("restvg -q -f /backup/data.savevg hdisk0", "0590-228"),
        ("restvg -q -f /backup/data.savevg hdisk2 hdisk3", "0590-228"),
        ("restvg -q -f /backup/data.savevg", "0590-254"),
    ] {
        let (status, said) = machine.shell(command, limits::command())?;
        ensure!(
            status != 0 && said.contains(number),
            "{command}: status {status}, not {number}:\n{said}"
        );
    }
    ask(machine, "findmnt -n /srv/data/logs && ls /srv/data/old")?;
    Ok(())
}

/// Unmounts the group and blanks its disks.
fn lose(machine: &mut Running) -> Result<()> {
    ask(
        machine,
        &format!(
            "umount {MOUNTS} && vgchange -qq -an datavg && \
             for disk in vdc vdd; do dd if=/dev/zero of=/dev/$disk bs=1M count=640 status=none; done && \
             sed -i /datavg/d /etc/fstab"
        ),
    )?;
    Ok(())
}

fn restore(machine: &mut Running, command: &str) -> Result<()> {
    let said = ask_within(machine, command, limits::install())?;
    ensure!(
        said.contains("Verdict: volume group datavg was restored"),
        "no verdict:\n{said}"
    );
    Ok(())
}

fn compare(machine: &mut Running) -> Result<()> {
    let differences = ask_within(
        machine,
        "rsync -naAXHc --delete --itemize-changes /backup/copy/ /srv/data/",
        limits::whole_system(),
    )?;
    ensure!(differences.is_empty(), "rsync finds:\n{differences}");
    let formats = ask(
        machine,
        &format!("{FORMATS} > /run/formats; diff /backup/formats /run/formats"),
    );
    formats.context("the formats of the file systems")?;
    for (question, answer) in [
        ("vgs --noheadings -o vg_tags datavg", ""),
        ("lsattr /srv/data/frozen | cut -c5", "i"),
        (
            "lsattr -p /srv/data/logs/project | awk '{print $1}'",
            "4242",
        ),
        ("grep -c restvg /proc/self/mounts; true", "0"),
        (
            "grep -cE '^/dev/mapper/datavg-(data|logs|paging00) ' /etc/fstab",
            "3",
        ),
        (
            "findmnt -no SOURCE /srv/data/logs",
            "/dev/mapper/datavg-logs",
        ),
    ] {
        let said = ask(machine, question)?;
        ensure!(
            said.trim() == answer,
            "{question}: {said:?}, not {answer:?}"
        );
    }
    Ok(())
}

/// Kills a restore while it writes files.
fn interrupt(machine: &mut Running) -> Result<()> {
    lose(machine)?;
    ask_within(machine, "bash /mnt/interrupt.sh", limits::install())?;
    let tags = ask(machine, "vgs --noheadings -o vg_tags datavg")?;
    ensure!(
        tags.trim() == "lifeboat_restoring",
        "the mark of an unfinished restore is {tags:?}"
    );
    ask(machine, "grep -q /run/lifeboat/restvg /proc/self/mounts")?;
    Ok(())
}
