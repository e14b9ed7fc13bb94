//! Every file is as it was on the build host, where foreign tools listed hashes
//! and attributes before the backup was written.

use anyhow::{Result, ensure};
use lifeboat_qemu::Running;

use super::guest::ask;
use crate::lab::{Lab, sha256};
use crate::limits;

/// Where the demo system carries its own lists.
const SUMS: &str = "/var/lib/lifeboat-demo/sha256sums";
const ATTRIBUTES: &str = "/var/lib/lifeboat-demo/attributes";

/// What a restore must change, and what a boot changes: prefixes of paths.
const MAY_DIFFER: &[&str] = &[
    // The restore: new devices, new boot image, new boot configuration.
    "./etc/fstab",
    "./boot/initrd.img-",
    "./boot/grub/",
    "./etc/lvm/",
    // The first boot: identity, caches, logs.
    "./etc/machine-id",
    "./etc/.updated",
    "./var/.updated",
    "./var/lib/systemd/",
    "./var/lib/initramfs-tools/",
    "./var/lib/dbus/machine-id",
    "./var/cache/",
    "./var/log/",
];

/// Lists that travelled inside the backup are the host's own.
pub fn list_is_the_hosts(machine: &mut Running, lab: &Lab) -> Result<()> {
    for (inside, extension) in [(SUMS, "sha256sums"), (ATTRIBUTES, "attributes")] {
        let here = sha256(&lab.beside_backup(extension))?;
        let there = ask(machine, &format!("sha256sum < {inside}"))?;
        let there = there.split_whitespace().next().unwrap_or_default();
        ensure!(
            there == here,
            "{inside} has hash {there}, the host's copy has {here}"
        );
    }
    Ok(())
}

/// Every listed file is there with its hash, but for what must differ.
pub fn unchanged(machine: &mut Running) -> Result<()> {
    let check = format!("cd / && sha256sum --check --quiet {SUMS}");
    let (_, output) = machine.shell(&check, limits::whole_system())?;
    let (differ, strange) = failures(&output);
    ensure!(strange.is_empty(), "sha256sum says\n{}", strange.join("\n"));
    let wrong: Vec<_> = differ
        .into_iter()
        .filter(|path| !may_differ(path))
        .collect();
    ensure!(
        wrong.is_empty(),
        "these files are not as they were:\n{}",
        wrong.join("\n")
    );
    let listed: usize = ask(machine, &format!("wc -l < {SUMS}"))?.parse()?;
    ensure!(listed > 1000, "only {listed} files are listed");
    Ok(())
}

/// Package files are as the packages have them.
pub fn packages(machine: &mut Running) -> Result<()> {
    let (_, output) = machine.shell("dpkg --verify", limits::whole_system())?;
    ensure!(output.trim().is_empty(), "dpkg --verify says\n{output}");
    Ok(())
}

/// Splits what `sha256sum --check --quiet` prints into paths that differ and
/// lines that say something else, such as a file that is missing.
fn failures(output: &str) -> (Vec<&str>, Vec<&str>) {
    let mut differ = Vec::new();
    let mut strange = Vec::new();
    for line in output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        if let Some(path) = line.strip_suffix(": FAILED") {
            differ.push(path);
        } else if !line.contains("computed checksum") {
            strange.push(line);
        }
    }
    (differ, strange)
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
        let (differ, strange) = failures(output);
        assert_eq!(differ, ["./etc/fstab", "./etc/passwd"]);
        assert_eq!(strange.len(), 2);
        assert!(may_differ("./etc/fstab") && !may_differ("./etc/passwd"));
    }
}
