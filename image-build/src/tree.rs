//! The files of the rescue image in memory: path → node, sorted.

use std::collections::BTreeMap;
use std::path::Path;

use lifeboat_sys::fs::{self, FsError};

/// One file, directory, link or device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Permission bits, without the file type.
    pub mode: u32,
    /// What it is, with its contents.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file with its bytes.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Symlink(String),
    /// A character device.
    Character {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
}

impl Node {
    /// A node with these permission bits.
    pub fn new(mode: u32, kind: Kind) -> Self {
        Self { mode, kind }
    }
}

/// A part of the image. Paths are relative to its root (`usr/sbin/lvm`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    /// Adds a regular file.
    pub fn file(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.put(path, Node::new(mode, Kind::File(bytes.into())));
    }

    /// Adds a file of the build host.
    ///
    /// # Errors
    /// [`FsError`] when it cannot be read.
    pub fn copy(&mut self, path: &str, mode: u32, from: &Path) -> Result<(), FsError> {
        self.file(path, mode, fs::read(from)?);
        Ok(())
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) {
        self.put(path, Node::new(0o777, Kind::Symlink(target.to_owned())));
    }

    /// Adds an empty directory.
    pub fn directory(&mut self, path: &str, mode: u32) {
        self.put(path, Node::new(mode, Kind::Directory));
    }

    /// Adds a character device.
    pub fn character(&mut self, path: &str, mode: u32, major: u32, minor: u32) {
        self.put(path, Node::new(mode, Kind::Character { major, minor }));
    }

    /// Every node, parents before children.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// Bytes of all regular files.
    pub fn size(&self) -> usize {
        let bytes = |node: &Node| match &node.kind {
            Kind::File(bytes) => bytes.len(),
            _ => 0,
        };
        self.nodes.values().map(bytes).sum()
    }

    /// Adds a node and the directories above it that are not there yet.
    fn put(&mut self, path: &str, node: Node) {
        for (at, _) in path.match_indices('/') {
            let parent = Node::new(0o755, Kind::Directory);
            self.nodes.entry(path[..at].to_owned()).or_insert(parent);
        }
        self.nodes.insert(path.to_owned(), node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_appear_once_and_keep_their_own_mode() {
        let mut tree = Tree::default();
        tree.directory("root", 0o700);
        tree.file("root/.profile", 0o644, "a");
        tree.file("usr/sbin/lvm", 0o755, "bcd");
        let paths: Vec<&str> = tree.nodes().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            ["root", "root/.profile", "usr", "usr/sbin", "usr/sbin/lvm"]
        );
        assert_eq!(tree.nodes["root"].mode, 0o700);
        assert_eq!(tree.size(), 4);
    }
}
