//! Lifeboat and the programs beside it, each as its manual has it: their default
//! levels, all processors, everything of a file that they can store.

use std::path::{Path, PathBuf};
use std::thread;

use lifeboat_sys::run::Tool;

use super::material::Tree;

/// A program that backs a tree up and restores it.
#[derive(Debug, Clone)]
pub enum Peer {
    /// Ours.
    Lifeboat {
        /// The program.
        program: PathBuf,
        /// The `image.data` it wants.
        image_data: PathBuf,
        /// The `bosinst.data` it wants.
        bosinst_data: PathBuf,
    },
    /// GNU tar with a compressor.
    Tar(&'static str),
    /// fsarchiver, for directories.
    Fsarchiver,
}

/// Those that are beside us.
pub const OTHERS: [Peer; 4] = [
    Peer::Tar("gzip"),
    Peer::Tar("pigz"),
    Peer::Tar("zstd -T0"),
    Peer::Fsarchiver,
];

impl Peer {
    /// What the table calls it.
    pub fn name(&self) -> String {
        match self {
            Self::Lifeboat { .. } => "lifeboat".to_owned(),
            Self::Tar(compressor) => format!("tar, {compressor}"),
            Self::Fsarchiver => format!("fsarchiver -j{}", threads()),
        }
    }

    /// Whether the host has it.
    pub fn is_installed(&self) -> bool {
        let program = match self {
            Self::Lifeboat { .. } => return true,
            Self::Tar(compressor) => compressor.split(' ').next().unwrap_or(compressor),
            Self::Fsarchiver => "fsarchiver",
        };
        Tool::new(program).arg("--version").status().is_ok()
    }

    /// Backs a tree up to a file that is not there yet.
    pub fn backup(&self, tree: &Tree, to: &Path) -> Tool {
        match self {
            Self::Lifeboat {
                program,
                image_data,
                bosinst_data,
            } => Tool::new(program)
                .args(["mksysb", "--tree"])
                .arg(&tree.root)
                .arg("--image-data")
                .arg(image_data)
                .arg("--bosinst-data")
                .arg(bosinst_data)
                .arg(to),
            Self::Tar(compressor) => Tool::new("tar")
                .args(["--xattrs", "--acls", "--numeric-owner", "--sparse"])
                .args(["-I", compressor, "-cf"])
                .arg(to)
                .arg("-C")
                .arg(&tree.root)
                .arg("."),
            // It stores the path as it is given.
            Self::Fsarchiver => at(tree.root.parent().unwrap_or(&tree.root))
                .args(["fsarchiver", "savedir", &jobs()])
                .arg(to)
                .arg(tree.root.file_name().unwrap_or_default()),
        }
    }

    /// Where the tree is after a restore into `to`.
    pub fn restored(&self, tree: &Tree, to: &Path) -> PathBuf {
        match (self, tree.root.file_name()) {
            (Self::Fsarchiver, Some(name)) => to.join(name),
            _ => to.to_owned(),
        }
    }

    /// Restores a backup into an empty directory.
    pub fn restore(&self, from: &Path, to: &Path) -> Tool {
        match self {
            Self::Lifeboat { program, .. } => {
                at(to).arg(program).args(["restore", "-xf"]).arg(from)
            }
            Self::Tar(compressor) => Tool::new("tar")
                .args(["--xattrs", "--xattrs-include=*", "--acls"])
                .args(["--numeric-owner", "-p", "-I", compressor, "-xf"])
                .arg(from)
                .arg("-C")
                .arg(to),
            Self::Fsarchiver => Tool::new("fsarchiver")
                .args(["restdir", &jobs()])
                .arg(from)
                .arg(to),
        }
    }
}

/// A program in a directory of its own: the rest of its command line follows.
fn at(directory: &Path) -> Tool {
    Tool::new("env").arg("-C").arg(directory)
}

fn jobs() -> String {
    format!("-j{}", threads())
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
