//! Backups that [`create`](crate::create()) does not write, for tests: any member,
//! any frame, any manifest, with hashes and marks as they should be.

use std::fs;

use crate::manifest::{self, Builder, Entry};
use crate::member::{Kind, Member};
use crate::open::Backup;
use crate::seal::seal;
use crate::summary::{Summary, own_member, whole};

/// A backup under construction.
pub(crate) struct Forge {
    frames: Vec<Vec<u8>>,
    manifest: Builder,
}

/// A member of this path and kind, without content.
pub(crate) fn member(path: &str, kind: Kind) -> Member {
    Member {
        kind,
        ..own_member(path.as_bytes(), 0, 0)
    }
}

/// A directory.
pub(crate) fn directory(path: &str) -> Member {
    Member {
        mode: 0o755,
        ..member(path, Kind::Directory)
    }
}

impl Forge {
    /// A backup with a sound summary and nothing else.
    pub fn new() -> Self {
        let members = Summary::default().members();
        let mut manifest = Builder::new();
        let mut frame = Vec::new();
        for (member, content) in members {
            let hash = Some(blake3::hash(&content));
            manifest.add(&Entry::of(&member, hash, frame.len() as u64));
            frame.extend_from_slice(&whole(&member, &content));
        }
        Self {
            frames: vec![frame],
            manifest,
        }
    }

    /// Where the next frame begins in the stream.
    pub fn offset(&self) -> u64 {
        self.frames.iter().map(|frame| frame.len() as u64).sum()
    }

    /// Adds a member in a frame of its own, and its line of the manifest.
    pub fn add(self, member: &Member, content: &[u8]) -> Self {
        let member = Member {
            stored: content.len() as u64,
            ..member.clone()
        };
        let is_file = matches!(member.kind, Kind::File | Kind::Sparse { .. });
        let hash = is_file.then(|| blake3::hash(content));
        let entry = Entry::of(&member, hash, self.offset());
        self.list(&entry).unlisted(&member, content)
    }

    /// Adds a line of the manifest alone.
    pub fn list(mut self, entry: &Entry) -> Self {
        self.manifest.add(entry);
        self
    }

    /// Adds a member without a line of the manifest.
    pub fn unlisted(mut self, member: &Member, content: &[u8]) -> Self {
        let member = Member {
            stored: content.len() as u64,
            ..member.clone()
        };
        self.frames.push(whole(&member, content));
        self
    }

    /// Adds a frame of any bytes.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.frames.push(bytes.to_vec());
        self
    }

    /// The whole backup.
    pub fn finish(mut self) -> Vec<u8> {
        let (members, text) = self.manifest.finish();
        let member = own_member(manifest::PATH, text.len() as u64, 0);
        self.frames.push(whole(&member, &text));
        let contents: Vec<_> = self
            .frames
            .into_iter()
            .map(|frame| (frame, Some(0)))
            .collect();
        seal(&contents, &text, members).unwrap()
    }

    /// The same, opened.
    pub fn open(self) -> Backup {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), self.finish()).unwrap();
        Backup::open(file.path()).unwrap()
    }
}
