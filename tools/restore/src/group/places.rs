//! Where the file systems of a volume group belong in the system that runs: whether
//! their mount points are free, their entries in fstab, mounting them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lifeboat_layout::fstab;
use lifeboat_layout::plan::{GroupPlan, PlannedFileSystem};
use lifeboat_sys::fs::{FsError, PathContext, attribute, create_dir_all, read_to_string, replace};
use lifeboat_sys::run::{RunError, Tool};

/// The list of file systems.
const FSTAB: &str = "/etc/fstab";
/// It exists where systemd is process 1.
const SYSTEMD: &str = "/run/systemd/system";

/// A file system cannot be put where it belongs.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A file or directory of the way.
    #[error(transparent)]
    File(#[from] FsError),
    /// Something else is mounted there.
    #[error("0590-263 {mount} is in use: {device} is mounted there")]
    Mounted {
        /// The mount point.
        mount: String,
        /// What is there.
        device: String,
    },
    /// Files would be hidden.
    #[error("0590-264 {} is in the way: a file system will be mounted on {mount}, which must be an empty directory", found.display())]
    NotEmpty {
        /// The mount point.
        mount: String,
        /// What is there.
        found: PathBuf,
    },
    /// fstab has another file system there.
    #[error("0590-265 /etc/fstab has {device} for {mount}")]
    Taken {
        /// The mount point.
        mount: String,
        /// The device of the entry.
        device: String,
    },
    /// Mounting failed.
    #[error("0590-266 Cannot mount {0}")]
    Mount(String, #[source] RunError),
    /// systemd does not read fstab.
    #[error("0590-267 systemd does not take the new fstab")]
    Reload(#[source] RunError),
}

/// Whether every mount point of the plan is free.
///
/// # Errors
/// [`PlaceError`] with the first that is not.
pub fn check(plan: &GroupPlan) -> Result<(), PlaceError> {
    let points: Vec<&str> = plan.mounts().into_iter().map(|(mount, _)| mount).collect();
    not_mounted(
        &attribute("/proc/self/mountinfo").unwrap_or_default(),
        &points,
    )?;
    for point in &points {
        let others: BTreeSet<&Path> = points.iter().map(Path::new).collect();
        if let Some(found) = obstacle(Path::new("/"), Path::new(point), &others)? {
            return Err(PlaceError::NotEmpty {
                mount: (*point).to_owned(),
                found,
            });
        }
    }
    not_taken(&present_fstab()?, plan)
}

/// Reads `/proc/self/mountinfo` (proc(5)).
fn not_mounted(mountinfo: &str, points: &[&str]) -> Result<(), PlaceError> {
    for line in mountinfo.lines() {
        let place = line.split(' ').nth(4).map(fstab::unescape);
        let device = line
            .split_once(" - ")
            .and_then(|(_, end)| end.split(' ').nth(1));
        if let Some(place) = place.filter(|place| points.contains(&place.as_str())) {
            return Err(PlaceError::Mounted {
                mount: place,
                device: device.unwrap_or("something").to_owned(),
            });
        }
    }
    Ok(())
}

/// What makes `point` below `root` no empty directory. Empty directories on the way to
/// other mount points of ours are none.
fn obstacle(root: &Path, point: &Path, ours: &BTreeSet<&Path>) -> Result<Option<PathBuf>, FsError> {
    let path = root.join(point.strip_prefix("/").unwrap_or(point));
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Ok(Some(path)),
        Err(error) => return Err(error).at("read", path),
    }
    for entry in fs::read_dir(&path).at("list", &path)? {
        let entry = entry.at("list", &path)?;
        let inner = point.join(entry.file_name());
        if !ours.iter().any(|other| other.starts_with(&inner)) {
            return Ok(Some(entry.path()));
        }
        let found = obstacle(root, &inner, ours)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn not_taken(text: &str, plan: &GroupPlan) -> Result<(), PlaceError> {
    match fstab::conflict(text, &plan.file_systems) {
        Some((mount, device)) => Err(PlaceError::Taken { mount, device }),
        None => Ok(()),
    }
}

fn present_fstab() -> Result<String, FsError> {
    if Path::new(FSTAB).exists() {
        read_to_string(FSTAB)
    } else {
        Ok(String::new())
    }
}

/// Adds the entries that fstab lacks; how many there were.
///
/// # Errors
/// [`PlaceError`].
pub fn enter(plan: &GroupPlan) -> Result<usize, PlaceError> {
    let old = present_fstab()?;
    let head = format!("# Added by restvg: volume group {}", plan.group.name);
    let (new, added) = fstab::add(&old, &plan.file_systems, &head);
    if added > 0 {
        write_fstab(Path::new(FSTAB), &new)?;
    }
    if Path::new(SYSTEMD).exists() {
        // Else it would unmount what its old idea of fstab does not have.
        let reload = Tool::new("systemctl").arg("daemon-reload");
        reload.run().map_err(PlaceError::Reload)?;
    }
    Ok(added)
}

/// Replaces fstab, also where it is a link; it keeps its mode.
fn write_fstab(path: &Path, text: &str) -> Result<(), FsError> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = fs::metadata(&path).map_or(0o644, |old| old.permissions().mode() & 0o7777);
    replace(&path, text.as_bytes(), mode)
}

/// Mounts the file systems of the plan where they belong, as fstab says.
///
/// # Errors
/// [`PlaceError::Mount`] with the first that cannot be mounted.
pub fn mount(plan: &GroupPlan) -> Result<usize, PlaceError> {
    let mounts = plan.mounts();
    for (point, fs) in &mounts {
        if is_there(point, fs) {
            continue;
        }
        create_dir_all(point)?;
        let mount = Tool::new("mount").arg(point);
        mount
            .run()
            .map_err(|source| PlaceError::Mount((*point).to_owned(), source))?;
    }
    Ok(mounts.len())
}

/// systemd may have mounted it, as soon as its device came.
fn is_there(point: &str, fs: &PlannedFileSystem) -> bool {
    let (Ok(mounted), Ok(device)) = (fs::metadata(point), fs::metadata(&fs.device)) else {
        return false;
    };
    mounted.dev() == device.rdev()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_place_is_not_free() {
        let mountinfo = "22 1 254:2 / / rw - ext4 /dev/mapper/rootvg-hd4 rw\n\
                         40 22 254:9 / /my\\040data rw shared:1 - xfs /dev/sdb rw\n";
        assert!(not_mounted(mountinfo, &["/data"]).is_ok());
        let error = not_mounted(mountinfo, &["/data", "/my data"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "0590-263 /my data is in use: /dev/sdb is mounted there"
        );
    }

    #[test]
    fn only_an_empty_directory_is_free() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let ours: BTreeSet<&Path> = ["/data", "/data/in/logs"].map(Path::new).into();
        let look = |point: &str| obstacle(root.path(), Path::new(point), &ours).unwrap();
        assert_eq!(look("/data"), None);
        std::fs::create_dir_all(at("data/in/logs")).unwrap();
        assert_eq!((look("/data"), look("/data/in/logs")), (None, None));
        std::fs::write(at("data/in/logs/x"), "").unwrap();
        assert_eq!(look("/data"), Some(at("data/in/logs/x")));
        std::fs::remove_file(at("data/in/logs/x")).unwrap();
        std::fs::write(at("data/in/other"), "").unwrap();
        assert_eq!(look("/data"), Some(at("data/in/other")));
        std::fs::write(at("file"), "").unwrap();
        assert_eq!(look("/file"), Some(at("file")));
    }

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fstab");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_fstab(&link, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o640
        );
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
