//! `mksysb-roundtrip`: a running Debian backs itself up, the backup goes onto a
//! bootable CD, the CD restores it on another machine, and programs that are
//! not ours compare every file of the two.

mod compare;

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, Running, disk};
use lifeboat_sys::run::Tool;

use crate::judge::guest::{ask, ask_within};
use crate::lab::{DISK_BYTES, Lab};
use crate::{base, judge, limits, menus, tools_cd};

/// What is hard to back up.
const PLANT: &str = include_str!("plant.sh");
/// Room for a backup and a CD with it.
const BACKUP_DISK_BYTES: u64 = 3 << 30;
/// Where that disk is in the guest.
const BACKUP_DEVICE: &str = "/dev/vdb";
/// The CD in the file system of that disk.
const CD: &str = "/system.iso";

pub fn run(lab: &Lab) -> Result<()> {
    let system = base::installed(lab, "source")?;
    let backups = lab.blank_disk("backups", 2, BACKUP_DISK_BYTES, "LBBACKUPS")?;
    let tools = tools_cd::make(lab, &[("plant.sh", PLANT)])?;
    let machine = lab
        .machine("source")
        .disk(system)
        .disk(backups.clone())
        .cd(tools)
        .virtio_scsi();
    let mut source = lab.power_on(machine)?;
    judge::log_in(&mut source)?;
    tools_cd::install(&mut source)?;
    ask_within(&mut source, "bash /mnt/plant.sh", limits::whole_system()).context("planting")?;
    back_up(&mut source).context("backing up")?;

    let cd = lab.path("restore.iso");
    let dump = format!("dump {CD} {}", cd.display());
    Tool::new("debugfs")
        .args(["-R", &dump])
        .arg(backups.path())
        .run()?;
    let target = lab.blank_disk("target", 1, DISK_BYTES, "LBTARGET")?;
    let mut machine = lab.power_on(lab.machine("target").disk(target.clone()).cd(&cd))?;
    menus::agree(&mut machine).context("going through the menus")?;
    menus::verdict(&mut machine).context("restoring")?;
    menus::power_off(&mut machine)?;
    drop(machine);

    // Over an overlay: comparing renames its volume group.
    let overlay = lab.path("restored.qcow2");
    disk::create_overlay(&overlay, target.path(), Format::Raw)?;
    let restored = Disk::new(
        "restored",
        overlay,
        Format::Qcow2,
        Bus::VirtioScsi { id: 1 },
    );
    source.plug(&restored)?;
    compare::everything(&mut source).context("comparing the restored disk with its source")?;
    judge::shut_down(&mut source)?;
    drop(source);

    let mut machine = judge::boot_alone(lab, lab.machine("target").disk(target.clone()))
        .context("booting the disk alone")?;
    judge::well(&mut machine)?;
    judge::shut_down(&mut machine)
}

/// Writes a backup to the second disk, checks it, and makes a CD with it.
fn back_up(machine: &mut Running) -> Result<()> {
    let device = BACKUP_DEVICE;
    ask(
        machine,
        &format!("mkfs.ext4 -q {device} && mkdir /backup && mount {device} /backup"),
    )?;
    let said = ask_within(
        machine,
        "mksysb -i -e /backup/system.mksysb",
        limits::backup(),
    )?;
    log::info!("{said}");
    let left = ask(
        machine,
        "lvs --noheadings -o lv_name,origin -S 'lv_attr=~^s'",
    )?;
    ensure!(left.is_empty(), "snapshots are left:\n{left}");
    ask_within(
        machine,
        "lsmksysb -V -f /backup/system.mksysb",
        limits::backup(),
    )?;
    let listed = ask_within(
        machine,
        "lsmksysb -f /backup/system.mksysb",
        limits::backup(),
    );
    let listed = listed.map(|list| list.matches("/srv/scratch").count())?;
    ensure!(
        listed == 3,
        "{listed} lines name /srv/scratch, /srv/scratchy and its file"
    );
    let mkdvd = "mkdvd -m /backup/system.mksysb -I /backup";
    ask_within(machine, mkdvd, limits::backup()).context("mkdvd")?;
    // The host reads the disk while the machine stays on.
    ask(machine, "umount /backup && sync")?;
    Ok(())
}
