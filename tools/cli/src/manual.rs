//! What the manual page of a command has besides its description and its flags.
//! The generator of the pages reads this; the binary does not.

/// A word of the page and what it means.
pub type Line = (&'static str, &'static str);

/// The further sections of one command's page.
#[derive(Debug, Clone, Copy)]
pub struct Manual {
    /// The command's name.
    pub command: &'static str,
    /// Paths that it reads or writes.
    pub files: &'static [Line],
    /// Command lines, and what they are good for.
    pub examples: &'static [Line],
    /// Names of other commands.
    pub see_also: &'static [&'static str],
}

/// Commands that AIX does not have: they are called as `lifeboat NAME` only, and no link
/// takes a name from somebody else.
pub const WITHOUT_LINK: [&str; 3] = ["auto-backup", "first-boot", "menu"];

/// The exit statuses of every command.
pub const EXIT_STATUS: [Line; 3] = [
    ("0", "All that was asked for was done."),
    (
        "1",
        "Something was not done, or not wholly; a message on standard error says what.",
    ),
    (
        "2",
        "The command line was not understood; nothing was done.",
    ),
];

/// The manual of a command, if it has more to say than its help.
#[must_use]
pub fn of(command: &str) -> Option<&'static Manual> {
    MANUALS.iter().find(|manual| manual.command == command)
}

const EXCLUDE: Line = (
    "/etc/exclude.rootvg",
    "Patterns of names that -e leaves out, one a line.",
);
const IMAGE_DATA: Line = (
    "/image.data",
    "Description of disks, volumes and file systems.",
);
const LOG: Line = (
    "/var/log/lifeboat/vgbackuplog",
    "A line for every backup that was written.",
);
const VG_DATA: Line = (
    "/var/lib/lifeboat/vgdata/VG/VG.data",
    "Description of the volume group VG.",
);
const TAPE: Line = ("/dev/nst0", "A tape drive that does not rewind by itself.");

