//! An installed system mounted for repair: its file systems by its own fstab, the
//! kernel's, and Lifeboat's program. All of it is taken away again.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lifeboat_boot::chroot::{Chroot, UuidLink};
use lifeboat_boot::own;
use lifeboat_layout::fstab::unescape;
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, PathContext, create_dir_all, read, read_to_string, write};
use lifeboat_sys::run::Tool;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::find::{Installed, switch};
use super::{AccessError, ROOT, VARIABLE, arrays, probe};

/// This very program.
const SELF: &str = "/proc/self/exe";
/// Where it is in the mounted system, whose own files stay as they are.
const PROGRAMS: &str = "run/lifeboat/bin";
/// The names by which it is called there: what repairs the boot, and what shows the machine.
const COMMANDS: [&str; 8] = [
    "bootinfo", "bootlist", "bosboot", "lscfg", "lsdev", "lslv", "lspv", "lsvg",
];
/// File systems on disks that a system mounts by itself.
const KINDS: [&str; 7] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "auto"];

/// A system that is open; [`release`](Self::release) lets it go.
#[derive(Debug)]
pub struct Accessed {
    group: Option<String>,
    mounted: Vec<PathBuf>,
    chroot: Option<Chroot>,
    /// What could not be mounted, in sentences.
    pub notes: Vec<String>,
}

/// Switches on what the system lies on, and mounts nothing.
///
/// # Errors
/// [`AccessError`].
pub fn switch_on(system: &Installed) -> Result<Accessed, AccessError> {
    arrays::assemble()?;
    if let Some(group) = &system.group {
        switch(group, true)?;
    }
    Ok(Accessed {
        group: system.group.clone(),
        mounted: Vec::new(),
        chroot: None,
        notes: Vec::new(),
    })
}

/// Mounts the system below [`ROOT`], with the file systems of its fstab, the kernel's,
/// and Lifeboat's commands.
///
/// # Errors
/// [`AccessError`]; what was mounted is let go again.
pub fn mount_all(system: &Installed) -> Result<Accessed, AccessError> {
    let mut accessed = switch_on(system)?;
    match accessed.fill(system) {
        Ok(()) => Ok(accessed),
        Err(error) => {
            // What would not go is less than why it had to.
            if let Err(error) = accessed.release() {
                log::warn!("{}", chain(&error));
            }
            Err(error)
        }
    }
}

impl Accessed {
    fn fill(&mut self, system: &Installed) -> Result<(), AccessError> {
        let root = Path::new(ROOT);
        create_dir_all(root)?;
        self.mount(&system.device, root, &system.kind, &system.options)?;
        let mut links = Vec::from_iter(link(&system.device));
        let fstab = read_to_string(root.join("etc/fstab"))?;
        for entry in entries(&fstab) {
            let Some(device) = device(&entry.device) else {
                self.note(&entry.at, &format!("there is no {}", entry.device));
                continue;
            };
            let at = root.join(entry.at.trim_start_matches('/'));
            let kind = probe::tag(&device, "TYPE").unwrap_or_else(|| entry.kind.clone());
            match self.mount(&device, &at, &kind, &entry.options) {
                Ok(()) => links.extend(link(&device)),
                Err(error) => self.note(&entry.at, &chain(&error)),
            }
        }
        self.chroot = Some(Chroot::enter(root, &links)?);
        Ok(install(root)?)
    }

    fn note(&mut self, at: &str, why: &str) {
        let note = format!("0590-863 {at} of the installed system is not mounted: {why}");
        log::warn!("{note}");
        self.notes.push(note);
    }

    fn mount(&mut self, device: &str, at: &Path, kind: &str, options: &str) -> Result<(), FsError> {
        let flags = MsFlags::empty();
        mount(Some(device), at, Some(kind), flags, Some(options)).at("mount", device)?;
        self.mounted.push(at.to_owned());
        Ok(())
    }

    /// A shell on this terminal: inside of the system, or outside of it.
    #[must_use]
    pub fn shell(&self, inside: bool) -> Tool {
        let root = Path::new(ROOT);
        if !inside {
            let place = self.chroot.as_ref().map_or("", |_| ROOT);
            return Tool::new("/bin/sh").arg("-l").env(VARIABLE, place);
        }
        let has_bash = root.join("bin/bash").exists();
        // Its own settings would hide Lifeboat's commands and this prompt.
        let (shell, quiet) = match has_bash {
            true => ("/bin/bash", Some("--norc")),
            false => ("/bin/sh", None),
        };
        Tool::new(shell)
            .args(quiet)
            .arg("-i")
            .env("PATH", format!("/{PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin"))
            .env("HOME", "/root")
            .env("PS1", "rootvg:\\w# ")
            .chroot(root)
    }

