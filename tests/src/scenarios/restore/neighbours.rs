//! `restore-keeps-data-vg`: a volume group that is not in the backup lies beside the
//! target. The restore writes nothing to its disk; the restored system mounts it.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, disk};

use super::layouts;
use crate::judge::guest::ask;
use crate::lab::{Lab, sha256};
use crate::{base, judge};

const DATA_BYTES: u64 = 512 << 20;

pub fn keeps_data_vg(lab: &Lab) -> Result<()> {
    let data = lab.blank_disk("data", 2, DATA_BYTES, "LBDATA")?;
    fill(lab, &data).context("making the other volume group")?;
    let image = lab.path("data.img");
    let before = sha256(&image)?;
    let place = lab.path("target.img");
    disk::create_blank(&place, 3 << 30)?;
    let target = Disk::new("target", place, Format::Raw, Bus::VirtioBlk { slot: 1 }).serial("LBT");
    let disks = [target, data];
    layouts::restore(lab, &layouts::BESIDE, &disks)?;
    ensure!(
        sha256(&image)? == before,
        "the disk of the other volume group was written to"
    );
    layouts::judge(lab, &layouts::BESIDE, &disks)
}

/// A volume group with a file system and a file, made by a running system's own tools.
fn fill(lab: &Lab, data: &Disk) -> Result<()> {
    let system = base::installed(lab, "maker")?;
    let mut machine = lab.power_on(lab.machine("maker").disk(system).disk(data.clone()))?;
    judge::log_in(&mut machine)?;
    for command in [
        "vgcreate -q datavg /dev/vdb",
        "lvcreate -q -y -n data -L 300M datavg",
        "mkfs.ext4 -q /dev/datavg/data",
        "mount /dev/datavg/data /mnt && echo 'the data of others' > /mnt/file",
        "umount /mnt && vgchange -q -an datavg",
    ] {
        ask(&mut machine, command)?;
    }
    judge::shut_down(&mut machine)
}