/// Sorted by command.
const MANUALS: &[Manual] = &[
    Manual {
        command: "auto-backup",
        files: &[
            (
                "/etc/lifeboat/backup.conf",
                "Where the backups go, how many are kept, with which flags.",
            ),
            EXCLUDE,
            LOG,
        ],
        examples: &[
            (
                "lifeboat auto-backup --dry-run",
                "Checks the settings, and shows what is kept.",
            ),
            (
                "systemctl enable --now lifeboat-backup.timer",
                "From now on a backup is made every night.",
            ),
            (
                "systemctl edit lifeboat-backup.timer",
                "Changes when it is made.",
            ),
            ("journalctl -u lifeboat-backup", "What the last ones said."),
        ],
        see_also: &["lsmksysb", "mksysb"],
    },
    Manual {
        command: "bootinfo",
        files: &[],
        examples: &[
            ("bootinfo -b", "The disk of the last start."),
            ("bootinfo -s hdisk0", "The size of a disk in MB."),
            ("bootinfo -p", "The platform."),
        ],
        see_also: &["bootlist", "lsdev"],
    },
    Manual {
        command: "bootlist",
        files: &[("/dev/nvram", "Where the firmware keeps its variables.")],
        examples: &[
            ("bootlist -m normal -o", "Shows the boot list."),
            (
                "bootlist -m normal hdisk0 hdisk1",
                "The firmware tries the first disk, then the second one.",
            ),
            (
                "bootlist -m normal -v hdisk0 eth0 bserver=9.3.1.2 client=9.3.1.7",
                "The first disk, then the network; shows the firmware paths.",
            ),
            ("bootlist -m prevboot -o", "Where the last start came from."),
        ],
        see_also: &["bootinfo", "lspv", "mksysb"],
    },
    Manual {
        command: "bosboot",
        files: &[(
            "/usr/lib/lifeboat/grub/core.elf",
            "GRUB's core for systems whose own GRUB is missing or fails.",
        )],
        examples: &[
            (
                "bosboot -a",
                "Makes all boot images and boot records of the system anew.",
            ),
            ("bosboot -ad /dev/hdisk0", "Boot records on this disk only."),
            ("bosboot -v", "Checks whether the system would boot."),
        ],
        see_also: &["bootlist", "restore"],
    },
    Manual {
        command: "cfgmgr",
        files: &[
            (
                "/usr/lib/lifeboat/packages.table.gz",
                "Which package has which driver and firmware.",
            ),
            (
                "/etc/lifeboat/packages.d/*.table",
                "The same for packages of your own.",
            ),
        ],
        examples: &[
            (
                "cfgmgr",
                "Configures devices that were attached since the start.",
            ),
            ("cfgmgr -v -l host0", "One adapter and its disks."),
            (
                "cfgmgr -i /dev/sr0",
                "Installs what is lacking from a CD with packages.",
            ),
            (
                "cfgmgr -i repository",
                "The same from the distribution's own archive.",
            ),
            (
                "cfgmgr --missing /tmp/device.pkgs",
                "Writes the names of the packages that devices lack.",
            ),
        ],
        see_also: &["devinstall", "first-boot"],
    },
    Manual {
        command: "devinstall",
        files: &[],
        examples: &[
            (
                "cfgmgr --missing /tmp/device.pkgs",
                "Writes the list of packages.",
            ),
            (
                "devinstall -f /tmp/device.pkgs -d /dev/sr0 && cfgmgr",
                "Installs them from a CD, and configures the devices.",
            ),
        ],
        see_also: &["cfgmgr"],
    },
    Manual {
        command: "first-boot",
        files: &[
            (
                "/var/log/lifeboat/first-boot.report",
                "What was done, and how it came out.",
            ),
            (
                "/etc/profile.d/lifeboat-first-boot.sh",
                "Says at login what failed, until it is removed.",
            ),
        ],
        examples: &[("lifeboat first-boot", "What a restored system does once.")],
        see_also: &["cfgmgr"],
    },
    Manual {
        command: "lifeboat",
        files: &[LOG],
        examples: &[
            ("lifeboat help mksysb", "The help of one command."),
            (
                "ln -s lifeboat /usr/local/sbin/mksysb",
                "From now on the command is called as on AIX.",
            ),
        ],
        see_also: &["lsmksysb", "mksysb", "restore"],
    },
    Manual {
        command: "listvgbackup",
        files: &[LOG, TAPE],
        examples: &[("listvgbackup -l -f system.mksysb", "Summary of a backup.")],
        see_also: &["lsmksysb", "restorevgfiles"],
    },
    Manual {
        command: "lscfg",
        files: &[],
        examples: &[(
            "lscfg -v -l hdisk0",
            "Location, manufacturer and model of a disk.",
        )],
        see_also: &["lsdev"],
    },
    Manual {
        command: "lsdev",
        files: &[],
        examples: &[
            ("lsdev -C -c disk", "The disks."),
            (
                "lsdev -c adapter",
                "The adapters, and which of them has no driver.",
            ),
        ],
        see_also: &["cfgmgr", "lscfg", "lspv"],
    },
    Manual {
        command: "lslv",
        files: &[],
        examples: &[("lslv hd4", "One logical volume.")],
        see_also: &["lspv", "lsvg"],
    },
    Manual {
        command: "lsmksysb",
        files: &[LOG, TAPE],
        examples: &[
            ("lsmksysb -f system.mksysb", "Lists the files."),
            (
                "lsmksysb -l -f system.mksysb",
                "Of which system it is, when it was made, and its logical volumes.",
            ),
            (
                "lsmksysb -V -f system.mksysb",
                "Reads everything and checks every hash.",
            ),
            (
                "lsmksysb -r -d /tmp/old -f system.mksysb ./etc/fstab ./etc/ssh",
                "Restores a file and a directory below /tmp/old.",
            ),
            ("lsmksysb -B", "The backups that this system has written."),
        ],
        see_also: &["listvgbackup", "mksysb", "restore"],
    },
    Manual {
        command: "lspv",
        files: &[],
        examples: &[
            ("lspv", "The disks and their volume groups."),
            ("lspv hdisk0", "One disk."),
        ],
        see_also: &["lsdev", "lslv", "lsvg"],
    },
    Manual {
        command: "lssavevg",
        files: &[LOG, TAPE],
        examples: &[("lssavevg -l -f data.savevg", "Summary of a backup.")],
        see_also: &["lsmksysb", "restvg", "savevg"],
    },
    Manual {
        command: "lsvg",
        files: &[],
        examples: &[
            ("lsvg", "The volume groups."),
            (
                "lsvg -l rootvg",
                "The logical volumes of rootvg, with mount points.",
            ),
            ("lsvg -p rootvg", "Its disks."),
        ],
        see_also: &["lslv", "lspv"],
    },
    Manual {
        command: "menu",
        files: &[(
            "/run/lifeboat/lifeboat.log",
            "The log of the rescue image; a restore keeps it.",
        )],
        examples: &[("lifeboat menu", "Starts the menus on this terminal.")],
        see_also: &["mksysb"],
    },
    Manual {
        command: "mkdvd",
        files: &[(
            "/usr/lib/lifeboat/rescue",
            "The rescue image, from which CDs are made.",
        )],
        examples: &[
            (
                "mkdvd -m /backup/system.mksysb -I /backup",
                "Writes /backup/system.iso, which boots and installs the backup.",
            ),
            (
                "xorriso -as cdrecord dev=/dev/sr0 /backup/system.iso",
                "Burns it.",
            ),
        ],
        see_also: &["lsmksysb", "mksysb"],
    },
    Manual {
        command: "mksysb",
        files: &[
            IMAGE_DATA,
            (
                "/bosinst.data",
                "Answers for an installation without questions.",
            ),
            EXCLUDE,
            LOG,
        ],
        examples: &[
            (
                "mksysb -i -e -V /backup",
                "Writes a file into the directory /backup and reads it back.",
            ),
            (
                "mksysb -i - | ssh vault 'cat > web1.mksysb'",
                "Writes the backup to another machine.",
            ),
            ("mksysb -i -b 512 /dev/nst0", "Writes a tape."),
            (
                "mksysb -e --dry-run",
                "Says what each pattern of /etc/exclude.rootvg leaves out.",
            ),
        ],
        see_also: &["lsmksysb", "mkdvd", "mkszfile", "restore", "savevg"],
    },
    Manual {
        command: "mkszfile",
        files: &[IMAGE_DATA],
        examples: &[(
            "mkszfile",
            "Describes the system, and says what could not be restored.",
        )],
        see_also: &["mksysb"],
    },
    Manual {
        command: "mkvgdata",
        files: &[VG_DATA],
        examples: &[("mkvgdata datavg", "Describes the volume group datavg.")],
        see_also: &["mkszfile", "restvg", "savevg"],
    },
    Manual {
        command: "rda",
        files: &[(
            "/var/lib/lifeboat/rda.sh",
            "The attributes at the time of the last system backup.",
        )],
        examples: &[
            ("rda -rs alpha.sh", "Records the attributes of this system."),
            (
                "sh alpha.sh",
                "Sets them on another system, or on this one again.",
            ),
            (
                "RDA_SKIP=\"hostname routes\" sh alpha.sh",
                "The same without these two sections.",
            ),
            ("rda -c alpha.sh", "Says what differs from them."),
        ],
        see_also: &["cfgmgr", "first-boot"],
    },
    Manual {
        command: "restore",
        files: &[TAPE],
        examples: &[
            ("restore -Tf system.mksysb", "Lists the files."),
            (
                "cd /tmp/old && restore -xvf /backup/system.mksysb ./etc/fstab",
                "Restores one file below the current directory.",
            ),
            (
                "ssh server cat system.mksysb | restore -xf - ./etc",
                "Restores a directory from a stream.",
            ),
        ],
        see_also: &["lsmksysb", "mksysb"],
    },
    Manual {
        command: "restorevgfiles",
        files: &[TAPE],
        examples: &[(
            "restorevgfiles -d /tmp/old -f system.mksysb ./etc/fstab",
            "Restores one file below /tmp/old.",
        )],
        see_also: &["listvgbackup", "restore"],
    },
    Manual {
        command: "restvg",
        files: &[("/etc/fstab", "Entries that it lacks are added."), TAPE],
        examples: &[
            (
                "restvg -f data.savevg",
                "Restores the volume group onto the disks that it had, or onto empty ones.",
            ),
            (
                "restvg -q -s -f data.savevg hdisk1 hdisk2",
                "Onto these two, whatever they hold, as small as possible, without a question.",
            ),
            ("restvg -l -f data.savevg", "Shows what is in the backup."),
        ],
        see_also: &["lssavevg", "restore", "savevg"],
    },
    Manual {
        command: "savevg",
        files: &[
            VG_DATA,
            (
                "/etc/exclude.VG",
                "Patterns of names that -e leaves out, one a line.",
            ),
            LOG,
            TAPE,
        ],
        examples: &[
            (
                "savevg -i -f /backup/data.savevg datavg",
                "Backs up the volume group datavg.",
            ),
            (
                "savevg -i -e -V -f /backup datavg",
                "Into a directory, with an exclude file, and reads it back.",
            ),
        ],
        see_also: &["lssavevg", "mksysb", "mkvgdata", "restvg"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manuals_are_sorted_by_command() {
        assert!(MANUALS.is_sorted_by(|a, b| a.command < b.command));
        for manual in MANUALS {
            assert!(manual.see_also.is_sorted(), "{}", manual.command);
        }
    }

    #[test]
    fn every_command_has_examples() {
        for command in crate::command().get_subcommands() {
            let name = command.get_name();
            let examples = of(name).map_or(0, |manual| manual.examples.len());
            assert!(
                examples > 0,
                "{name} is not in MANUALS, or without examples"
            );
        }
    }
}
