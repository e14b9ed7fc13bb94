//! Mounting the new file systems below a directory, and letting them go.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_sys::fs::create_dir_all;
use nix::errno::Errno;
use nix::mount::{MsFlags, umount};

use super::ApplyError;
use crate::plan::{PlannedBtrfs, PlannedFileSystem};

/// How long a file system may stay busy after its last user ended.
const LIMIT: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// The mounted file systems of a plan. Dropping it unmounts what it can;
/// [`unmount`](Self::unmount) says whether all went.
#[derive(Debug)]
pub struct Mounts {
    /// In the order of mounting.
    points: Vec<PathBuf>,
}

/// Mounts file systems of a plan below `root`, each after the one it is
/// mounted in; mount points are made.
///
/// The recorded mount options are for fstab: `ro`, `noexec` and the like would
/// only be in the way of a restore.
///
/// # Errors
/// [`ApplyError::Mount`]; what was mounted already is unmounted again.
pub fn mount(file_systems: &[PlannedFileSystem], root: &Path) -> Result<Mounts, ApplyError> {
    let mut mounted = Mounts { points: Vec::new() };
    for (point, fs, options) in points(file_systems) {
        let path = below(root, point);
        create_dir_all(&path)?;
        mounted.add(fs, path, &options)?;
    }
    Ok(mounted)
}

/// Mounts the top of a btrfs, whatever its default subvolume is.
pub(super) fn mount_top(fs: &PlannedFileSystem, path: &Path) -> Result<Mounts, ApplyError> {
    let mut mounted = Mounts { points: Vec::new() };
    mounted.add(fs, path.to_owned(), &options(fs, Some("")))?;
    Ok(mounted)
}

/// Every mount point with what is mounted there and the options that name the part
/// of it, each after the one that it lies in.
fn points(file_systems: &[PlannedFileSystem]) -> Vec<(&str, &PlannedFileSystem, String)> {
    let mut points = Vec::new();
    for fs in file_systems {
        let subvolumes = fs.btrfs.iter().flat_map(|btrfs| &btrfs.subvolumes);
        let mut parts: Vec<(&str, Option<&str>)> = subvolumes
            .filter_map(|s| Some((s.mount.as_deref()?, Some(s.path.as_str()))))
            .collect();
        if let Some(own) = &fs.mount
            && parts.iter().all(|(mount, _)| mount != own)
        {
            parts.push((
                own,
                fs.btrfs.as_ref().map(|btrfs| shown(btrfs, &fs.options)),
            ));
        }
        points.extend(
            parts
                .into_iter()
                .map(|(mount, part)| (mount, fs, options(fs, part))),
        );
    }
    points.sort_by_key(|(mount, ..)| *mount);
    points
}

/// The part of a btrfs that mount options show: the one that they name, else the
/// default subvolume; `""` is the top.
fn shown<'a>(btrfs: &'a PlannedBtrfs, options: &'a str) -> &'a str {
    let mut named = options
        .split(',')
        .filter_map(|option| match option.split_once('=')? {
            ("subvol", path) => Some(path.trim_matches('/')),
            ("subvolid", "0" | "5") => Some(""),
            _ => None,
        });
    let default = || btrfs.subvolumes.iter().find(|s| s.default);
    named
        .next()
        .or_else(|| default().map(|subvolume| subvolume.path.as_str()))
        .unwrap_or("")
}

/// What the kernel is told beside the device: the further devices of a btrfs, which
/// no udev has shown it, and the subvolume; `""` is the top.
fn options(fs: &PlannedFileSystem, subvolume: Option<&str>) -> String {
    let more = fs.btrfs.iter().flat_map(|btrfs| &btrfs.more);
    let mut options: Vec<String> = more.map(|device| format!("device={device}")).collect();
    match subvolume {
        None => {}
        Some("") => options.push("subvolid=5".to_owned()),
        Some(path) => options.push(format!("subvol=/{path}")),
    }
    options.join(",")
}

/// `/boot` below `/mnt` is `/mnt/boot`.
fn below(root: &Path, mount: &str) -> PathBuf {
    match mount.trim_start_matches('/') {
        "" => root.to_owned(),
        relative => root.join(relative),
    }
}

impl Mounts {
    fn add(
        &mut self,
        fs: &PlannedFileSystem,
        path: PathBuf,
        options: &str,
    ) -> Result<(), ApplyError> {
        let device = fs.device.as_str();
        let kind = Some(fs.kind.as_str());
        let options = Some(options).filter(|options| !options.is_empty());
        if let Err(errno) = nix::mount::mount(Some(device), &path, kind, MsFlags::empty(), options)
        {
            return Err(ApplyError::Mount {
                device: device.to_owned(),
                path,
                source: errno.into(),
            });
        }
        log::info!("mounted {device} on {}", path.display());
        self.points.push(path);
        Ok(())
    }

