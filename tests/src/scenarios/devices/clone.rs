//! `clone-identity`: a clone has nothing by which it could be taken for its source.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;
use lifeboat_sys::fs;

use crate::judge::guest::ask;
use crate::lab::{DISK_BYTES, Lab};
use crate::{image_data, judge, limits, menus};

const BOSINST: &str = "control_flow:
    CONSOLE = Default
    INSTALL_METHOD = overwrite
    PROMPT = no
    EXISTING_SYSTEM_OVERWRITE = no

lx_first_boot:
    LX_NEW_IDENTITY = yes
    LX_HOSTNAME = web-2
";

pub fn run(lab: &Lab) -> Result<()> {
    let disk = lab.blank_disk("clone", 1, DISK_BYTES, "LBCLONE")?;
    let cd = lab.cd("clone", Some(&lab.media.backup), Some(BOSINST))?;
    let machine = || lab.machine("clone").disk(disk.clone());
    let mut installing = lab.power_on(machine().cd(cd).no_reboot())?;
    menus::verdict(&mut installing).context("restoring")?;
    installing.wait_exit(limits::power_off())?;
    drop(installing);

    let mut clone = judge::boot_alone(lab, machine())?;
    judge::well(&mut clone)?;
    let name = ask(&mut clone, "hostname; cat /etc/hostname")?;
    ensure!(name == "web-2\nweb-2", "the host name is {name:?}");
    keys(lab, &mut clone).context("SSH host keys")?;
    uuids(lab, &mut clone).context("UUIDs")?;
    let id = ask(&mut clone, "cat /etc/machine-id")?;
    ensure!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "the machine-id is {id:?}"
    );
    judge::shut_down(&mut clone)?;
    drop(clone);

    // It was made once, and is the clone's from now on.
    let mut again = judge::boot_alone(lab, machine()).context("the second start")?;
    let kept = ask(&mut again, "cat /etc/machine-id")?;
    ensure!(kept == id, "the machine-id was {id}, now it is {kept}");
    judge::shut_down(&mut again)
}

/// None is in the backup, and there are as many.
fn keys(lab: &Lab, clone: &mut Running) -> Result<()> {
    let list = fs::read(lab.beside_backup("sha256sums"))?;
    let list = String::from_utf8_lossy(&list);
    let old: Vec<&str> = list
        .lines()
        .filter(|line| line.contains("etc/ssh/ssh_host_"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    ensure!(!old.is_empty(), "the backup has no keys to be replaced");
    let new = ask(clone, "sha256sum /etc/ssh/ssh_host_*")?;
    ensure!(
        new.lines().count() == old.len(),
        "of {} files there are\n{new}",
        old.len()
    );
    ensure!(
        !old.iter().any(|hash| new.contains(hash)),
        "a key is that of the source:\n{new}"
    );
    Ok(())
}

/// None is recorded, and all that files name are there.
fn uuids(lab: &Lab, clone: &mut Running) -> Result<()> {
    let recorded = image_data::of_backup(&lab.media.backup)?;
    let there = ask(clone, "blkid -o value -s UUID -s PARTUUID; cat /etc/fstab")?;
    let old: Vec<&str> = recorded
        .iter()
        .flat_map(|stanza| ["LX_FS_UUID", "LX_PARTUUID"].map(|field| stanza.get(field)))
        .filter(|uuid| !uuid.is_empty())
        .collect();
    ensure!(!old.is_empty(), "image.data has no UUIDs");
    for uuid in old {
        ensure!(
            !there.to_lowercase().contains(&uuid.to_lowercase()),
            "{uuid} is the source's:\n{there}"
        );
    }
    ask(clone, "findmnt --verify")?;
    Ok(())
}
