//! The scenarios, one file each. A name stays once it is given.

mod bad_input;
mod boot;
mod busy;
mod damaged;
mod devices;
mod harness;
mod install;
mod install_auto;
mod restore;
mod roundtrip;
mod savevg;
mod scheduled;
mod shell;
mod sources;
mod trees;

use anyhow::Result;

use crate::lab::Lab;

/// One thing that the product must do, tried on a machine of its own.
#[derive(Debug)]
pub struct Scenario {
    /// The stable name.
    pub name: &'static str,
    /// What is tried, in one line.
    pub about: &'static str,
    /// Whether every change must pass it.
    pub core: bool,
    /// Tries it.
    pub run: fn(&Lab) -> Result<()>,
}

/// All scenarios, the quick ones first.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "harness",
        about: "the harness itself, against the firmware alone",
        core: true,
        run: harness::run,
    },
    Scenario {
        name: "cd-install-bad-input",
        about: "no disk, a disk too small, no backup: told and back to the menu",
        core: true,
        run: bad_input::run,
    },
    Scenario {
        name: "cd-shell",
        about: "the maintenance shell, the boot list set there, restart",
        core: true,
        run: shell::run,
    },
    Scenario {
        name: "cd-sources",
        about: "backups on another CD and on a disk are found; looking changes nothing",
        core: true,
        run: sources::run,
    },
    Scenario {
        name: "cd-install-damaged",
        about: "a truncated and two bit-flipped backups: told, nothing hidden",
        core: true,
        run: damaged::run,
    },
    Scenario {
        name: "cd-install",
        about: "restore by the menu, then boot the disk alone and judge it",
        core: true,
        run: install::run,
    },
    Scenario {
        name: "cd-install-auto",
        about: "restore unattended onto the disk of a serial number; its neighbour untouched",
        core: true,
        run: install_auto::run,
    },
    Scenario {
        name: "restore-vscsi",
        about: "from virtio onto the disk and network card of PowerVM",
        core: true,
        run: restore::vscsi,
    },
    Scenario {
        name: "restore-4k",
        about: "onto a disk with sectors of 4096 bytes",
        core: false,
        run: restore::large_sectors,
    },
    Scenario {
        name: "restore-smaller",
        about: "onto a disk too small for the volumes as they are: told, then shrunk",
        core: false,
        run: restore::smaller,
    },
    Scenario {
        name: "restore-keeps-data-vg",
        about: "another volume group is not written to, and mounted afterwards",
        core: false,
        run: restore::keeps_data_vg,
    },
    Scenario {
        name: "restore-bad-disk",
        about: "a read-only disk and one that fails: told, and back to the menu",
        core: false,
        run: restore::bad_disk,
    },
    Scenario {
        name: "restore-powercut",
        about: "power fails at six points; nothing half done boots, and it completes",
        core: false,
        run: restore::powercut,
    },
    Scenario {
        name: "restore-nvme",
        about: "onto NVMe, which the firmware cannot boot: /boot on a small disk",
        core: false,
        run: restore::nvme,
    },
    Scenario {
        name: "restore-two-disks-mirror",
        about: "mirrored over two disks, each of which boots without the other",
        core: false,
        run: restore::two_disks,
    },
    Scenario {
        name: "restore-multipath",
        about: "a root on dm-multipath: backed up, restored onto another disk, one path lost",
        core: false,
        run: restore::multipath,
    },
    Scenario {
        name: "restore-luks",
        about: "LVM in LUKS2: a new passphrase is asked for, and opens it",
        core: false,
        run: restore::luks,
    },
    Scenario {
        name: "restore-luks-header",
        about: "LVM in LUKS2 with its old header: an old passphrase opens it",
        core: false,
        run: restore::luks_header,
    },
    Scenario {
        name: "restore-larger",
        about: "onto a larger disk: file systems grow in proportion",
        core: false,
        run: restore::larger,
    },
    Scenario {
        name: "restore-mirror-to-one",
        about: "a former mirror on one disk: told, then broken",
        core: false,
        run: restore::to_one,
    },
    Scenario {
        name: "restore-dracut",
        about: "a system whose boot image dracut makes, onto PowerVM's adapters",
        core: false,
        run: restore::dracut,
    },
    Scenario {
        name: "restore-nolvm",
        about: "plain partitions in an MBR, logical ones too",
        core: false,
        run: restore::nolvm,
    },
    Scenario {
        name: "restore-btrfs",
        about: "a btrfs with subvolumes, one of them the default",
        core: false,
        run: restore::btrfs,
    },
    Scenario {
        name: "restore-lvm",
        about: "striped and thin volumes over two disks",
        core: false,
        run: restore::lvm,
    },
    Scenario {
        name: "restore-maps",
        about: "volumes in pieces, placed as on the source by their physical maps",
        core: false,
        run: restore::maps,
    },
    Scenario {
        name: "restore-md",
        about: "md arrays of three levels over three disks",
        core: false,
        run: restore::md,
    },
    Scenario {
        name: "restore-bookworm",
        about: "a Debian whose kernel and GRUB are older than the rescue tools",
        core: false,
        run: restore::bookworm,
    },
    Scenario {
        name: "bootlist-order",
        about: "the list set in a running system is the order in which the firmware tries",
        core: false,
        run: boot::order,
    },
    Scenario {
        name: "bootlist-fallback",
        about: "the first disk of the list is gone: the second boots",
        core: false,
        run: boot::fallback,
    },
    Scenario {
        name: "bosboot-repair",
        about: "no boot record, no boot image: bosboot from the CD, and it boots again",
        core: false,
        run: boot::repair,
    },
    Scenario {
        name: "bosboot-fallback-core",
        about: "a system without GRUB: restored with a core of our own",
        core: false,
        run: boot::fallback_core,
    },
    Scenario {
        name: "cfgmgr-new-hardware",
        about: "other adapters: the interface as ever; a missing driver named, and installed",
        core: false,
        run: devices::new_hardware,
    },
    Scenario {
        name: "rda-roundtrip",
        about: "device attributes of one machine set on another by a script, once",
        core: false,
        run: devices::rda_roundtrip,
    },
    Scenario {
        name: "clone-identity",
        about: "a clone has host name, keys, machine-id and UUIDs of its own",
        core: false,
        run: devices::clone_identity,
    },
    Scenario {
        name: "mksysb-roundtrip",
        about: "a running system backed up onto a CD, restored elsewhere, compared file by file",
        core: false,
        run: roundtrip::run,
    },
    Scenario {
        name: "mksysb-busy",
        about: "a backup of a system in motion: of one moment, or the changes named",
        core: false,
        run: busy::run,
    },
    Scenario {
        name: "scheduled-backup",
        about: "the package: its timer is off, its backups are kept, its removal leaves nothing",
        core: false,
        run: scheduled::run,
    },
    Scenario {
        name: "mksysb-trees",
        about: "systems of other releases backed up and extracted, by GNU tar too; no machine",
        core: false,
        run: trees::run,
    },
    Scenario {
        name: "savevg-roundtrip",
        about: "a volume group over two disks backed up, lost, restored, interrupted, restored",
        core: false,
        run: savevg::run,
    },
];
