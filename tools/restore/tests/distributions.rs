//! Files as Debian 12 and SLES 15 have them, in a clone with a new identity: every name of
//! the source is gone, and nothing else has changed.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fs;

use common::{BOOT, ROOT, SWAP, model, planned, read};
use lifeboat_layout::plan::{Plan, Settings};
use lifeboat_restore::references::rewrite;

const NEW_ROOT: &str = "ffffffff-0000-4000-8000-000000000001";
const NEW_BOOT: &str = "ffffffff-0000-4000-8000-000000000002";
const NEW_SWAP: &str = "ffffffff-0000-4000-8000-000000000003";
const PREP: &str = "00000000-0000-4000-8000-000000001001";
const NEW_PREP: &str = "ffffffff-0000-4000-8000-000000001001";

fn clone() -> Plan {
    let mut plan = planned(&Settings::default());
    for fs in &mut plan.file_systems {
        fs.uuid = fs.uuid.replacen("00000000", "ffffffff", 1);
    }
    for partition in &mut plan.targets[0].partitions {
        partition.uuid = Some(
            partition
                .uuid
                .unwrap()
                .to_string()
                .replacen("00000000", "ffffffff", 1)
                .parse()
                .unwrap(),
        );
    }
    plan
}

/// Restores the files and compares with what they are with the new names put in.
fn check(mut plan: Plan, files: &[(&str, String)]) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    // What fstab lacks would be added.
    let fstab = read(root.path(), "etc/fstab");
    plan.file_systems.retain(|fs| fstab.contains(&fs.old_uuid));
    rewrite(root.path(), &plan, &model(), &|_| true).unwrap();
    for (path, text) in files {
        let expected = [
            (ROOT, NEW_ROOT),
            (BOOT, NEW_BOOT),
            (SWAP, NEW_SWAP),
            (PREP, NEW_PREP),
        ]
        .iter()
        .fold(text.clone(), |text, (old, new)| text.replace(old, new));
        assert_eq!(read(root.path(), path), expected, "{path}");
    }
}

#[test]
fn debian_12() {
    check(
        clone(),
        &[
            (
                "etc/fstab",
                format!(
                    "\
# /etc/fstab: static file system information.
#
# Use 'blkid' to print the universally unique identifier for a
# device; this may be used with UUID= as a more robust way to name devices
# that works even if disks are added and removed. See fstab(5).
#
# <file system> <mount point>   <type>  <options>       <dump>  <pass>
# / was on /dev/sda3 during installation
UUID={ROOT} /               xfs     defaults        0       0
# /boot was on /dev/sda2 during installation
UUID={BOOT} /boot           xfs     defaults        0       0
UUID={SWAP} none            swap    sw              0       0
/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0
"
                ),
            ),
            (
                "etc/initramfs-tools/conf.d/resume",
                format!("RESUME=UUID={SWAP}\n"),
            ),
            (
                "etc/initramfs-tools/initramfs.conf",
                "#\n# initramfs.conf\n#\n\nMODULES=most\nBUSYBOX=auto\nKEYMAP=n\nCOMPRESS=zstd\nDEVICE=\nNFSROOT=auto\nRUNSIZE=10%\nFSTYPE=auto\n".to_owned(),
            ),
            (
                "etc/default/grub",
                format!(
                    "\
# If you change this file, run 'update-grub' afterwards to update
# /boot/grub/grub.cfg.
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT=\"quiet resume=UUID={SWAP}\"
GRUB_CMDLINE_LINUX=\"\"

# Uncomment to enable BadRAM filtering, modify to suit your needs
#GRUB_BADRAM=\"0x01234567,0xfefefefe,0x89abcdef,0xefefefef\"
"
                ),
            ),
            (
                "etc/mdadm/mdadm.conf",
                "\
# mdadm.conf
#
# !NB! Run update-initramfs -u after updating this file.
#DEVICE partitions containers

# automatically tag new arrays as belonging to the local system
HOMEHOST <system>

# instruct the monitoring daemon where to send mail alerts
MAILADDR root
"
                .to_owned(),
            ),
            (
                "etc/lvm/lvm.conf",
                "devices {\n\t# filter = [ \"a|.*|\" ]\n\t# global_filter = [ \"r|/dev/cdrom|\" ]\n}\n".to_owned(),
            ),
            (
                "etc/crypttab",
                "# <target name>\t<source device>\t\t<key file>\t<options>\n".to_owned(),
            ),
        ],
    );
}

#[test]
fn sles_15() {
    let mut plan = clone();
    for fs in &mut plan.file_systems {
        if fs.mount.as_deref() == Some("/") {
            fs.kind = "btrfs".into();
        }
    }
    check(
        plan,
        &[
            (
                "etc/fstab",
                format!(
                    "\
UUID={ROOT}  /                       btrfs  defaults                      0  0
UUID={ROOT}  /var                    btrfs  subvol=/@/var                 0  0
UUID={ROOT}  /home                   btrfs  subvol=/@/home                0  0
UUID={ROOT}  /boot/grub2/powerpc-ieee1275  btrfs  subvol=/@/boot/grub2/powerpc-ieee1275  0  0
UUID={ROOT}  /.snapshots             btrfs  subvol=/@/.snapshots          0  0
UUID={SWAP}  swap                    swap   defaults                      0  0
"
                ),
            ),
            (
                "etc/default/grub",
                format!(
                    "\
# If you change this file, run 'grub2-mkconfig -o /boot/grub2/grub.cfg' afterwards
GRUB_DISTRIBUTOR=
GRUB_DEFAULT=saved
GRUB_CMDLINE_LINUX_DEFAULT=\"splash=silent mitigations=auto quiet resume=/dev/disk/by-uuid/{SWAP} crashkernel=217M\"
GRUB_CMDLINE_LINUX=\"\"
SUSE_BTRFS_SNAPSHOT_BOOTING=\"true\"
"
                ),
            ),
            (
                "etc/default/grub_installdevice",
                format!("/dev/disk/by-partuuid/{PREP}\n"),
            ),
            (
                "etc/dracut.conf.d/50-resume.conf",
                format!("kernel_cmdline+=\" resume=UUID={SWAP} \"\n"),
            ),
            (
                "etc/multipath.conf",
                "defaults {\n\tuser_friendly_names yes\n}\nblacklist {\n\twwid \".*\"\n}\nblacklist_exceptions {\n\twwid \"3600c\"\n}\n".to_owned(),
            ),
        ],
    );
}
