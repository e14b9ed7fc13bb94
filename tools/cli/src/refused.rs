//! Flags of AIX that have no meaning here: refused with a sentence that says why, and
//! never passed over.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Command, flag, and why it is refused.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "bootlist",
        "-F",
        "there are no attributes whose check could be left out",
    ),
    (
        "cfgmgr",
        "-c",
        "name the adapter or the disk itself with -l",
    ),
    (
        "cfgmgr",
        "-m",
        "the phase says what is configured; -p PHASE",
    ),
    (
        "cfgmgr",
        "-u",
        "Linux names devices by their place; -l NAME takes that name",
    ),
    ("mkdvd", "-b", NO_PACKAGES),
    (
        "mkdvd",
        "-C",
        "the image is written in one go, without a copy of its files",
    ),
    (
        "mkdvd",
        "-d",
        "nothing is burnt; burn the image with xorriso -as cdrecord dev=DEVICE IMAGE",
    ),
    (
        "mkdvd",
        "-i",
        "put the description into /image.data, write a backup with mksysb, then mkdvd -m",
    ),
    ("mkdvd", "-l", NO_PACKAGES),
    ("mkdvd", "-p", NO_PACKAGES),
    (
        "mkdvd",
        "-s",
        "the menus install systems only; restvg restores a volume group",
    ),
    (
        "mkdvd",
        "-U",
        "the image is ISO 9660, which holds files above 4 GiB as well",
    ),
    (
        "mkdvd",
        "-v",
        "the menus install systems only; savevg backs up a volume group",
    ),
    (
        "mkdvd",
        "-V",
        "no file system is made for the image; name a directory with -I",
    ),
    ("mkdvd", "-Y", "there are no licences to accept"),
    (
        "mkdvd",
        "-z",
        "no program is run from the image before the menus",
    ),
    ("mksysb", "-A", "Linux has no DMAPI"),
    (
        "mksysb",
        "-C",
        "what it does on AIX is nowhere described; leave it out",
    ),
    (
        "mksysb",
        "-F",
        "mkdvd makes a bootable image of an existing backup",
    ),
    ("mksysb", "-G", "Linux has no workload partitions"),
    ("mksysb", "-M", "Linux has no multibos"),
    ("mksysb", "-N", "Linux has no workload partitions"),
    ("mksysb", "-t", "no work directory is needed; leave it out"),
    ("mksysb", "-Z", "Linux has no encrypted JFS2"),
    ("mkszfile", "-N", "Linux has no workload partitions"),
    ("restore", "-A", "Linux has no DMAPI"),
    (
        "restore",
        "-E",
        "no file system here has AIX's extents; leave it out",
    ),
    ("restore", "-i", INODE),
    ("restore", "-l", "-T and -v show more already"),
    ("restore", "-m", INODE),
    (
        "restore",
        "-o",
        "there are no archives of AIX version 2 here",
    ),
    (
        "restore",
        "-P",
        "name the files, or the directory that they are in",
    ),
    (
        "restore",
        "-Q",
        "an error never stops the files that follow; the exit status says it",
    ),
    ("restore", "-r", "-x without names restores everything"),
    (
        "restore",
        "-R",
        "a backup is one stream, not several volumes",
    ),
    ("restore", "-t", "-T lists the files"),
    (
        "restore",
        "-X",
        "a backup is one stream, not several volumes",
    ),
    (
        "restore",
        "-y",
        "an error never stops the files that follow; the exit status says it",
    ),
    ("restore", "-Z", "Linux has no encrypted JFS2"),
    ("savevg", "-A", "Linux has no DMAPI"),
    (
        "savevg",
        "-P",
        "name the files in /etc/exclude.VG, or compress everything",
    ),
    ("savevg", "-Z", "Linux has no encrypted JFS2"),
];

const NO_PACKAGES: &str = "nothing but the backup is installed from the image";
const INODE: &str = "it is for archives by inode, and system backups are by name";

/// The sentence for a flag that is known on AIX; `None` for any other mistake.
pub fn sentence(command: &str, error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let known = |(of, letter, _): &&(&str, &str, &str)| *of == command && letter == flag;
    let (_, _, why) = REFUSED.iter().find(known)?;
    Some(format!(
        "0590-739 {command} {flag} has no meaning here: {why}"
    ))
}

/// Says what is wrong with the meaning of a command line; nothing was done.
pub fn misused(sentence: &str) -> ExitCode {
    eprintln!("lifeboat: {sentence}");
    ExitCode::from(2)
}
