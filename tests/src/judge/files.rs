//! Every file is as it was on the build host, where foreign tools listed
//! hashes, attributes and extended attributes before the backup was written.

use anyhow::{Result, ensure};
use lifeboat_qemu::Running;

use super::guest::{ask, ask_within};
use crate::lab::{Lab, sha256};
use crate::limits;

/// Where the demo system carries its own lists. They leave this directory out.
const LISTS: &str = "/var/lib/lifeboat-demo";

/// What a restore makes anew and what a boot changes: prefixes of paths.
const MAY_DIFFER: &[&str] = &[
    // The restore: disks, boot image, boot configuration, its log.
    "./etc/fstab",
    "./etc/lvm/",
    "./boot/initrd.img-",
    "./boot/grub",
    "./boot/lost+found",
    "./lost+found",
    "./var/lib/initramfs-tools",
    "./var/log",
    // The first boot: identity, caches, state.
    "./etc/.updated",
    "./var/.updated",
    "./var/cache/",
    "./var/lib/dbus/machine-id",
    "./var/lib/systemd",
    "./var/tmp",
    "./root/",
];

/// The lists that travelled inside the backup are the host's own.
pub fn lists_are_the_hosts(machine: &mut Running, lab: &Lab) -> Result<()> {
    for list in ["sha256sums", "attributes", "xattrs"] {
        let here = sha256(&lab.beside_backup(list))?;
        let there = ask(machine, &format!("sha256sum < {LISTS}/{list}"))?;
        let there = there.split_whitespace().next().unwrap_or_default();
        ensure!(
            there == here,
            "{list} has hash {there}, the host's copy has {here}"
        );
    }
    Ok(())
}

/// Every listed file is there with its hash, but for what may differ.
pub fn hashes(machine: &mut Running) -> Result<()> {
    let listed: usize = ask(machine, &format!("wc -l < {LISTS}/sha256sums"))?.parse()?;
    ensure!(listed > 1000, "only {listed} files are listed");
    let check = format!("cd / && sha256sum --check --quiet {LISTS}/sha256sums");
    let (_, output) = machine.shell(&check, limits::whole_system())?;
    let wrong = failures(&output);
    ensure!(
        wrong.is_empty(),
        "sha256sum --check says\n{}",
        wrong.join("\n")
    );
    Ok(())
}

/// Kind, mode, owner, size and link target of everything, and all extended
/// attributes: ACLs and capabilities among them. Nothing is missing and nothing
/// is there that was not, but for what may differ.
pub fn attributes(machine: &mut Running) -> Result<()> {
    // The disk's own files, without what is mounted over them.
    for mount in ["/", "/boot", "/var"] {
        ask(machine, &format!("mount --bind {mount} /mnt{mount}"))?;
    }
    let find = format!(
        "cd /mnt && find . ./boot ./var -xdev -path .{LISTS} -prune -o \
         -type d -printf '%p %y %#m %U %G\\n' -o -printf '%p %y %#m %U %G %s %l\\n' \
         | sort -u > /run/attributes"
    );
    ask_within(machine, &find, limits::whole_system())?;
    let getfattr = "cd /mnt && getfattr --recursive --physical --no-dereference --dump \
         --match=- --encoding=hex . > /run/xattrs";
    ask_within(machine, getfattr, limits::whole_system())?;
    // One line for each attribute: getfattr goes in the order of the directories.
    let by_line = r##"awk '/^# file: /{f="./" substr($0,9);next} NF{print f" "$0}'"##;
    ask(
        machine,
        &format!("{by_line} {LISTS}/xattrs | sort > /run/xattrs-wanted"),
    )?;
    ask(
        machine,
        &format!("{by_line} /run/xattrs | sort > /run/xattrs-found"),
    )?;
    ask(machine, "umount /mnt/var /mnt/boot /mnt")?;

    let pairs = [
        format!("{LISTS}/attributes /run/attributes"),
        "/run/xattrs-wanted /run/xattrs-found".to_owned(),
    ];
    for pair in pairs {
        let wrong = differences(&ask(machine, &format!("comm -3 {pair}"))?);
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    Ok(())
}

/// What the lists cannot say: holes, names of one file, times.
pub fn hard_cases(machine: &mut Running) -> Result<()> {
    let size_and_blocks = ask(machine, "stat -c '%s %b' /srv/demo/sparse")?;
    let blocks = size_and_blocks
        .strip_prefix("67108864 ")
        .map(str::parse::<u64>);
    ensure!(
        matches!(blocks, Some(Ok(1..=2048))),
        "the sparse file of 64 MiB has size and blocks {size_and_blocks}"
    );
    let names = "/srv/demo/name-1 /srv/demo/name-2 /srv/demo/elsewhere/name-3";
    let inodes = ask(machine, &format!("stat -c '%i %h' {names} | sort -u"))?;
    ensure!(
        inodes.lines().count() == 1 && inodes.ends_with(" 3"),
        "the three names of one file have inodes and link counts\n{inodes}"
    );
    let time = ask(machine, "TZ=UTC stat -c %y /srv/demo/empty")?;
    ensure!(
        time.starts_with("1999-12-31 23:59:59.123456789"),
        "/srv/demo/empty is of {time}"
    );
    Ok(())
}

/// Package files are as the packages have them.
pub fn packages(machine: &mut Running) -> Result<()> {
    let (_, output) = machine.shell("dpkg --verify", limits::whole_system())?;
    ensure!(output.trim().is_empty(), "dpkg --verify says\n{output}");
    Ok(())
}

/// The lines of `sha256sum --check --quiet` that matter: a file that may not
/// differ, or that cannot be read at all.
fn failures(output: &str) -> Vec<&str> {
    let matters = |line: &&str| match line.strip_suffix(": FAILED") {
        Some(path) => !may_differ(path),
        None => !line.contains("computed checksum"),
    };
    output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .filter(matters)
        .collect()
}

/// The lines of `comm -3` that matter, in words.
fn differences(comm: &str) -> Vec<String> {
    let lines = comm
        .lines()
        .filter(|line| !may_differ(line.trim_start_matches('\t')));
    lines
        .map(|line| match line.strip_prefix('\t') {
            Some(found) => format!("found:  {found}"),
            None => format!("wanted: {line}"),
        })
        .collect()
}

fn may_differ(path: &str) -> bool {
    MAY_DIFFER.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sha256sum_says_is_sorted_out() {
        let output = "./etc/fstab: FAILED\n./etc/passwd: FAILED\n\
            sha256sum: ./usr/bin/ls: No such file or directory\n./usr/bin/ls: FAILED open or read\n\
            sha256sum: WARNING: 2 computed checksums did NOT match\n";
        let failures = failures(output);
        assert_eq!(failures.len(), 3);
        assert_eq!(failures[0], "./etc/passwd: FAILED");
    }

    #[test]
    fn what_comm_says_is_put_in_words() {
        let output =
            "./etc/passwd f 0644 0 0 5 \n\t./etc/passwd f 0600 0 0 5 \n\t./lost+found d 0700 0 0\n";
        assert_eq!(
            differences(output),
            [
                "wanted: ./etc/passwd f 0644 0 0 5 ",
                "found:  ./etc/passwd f 0600 0 0 5 "
            ]
        );
    }
}
