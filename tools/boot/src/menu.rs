//! A configuration of GRUB for a system that has none: an entry for each kernel.

use std::path::Path;

use lifeboat_sys::fs::{FsError, PathContext, create_dir_all, read_to_string, write};

use crate::bootimage::{Maker, image_of};
use crate::place::{Place, PlaceError};

/// Seconds that the menu waits for a key.
const TIMEOUT: u32 = 5;

/// The configuration cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum MenuError {
    /// A file cannot be read or written.
    #[error("0590-463 The configuration of GRUB was not written")]
    File(#[from] FsError),
    /// Nobody says where the root file system is.
    #[error("0590-464 /etc/fstab has no entry for /, so that no kernel can be told its root")]
    NoRoot,
    /// It is not known how GRUB finds the kernels.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// Writes a configuration to `path`, relative to `root`, which does not exist yet.
///
/// # Errors
/// [`MenuError`].
pub fn create(root: &Path, path: &str, maker: Maker, kernels: &[String]) -> Result<(), MenuError> {
    let place = Place::of(&root.join("boot"))?;
    let own = |path: &str| read_to_string(root.join(path)).unwrap_or_default();
    let command = command_line(
        &own("etc/kernel/cmdline"),
        &own("etc/default/grub"),
        &read_to_string(root.join("etc/fstab"))?,
    );
    let mut kernels = kernels.to_vec();
    kernels.sort_by_key(|version| numbers(version));
    let entries: Vec<[String; 3]> = kernels
        .iter()
        .map(|version| {
            let kernel = ["vmlinux", "vmlinuz"].map(|name| format!("{name}-{version}"));
            let there = kernel.iter().find(|k| root.join("boot").join(k).exists());
            let image = image_of(root, maker, version).replacen("boot/", "", 1);
            [version.clone(), there.unwrap_or(&kernel[0]).clone(), image]
        })
        .collect();
    let text = text(
        &place.uuid()?,
        &place.path,
        &entries,
        &command.ok_or(MenuError::NoRoot)?,
    );
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        create_dir_all(parent)?;
    }
    write(&path, text)?;
    std::fs::File::open(&path)
        .and_then(|file| file.sync_all())
        .at("write", &path)?;
    Ok(())
}

/// The numbers in a version: 6.9 is older than 6.12.
fn numbers(version: &str) -> Vec<u64> {
    let words = version.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// `entries` are version, kernel and boot image; the newest kernel is the first.
fn text(uuid: &str, directory: &str, entries: &[[String; 3]], command: &str) -> String {
    let mut text = format!(
        "# Written by Lifeboat for a system without a configuration of GRUB.\n\
         set default=0\nset timeout={TIMEOUT}\n\
         search --no-floppy --fs-uuid --set=root {uuid}\n"
    );
    for [version, kernel, image] in entries.iter().rev() {
        text.push_str(&format!(
            "menuentry \"Linux {version}\" {{\n\techo \"Loading Linux {version} ...\"\n\
             \tlinux {directory}/{kernel} {command}\n\tinitrd {directory}/{image}\n}}\n"
        ));
    }
    text
}

/// What the kernels are told: the system's own words, else the root of its fstab and
/// what it told GRUB beside.
fn command_line(kernel: &str, grub: &str, fstab: &str) -> Option<String> {
    if kernel
        .split_whitespace()
        .any(|word| word.starts_with("root="))
    {
        return Some(kernel.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let mut fields = fstab
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() >= 3 && !fields[0].starts_with('#'));
    let root = fields.find(|fields| fields[1] == "/")?;
    let mut words = vec![
        format!("root={}", root[0].replace('"', "")),
        "ro".to_owned(),
    ];
    let options = root.get(3).map_or("", |options| *options).split(',');
    let subvolume = options.filter(|option| option.starts_with("subvol"));
    words.extend(subvolume.map(|option| format!("rootflags={option}")));
    let value = |line: &str| {
        let value = line.trim().strip_prefix("GRUB_CMDLINE_LINUX=")?;
        Some(value.trim_matches(['"', '\'']).to_owned())
    };
    words.extend(grub.lines().rev().find_map(value));
    words.retain(|word| !word.is_empty());
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_where_their_root_is() {
        let fstab =
            "# x\nUUID=1-2 /boot ext4 defaults 0 2\n/dev/mapper/rootvg-hd4 / ext4 defaults 0 1\n";
        let of = |kernel, grub| command_line(kernel, grub, fstab).unwrap();
        assert_eq!(of("", ""), "root=/dev/mapper/rootvg-hd4 ro");
        let grub = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"console=hvc0\"\n";
        assert_eq!(of("", grub), "root=/dev/mapper/rootvg-hd4 ro console=hvc0");
        assert_eq!(of("root=/dev/x ro  a=b\n", grub), "root=/dev/x ro a=b");
        let btrfs = "UUID=9 / btrfs noatime,subvol=/@ 0 0\n";
        assert_eq!(
            command_line("", "", btrfs).unwrap(),
            "root=UUID=9 ro rootflags=subvol=/@"
        );
        assert_eq!(command_line("quiet", "", "# nothing\n"), None);
    }

    #[test]
    fn the_newest_kernel_is_the_first() {
        assert!(numbers("6.12.9+deb13-powerpc64le") > numbers("6.9.10+deb13-powerpc64le"));
        let entry = |version: &str| {
            [version, "vmlinux", "initrd.img"].map(|name| match name {
                name if name == version => name.to_owned(),
                name => format!("{name}-{version}"),
            })
        };
        let text = text(
            "1-2",
            "/boot",
            &[entry("6.1"), entry("6.12")],
            "root=/dev/x ro",
        );
        assert!(crate::grub::loads_a_kernel(&text));
        let linux: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("linux "))
            .collect();
        assert_eq!(linux[0], "\tlinux /boot/vmlinux-6.12 root=/dev/x ro");
        assert!(text.contains("\tinitrd /boot/initrd.img-6.1\n"));
        assert!(text.contains("search --no-floppy --fs-uuid --set=root 1-2\n"));
    }
}
