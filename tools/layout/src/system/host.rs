//! What the probe asks of a system. The running one answers by itself, in
//! tests a recording does.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use lifeboat_sys::run::{RunError, Tool};
use nix::sys::statvfs::statvfs;

use crate::disks::{self, Disk, DiskError};

/// How long a program may take that only looks. LVM waits for busy disks.
const LIMIT: Duration = Duration::from_secs(300);

/// How full a mounted file system is, in bytes and files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// What it can hold.
    pub size: u64,
    /// What is taken.
    pub used: u64,
    /// How many files it holds, where it counts them.
    pub files: u64,
}

/// A system that can be asked.
pub trait Host {
    /// A file of `/proc`, `/sys` or `/etc`; `None` if it cannot be read.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// The names in a directory, sorted; none if there is no such directory.
    fn list(&self, directory: &str) -> Vec<String>;

    /// The real path behind links.
    fn resolve(&self, path: &str) -> Option<String>;

    /// Bytes of a device; fewer where it ends.
    ///
    /// # Errors
    /// What the kernel says.
    fn bytes(&self, device: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// What a program prints.
    ///
    /// # Errors
    /// [`RunError`] if it is missing or fails.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, RunError>;

    /// How full a mounted file system is.
    fn usage(&self, mount: &str) -> Option<Usage>;

    /// The disks.
    ///
    /// # Errors
    /// [`DiskError`].
    fn disks(&self) -> Result<Vec<Disk>, DiskError>;

    /// As [`read`](Self::read), as text without the line end or NUL.
    fn text(&self, path: &str) -> Option<String> {
        let bytes = self.read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        let trimmed = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        Some(trimmed.to_owned())
    }

    /// As [`text`](Self::text), as a number.
    fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }
}

/// The system that we run on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live;

impl Host for Live {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(path).ok()
    }

    fn list(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = entries.flatten().map(name).collect();
        names.sort();
        names
    }

    fn resolve(&self, path: &str) -> Option<String> {
        let real = std::fs::canonicalize(path).ok()?;
        Some(real.to_string_lossy().into_owned())
    }

    fn bytes(&self, device: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = File::open(device)?;
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            let at = offset + filled as u64;
            match file.read_at(&mut bytes[filled..], at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, RunError> {
        let tool = Tool::new(program)
            .args(arguments)
            // LVM complains of every descriptor it inherits.
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
            .deadline(LIMIT);
        Ok(tool.run()?.text())
    }

    fn usage(&self, mount: &str) -> Option<Usage> {
        let stat = statvfs(Path::new(mount)).ok()?;
        let block = stat.fragment_size();
        Some(Usage {
            size: stat.blocks() * block,
            used: stat.blocks().saturating_sub(stat.blocks_free()) * block,
            files: stat.files().saturating_sub(stat.files_free()),
        })
    }

    fn disks(&self) -> Result<Vec<Disk>, DiskError> {
        disks::present()
    }
}
