//! A member of the archive: one file with everything but its content.

/// What a member is, with what only that kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A regular file with holes.
    Sparse {
        /// Length of the file in bytes, holes included.
        length: u64,
    },
    /// Another name of a file that came earlier.
    HardLink {
        /// The earlier member's path.
        target: Vec<u8>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as stored in the link.
        target: Vec<u8>,
    },
    /// A character device.
    Char(Device),
    /// A block device.
    Block(Device),
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
}

/// A device number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which device of that driver.
    pub minor: u32,
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Time {
    /// Seconds since 1970, rounded down.
    pub seconds: i64,
    /// Nanoseconds after that second, below 1 000 000 000.
    pub nanoseconds: u32,
}

/// An extended attribute: name and value, any bytes.
pub type Attribute = (Vec<u8>, Vec<u8>);

/// Everything a tar header says about a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `.` for the root, `./etc/passwd` for all others; no slash at the end.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-id and sticky bits (`0o7777`).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Owner's name; empty if it has none.
    pub user: Vec<u8>,
    /// Group's name; empty if it has none.
    pub group: Vec<u8>,
    /// Time of the last change of the content.
    pub modified: Time,
    /// Bytes of data that follow the header, before padding. For a sparse file
    /// that is its map and its segments.
    pub stored: u64,
    /// Extended attributes, sorted by name.
    pub attributes: Vec<Attribute>,
    /// Inode flags that can be set again: `FS_*_FL` of <linux/fs.h>.
    pub flags: u32,
    /// The project that its space is counted for; 0 is none.
    pub project: u32,
}

impl Member {
    /// Length of the file itself in bytes; 0 for what is not a regular file.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self.kind {
            Kind::Sparse { length } => length,
            _ => self.stored,
        }
    }
}
