//! A `/` for file systems that have none: the directories that lead to where those of
//! a volume group are mounted.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};

/// The files that tell owners' names, which every `/` has.
const NAMES: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// A directory tree that is removed with this value.
#[derive(Debug)]
pub(crate) struct Scaffold {
    root: PathBuf,
}

impl Scaffold {
    /// Builds it in a new directory `root`, like the directories of the system that
    /// lead to these mount points.
    pub fn build(root: PathBuf, mounts: &[PathBuf]) -> Result<Self, FsError> {
        // What a killed run has left is in nobody's use: the lock is ours.
        let _ = fs::remove_dir_all(&root);
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&root)
            .at("create directory", &root)?;
        let scaffold = Self { root };
        scaffold.like(Path::new("/"))?;
        for mount in mounts {
            let mut above: Vec<&Path> = mount.ancestors().collect();
            above.reverse();
            for directory in above {
                scaffold.like(directory)?;
            }
        }
        scaffold.like(Path::new("/etc"))?;
        for file in NAMES {
            let place = scaffold.place(file.as_ref());
            fs::copy(file, &place).at("copy", file)?;
        }
        Ok(scaffold)
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is in it only for its own sake, by paths as if it were `/`.
    pub fn hidden() -> Vec<PathBuf> {
        let etc = std::iter::once(PathBuf::from("/etc"));
        etc.chain(NAMES.map(PathBuf::from)).collect()
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Creates a directory as the system has it.
    fn like(&self, directory: &Path) -> Result<(), FsError> {
        let place = self.place(directory);
        if !place.is_dir() {
            fs::create_dir(&place).at("create directory", &place)?;
        }
        let model = fs::metadata(directory).at("look at", directory)?;
        chown(&place, Some(model.uid()), Some(model.gid())).at("give away", &place)?;
        let permissions = fs::Permissions::from_mode(model.mode() & 0o7777);
        fs::set_permissions(&place, permissions).at("protect", &place)
    }
}

impl Drop for Scaffold {
    fn drop(&mut self) {
        // In /run: what stays is gone at the next start of the system.
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_lead_to_the_mount_points() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("scaffold");
        let scaffold =
            Scaffold::build(root.clone(), &["/usr/share".into(), "/tmp".into()]).unwrap();
        assert!(root.join("usr/share").is_dir() && root.join("etc/passwd").is_file());
        assert_eq!(scaffold.root(), root);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(&root.join("tmp")), mode(Path::new("/tmp")));
        assert_eq!(mode(&root), mode(Path::new("/")));
        drop(scaffold);
        assert!(!root.exists());
    }
}
