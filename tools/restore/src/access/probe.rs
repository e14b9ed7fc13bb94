//! Whether a device holds an installed system: mounted so that nothing is written to
//! it, not even from its journal.

use std::path::Path;

use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{PathContext, create_dir_all, read_to_string};
use lifeboat_sys::run::Tool;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Where a device is looked into.
const PLACE: &str = "/run/lifeboat/probe";
/// Subvolumes in which distributions install, after the default one.
const SUBVOLUMES: [&str; 4] = ["", "subvol=@", "subvol=root", "subvol=@rootfs"];
/// Where a system says what it is.
const RELEASES: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// What is known of an installed system from its root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// The kind of its file system.
    pub(super) kind: String,
    /// Mount options that name the part of it.
    pub(super) options: String,
    /// What it calls itself: `Debian GNU/Linux 13 (trixie)`.
    pub(super) name: String,
    /// Its host name.
    pub(super) host: String,
}

/// Looks into a device.
pub(super) fn root(device: &str) -> Option<Root> {
    let kind = tag(device, "TYPE")?;
    let (driver, quiet, parts) = match kind.as_str() {
        "ext2" | "ext3" | "ext4" => ("ext4", "noload", &SUBVOLUMES[..1]),
        "xfs" => ("xfs", "norecovery,nouuid", &SUBVOLUMES[..1]),
        "btrfs" => ("btrfs", "", &SUBVOLUMES[..]),
        _ => return None,
    };
    parts.iter().find_map(|part| {
        let found = look(device, driver, &[quiet, part].concat());
        let (name, host) = found?;
        Some(Root {
            kind: kind.clone(),
            options: (*part).to_owned(),
            name,
            host,
        })
    })
}

/// A tag of what lies on a device, as blkid prints it.
pub(super) fn tag(device: &str, name: &str) -> Option<String> {
    let blkid = Tool::new("blkid")
        .args(["--probe", "--output", "value", "--match-tag", name])
        .arg(device);
    let text = blkid.run().ok()?.text().trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn look(device: &str, kind: &str, options: &str) -> Option<(String, String)> {
    let place = Path::new(PLACE);
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let mounted = create_dir_all(place).and_then(|()| {
        mount(Some(device), place, Some(kind), flags, Some(options)).at("mount", device)
    });
    if let Err(error) = mounted {
        log::info!("{}", chain(&error));
        return None;
    }
    let found = describe(place);
    if let Err(errno) = umount2(place, MntFlags::MNT_DETACH) {
        log::warn!("unmounting {device}: {errno}");
    }
    found
}

/// Name and host name of the system below `root`, if there is one.
fn describe(root: &Path) -> Option<(String, String)> {
    if !root.join("etc/fstab").is_file() {
        return None;
    }
    let text = |path: &str| read_to_string(root.join(path)).ok();
    let release = RELEASES
        .iter()
        .find_map(|path| text(path))
        .unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or("Linux", |name| name.trim_matches(['"', '\'']));
    let host = text("etc/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() {
        "no host name"
    } else {
        host
    };
    Some((name.to_owned(), host.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_has_an_fstab_and_says_what_it_is() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(describe(root.path()), None);
        let put = |path: &str, text: &str| std::fs::write(root.path().join(path), text).unwrap();
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        put("etc/fstab", "");
        let known = |name: &str, host: &str| Some((name.to_owned(), host.to_owned()));
        assert_eq!(describe(root.path()), known("Linux", "no host name"));
        put(
            "etc/os-release",
            "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
        );
        put("etc/hostname", "web1\n");
        let found = describe(root.path());
        assert_eq!(found, known("Debian GNU/Linux 13 (trixie)", "web1"));
    }
}
