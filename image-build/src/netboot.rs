//! The tree for a TFTP server: a GRUB core that fetches kernel and initramfs
//! over the network card that the firmware booted from.

use std::collections::BTreeSet;
use std::path::Path;

use lifeboat_sys::fs::{self, FsError, PathContext as _};

use crate::grub::{self, Core};
use crate::rescue::{INITRAMFS, KERNEL};

/// The boot file that the DHCP server names.
const CORE: &str = "core.elf";
/// Where GRUB finds its modules and menu: in the archive that the core carries.
const PREFIX: &str = "(memdisk)/boot/grub";
/// All that is built in. With the loader or the network modules built in too,
/// GRUB finds no network card (tried with GRUB 2.06 and 2.12 on ibmveth,
/// virtio-net and e1000).
const BUILT_IN: [&str; 6] = ["memdisk", "tar", "echo", "ls", "normal", "test"];
/// What the core carries and [`early`] loads, in this order.
const CARRIED: [&str; 7] = ["ofnet", "tftp", "http", "linux", "gzio", "reboot", "halt"];

/// The script that runs before the menu: takes an address by DHCP and makes the
/// server that sent the core the root of all paths. (`net_default_server` stays
/// empty on ieee1275.)
fn early() -> String {
    let load: String = CARRIED.map(|module| format!("insmod {module}\n")).concat();
    load + "net_bootp\nset root=(tftp,$net_ofnet_net_dhcp_next_server)\n"
}

/// Writes the tree: everything that the TFTP server's root must have.
///
/// # Errors
/// When a program fails or a file is missing.
pub fn build(packages: &Path, rescue: &Path, out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out)?;
    let work = tempfile::tempdir_in(out).at("create directory", out)?;
    let memdisk = memdisk(packages, work.path())?;
    let script = work.path().join("early.cfg");
    fs::write(&script, early())?;
    Core {
        modules: &BUILT_IN,
        prefix: PREFIX,
        early: Some(script),
        memdisk: Some(memdisk),
    }
    .write(packages, &out.join(CORE))?;
    for file in [KERNEL, INITRAMFS] {
        let from = rescue.join(file);
        std::fs::copy(&from, out.join(file)).at("copy", &from)?;
    }
    Ok(())
}

/// A tar archive with the menu and the network modules.
fn memdisk(packages: &Path, work: &Path) -> anyhow::Result<std::path::PathBuf> {
    let directory = work.join("boot/grub");
    let target = directory.join("powerpc-ieee1275");
    fs::create_dir_all(&target)?;
    fs::write(directory.join("grub.cfg"), grub::menu(""))?;
    let source = grub::modules(packages);
    let dependencies = fs::read_to_string(source.join("moddep.lst"))?;
    for module in closure(&dependencies, &CARRIED) {
        let file = format!("{module}.mod");
        copy(&source.join(&file), &target.join(&file))?;
    }
    Ok(grub::memdisk(work)?)
}

fn copy(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::copy(from, to).at("copy", from)?;
    Ok(())
}

/// The modules and all that they need, from `moddep.lst`: `name: need need`.
fn closure<'a>(dependencies: &'a str, modules: &[&'a str]) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::new();
    let mut open = modules.to_vec();
    while let Some(module) = open.pop() {
        if all.insert(module) {
            let line = dependencies.lines().find_map(|line| {
                let (name, needs) = line.split_once(':')?;
                (name == module).then_some(needs)
            });
            open.extend(line.unwrap_or_default().split_whitespace());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_modules_come_along() {
        let list = "tftp: net priority_queue\nnet: priority_queue bufio\nofnet: net\nlinux: boot\n";
        let expected = BTreeSet::from(["bufio", "net", "ofnet", "priority_queue", "tftp"]);
        assert_eq!(closure(list, &["ofnet", "tftp"]), expected);
    }
}