    /// Where things were mounted, in the order of mounting.
    #[must_use]
    pub fn points(&self) -> &[PathBuf] {
        &self.points
    }

    /// Unmounts everything, the last first. All are tried, whatever happens.
    ///
    /// # Errors
    /// [`ApplyError::Unmount`] for the first that would not go.
    pub fn unmount(mut self) -> Result<(), ApplyError> {
        self.unmount_all()
    }

    fn unmount_all(&mut self) -> Result<(), ApplyError> {
        let mut outcome = Ok(());
        while let Some(path) = self.points.pop() {
            if let Err(errno) = patiently(&path) {
                log::warn!("cannot unmount {}: {errno}", path.display());
                let failed = ApplyError::Unmount {
                    path,
                    source: errno.into(),
                };
                outcome = outcome.and(Err(failed));
            }
        }
        outcome
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        // Failures were logged; there is nobody left to hand them to.
        drop(self.unmount_all());
    }
}

/// A daemon that a package script started may take a moment to end.
fn patiently(path: &Path) -> Result<(), Errno> {
    let until = Instant::now() + LIMIT;
    loop {
        match umount(path) {
            Err(Errno::EBUSY) if Instant::now() < until => thread::sleep(PAUSE),
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlannedSubvolume;

    fn file_system(mount: &str, btrfs: Option<PlannedBtrfs>) -> PlannedFileSystem {
        PlannedFileSystem {
            mount: Some(mount.into()),
            device: "/dev/vda3".into(),
            on_volume: false,
            old_devices: Vec::new(),
            kind: "btrfs".into(),
            uuid: String::new(),
            old_uuid: String::new(),
            label: None,
            size: 0,
            old_size: 0,
            mkfs: Vec::new(),
            options: String::new(),
            dump: 0,
            pass: 0,
            btrfs,
        }
    }

    fn subvolume(path: &str, mount: Option<&str>) -> PlannedSubvolume {
        PlannedSubvolume {
            path: path.into(),
            mount: mount.map(Into::into),
            options: String::new(),
            dump: 0,
            pass: 0,
            default: false,
            read_only: false,
        }
    }

    #[test]
    fn subvolumes_are_mounted_where_they_were() {
        let btrfs = PlannedBtrfs {
            more: vec!["/dev/vdb3".into()],
            data: "raid1".into(),
            metadata: "raid1".into(),
            subvolumes: vec![
                subvolume("@home", Some("/home")),
                subvolume("@", Some("/")),
                subvolume("@old", None),
            ],
        };
        let all = [
            file_system("/", Some(btrfs)),
            file_system("/home/data", None),
        ];
        let found: Vec<(&str, String)> = points(&all)
            .into_iter()
            .map(|(mount, _, options)| (mount, options))
            .collect();
        let on = |path: &str| format!("device=/dev/vdb3,subvol=/{path}");
        assert_eq!(
            found,
            [
                ("/", on("@")),
                ("/home", on("@home")),
                ("/home/data", String::new())
            ]
        );
    }

    #[test]
    fn a_btrfs_without_a_subvolume_for_its_place_shows_its_top() {
        let btrfs = PlannedBtrfs {
            more: Vec::new(),
            data: "single".into(),
            metadata: "dup".into(),
            subvolumes: vec![subvolume("snap", None)],
        };
        let fs = file_system("/data", Some(btrfs));
        let all = [fs];
        assert_eq!(points(&all)[0].2, "subvolid=5");
    }

    #[test]
    fn a_place_that_no_subvolume_claims_shows_what_its_options_would() {
        let system = PlannedSubvolume {
            default: true,
            ..subvolume("@", None)
        };
        let btrfs = PlannedBtrfs {
            more: Vec::new(),
            data: "single".into(),
            metadata: "dup".into(),
            subvolumes: vec![system, subvolume("@old", None)],
        };
        for (options, part) in [
            ("defaults", "subvol=/@"),
            ("noatime,subvol=/@old", "subvol=/@old"),
            ("subvol=/", "subvolid=5"),
            ("ro,subvolid=5", "subvolid=5"),
        ] {
            let all = [PlannedFileSystem {
                options: options.into(),
                ..file_system("/", Some(btrfs.clone()))
            }];
            assert_eq!(points(&all)[0].2, part, "{options}");
        }
    }

    #[test]
    fn mount_points_stay_below_the_root() {
        let root = Path::new("/mnt");
        assert_eq!(below(root, "/"), Path::new("/mnt"));
        assert_eq!(below(root, "/boot/efi"), Path::new("/mnt/boot/efi"));
    }
}
