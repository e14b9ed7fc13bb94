//! What is backed up: a real system's files, as they are and as a few large ones.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use lifeboat_sys::fs::{self, PathContext};
use lifeboat_sys::run::Tool;

/// Bytes of a large file.
const LARGE: u64 = 128 << 20;

/// A tree to back up.
#[derive(Debug)]
pub struct Tree {
    /// Its directory.
    pub root: PathBuf,
    /// What it is like, for the table.
    pub about: &'static str,
    /// How many regular files it has.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// The demo system as GNU tar restores it, without what was planted to be hard to
/// back up.
///
/// # Errors
/// When the backup cannot be unpacked.
pub fn many_small(backup: &Path, place: &Path) -> Result<Tree> {
    let root = place.join("small");
    fs::create_dir_all(&root)?;
    let own = ["bosinst.data", "image.data", ".lifeboat", "srv/demo", "dev"];
    Tool::new("tar")
        .args(["-I", "zstd", "--numeric-owner", "-p", "--xattrs"])
        .arg("--xattrs-include=*")
        .args(own.map(|name| format!("--exclude=./{name}")))
        .arg("-C")
        .arg(&root)
        .arg("-xf")
        .arg(backup)
        .run()?;
    counted(root, "many small files")
}

/// The same bytes in a few large files: the small ones in the order of their paths,
/// one after the other.
///
/// # Errors
/// When they cannot be read or written.
pub fn few_large(small: &Tree, place: &Path) -> Result<Tree> {
    let root = place.join("large");
    fs::create_dir_all(&root)?;
    let (mut number, mut written) = (0, 0);
    let create = |number: u32| {
        let path = root.join(format!("file-{number}"));
        File::create(&path).at("create", &path)
    };
    let mut out = create(number)?;
    for path in regular_files(&small.root)? {
        let mut file = File::open(&path).at("open", &path)?;
        written += io::copy(&mut file, &mut out).at("copy", &path)?;
        if written >= LARGE {
            (number, written) = (number + 1, 0);
            out = create(number)?;
        }
    }
    counted(root, "few large files")
}

fn counted(root: PathBuf, about: &'static str) -> Result<Tree> {
    let (mut files, mut bytes) = (0, 0);
    for path in regular_files(&root)? {
        files += 1;
        bytes += path.symlink_metadata().at("look at", &path)?.len();
    }
    ensure!(files > 0, "{} is empty", root.display());
    Ok(Tree {
        root,
        about,
        files,
        bytes,
    })
}

/// Every regular file below a directory, in the order of their paths.
fn regular_files(root: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut waiting) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).at("list", &directory)? {
            let entry = entry.at("list", &directory)?;
            let kind = entry.file_type().at("look at", &directory)?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_hold_the_small_ones_in_order() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("small");
        fs::create_dir_all(root.join("b")).unwrap();
        fs::write(root.join("b/2"), "two").unwrap();
        fs::write(root.join("a"), "one").unwrap();
        let small = counted(root, "").unwrap();
        assert_eq!((small.files, small.bytes), (2, 6));
        let large = few_large(&small, place.path()).unwrap();
        assert_eq!((large.files, large.bytes), (1, 6));
        assert_eq!(fs::read(large.root.join("file-0")).unwrap(), b"onetwo");
    }
}