    /// Unmounts everything and switches off what was switched on.
    ///
    /// # Errors
    /// [`AccessError::Busy`] while something still uses it; it may be tried again.
    pub fn release(&mut self) -> Result<(), AccessError> {
        if let Some(chroot) = self.chroot.take() {
            chroot.leave().map_err(AccessError::Busy)?;
        }
        while let Some(at) = self.mounted.last() {
            umount2(at, MntFlags::empty())
                .at("unmount", at)
                .map_err(AccessError::Busy)?;
            self.mounted.pop();
        }
        if let Some(group) = self.group.take() {
            switch(&group, false).inspect_err(|_| self.group = Some(group))?;
        }
        arrays::stop();
        Ok(())
    }
}

/// Puts this program and its GRUB core into the `/run` of the system.
fn install(root: &Path) -> Result<(), FsError> {
    let programs = root.join(PROGRAMS);
    create_dir_all(&programs)?;
    let program = programs.join("lifeboat");
    write(&program, read(SELF)?)?;
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755))
        .at("make executable", &program)?;
    for name in COMMANDS {
        symlink("lifeboat", programs.join(name)).at("create link", name)?;
    }
    let [from, to] = own::PLACES.map(Path::new);
    if from.exists() {
        let to = root.join(to.strip_prefix("/").unwrap_or(to));
        if let Some(parent) = to.parent() {
            create_dir_all(parent)?;
        }
        write(to, read(from)?)?;
    }
    Ok(())
}

fn link(device: &str) -> Option<UuidLink> {
    let uuid = probe::tag(device, "UUID")?;
    let device = device.into();
    Some(UuidLink { uuid, device })
}

/// An entry of fstab that is to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    device: String,
    at: String,
    kind: String,
    options: String,
}

/// What a system mounts beside its root, each after the one that it lies in.
fn entries(fstab: &str) -> Vec<Entry> {
    let lines = fstab.lines().map(str::split_whitespace);
    let mut entries: Vec<Entry> = lines
        .filter_map(|mut words| {
            let device = words.next().filter(|word| !word.starts_with('#'))?;
            let at = unescape(words.next()?);
            let kind = words.next().filter(|kind| KINDS.contains(kind))?;
            let options = words.next().unwrap_or_default();
            let has = |names: &[&str]| options.split(',').any(|option| names.contains(&option));
            // A CD that may not be there, or a name for what is mounted already.
            let skipped = has(&["noauto", "bind", "rbind"]) || !at.starts_with('/') || at == "/";
            let parts = options
                .split(',')
                .filter(|option| option.starts_with("subvol"));
            (!skipped).then(|| Entry {
                device: device.replace('"', ""),
                at,
                kind: kind.to_owned(),
                options: parts.collect::<Vec<_>>().join(","),
            })
        })
        .collect();
    entries.sort_by(|one, other| one.at.cmp(&other.at));
    entries
}

/// The node that a word of fstab names.
fn device(name: &str) -> Option<String> {
    let by_link = [
        ("by-uuid/", "UUID"),
        ("by-label/", "LABEL"),
        ("by-partuuid/", "PARTUUID"),
    ];
    let link = by_link.iter().find_map(|(directory, tag)| {
        let value = name.strip_prefix("/dev/disk/")?.strip_prefix(directory)?;
        Some(format!("{tag}={value}"))
    });
    let name = link.as_deref().unwrap_or(name);
    if name.starts_with('/') {
        return Path::new(name).exists().then(|| name.to_owned());
    }
    let blkid =
        Tool::new("blkid").args(["--list-one", "--output", "device", "--match-token", name]);
    let node = blkid.run().ok()?.text().trim().to_owned();
    (!node.is_empty()).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fstab_mounts_by_itself_is_mounted_in_its_order() {
        let fstab = "\
# /dev/x /y ext4
UUID=1 / btrfs subvol=@ 0 1
/dev/mapper/rootvg-hd9var /var xfs defaults 0 2
UUID=\"2\" /boot ext4 defaults 0 2
UUID=1 /home btrfs noatime,subvol=@home 0 0
UUID=3 none swap sw 0 0
/dev/sr0 /media auto noauto 0 0
/home /export ext4 bind 0 0
server:/x /mnt nfs defaults 0 0
UUID=4 /boot/efi vfat umask=077 0 1
";
        let found = entries(fstab);
        let places: Vec<_> = found
            .iter()
            .map(|e| (e.device.as_str(), e.at.as_str()))
            .collect();
        assert_eq!(
            places,
            [
                ("UUID=2", "/boot"),
                ("UUID=4", "/boot/efi"),
                ("UUID=1", "/home"),
                ("/dev/mapper/rootvg-hd9var", "/var"),
            ]
        );
        assert_eq!(found[2].options, "subvol=@home");
    }
}
