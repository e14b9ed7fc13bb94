//! What of the files is taken.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lifeboat_archive::{FileStat, Selection};
use nix::sys::stat::SFlag;

use crate::error::BackupError;
use crate::exclude::Patterns;
use crate::report::Observer;
use crate::request::Request;
use crate::target::OwnFiles;

/// What the files of a request say, read before anything else is done.
#[derive(Debug)]
pub(crate) struct Choice {
    /// `-e`.
    pub exclude: Option<Patterns>,
    /// `-P`.
    pub unpacked: Option<Patterns>,
    /// `-x`: mount points.
    pub without: Vec<PathBuf>,
}

impl Choice {
    pub fn read(request: &Request) -> Result<Self, BackupError> {
        let patterns = |path: &Option<PathBuf>| path.as_deref().map(Patterns::read).transpose();
        let without = match &request.without {
            Some(path) => mount_points(path, &lifeboat_sys::fs::read(path)?)?,
            None => Vec::new(),
        };
        Ok(Self {
            exclude: patterns(&request.exclude)?,
            unpacked: patterns(&request.unpacked)?,
            without,
        })
    }
}

/// One mount point a line; blank lines and those that begin with `#` say nothing.
fn mount_points(path: &Path, text: &[u8]) -> Result<Vec<PathBuf>, BackupError> {
    let mut all = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mount = Path::new(OsStr::from_bytes(line));
        // Without `/` there is no backup of a system.
        if !mount.is_absolute() || mount.parent().is_none() {
            return Err(BackupError::Without {
                path: path.to_owned(),
                line: index + 1,
                text: String::from_utf8_lossy(line).into_owned(),
            });
        }
        // Components, so that a slash at the end means nothing.
        all.push(mount.components().collect());
    }
    Ok(all)
}

/// Decides for each file, and remembers what it has seen.
pub(crate) struct Chosen<'a> {
    choice: &'a Choice,
    observer: &'a dyn Observer,
    /// The output, by its paths in the backup.
    own: Option<OwnFiles>,
    /// Files of the scaffold, which are nobody's.
    hidden: &'a [PathBuf],
    /// Roots of file systems that the walk should come to.
    awaited: Mutex<BTreeSet<PathBuf>>,
    /// Count what patterns match.
    counting: bool,
}

impl<'a> Chosen<'a> {
    pub fn new(choice: &'a Choice, observer: &'a dyn Observer) -> Self {
        Self {
            choice,
            observer,
            own: None,
            hidden: &[],
            awaited: Mutex::default(),
            counting: false,
        }
    }

    /// Leaves out the output, whose paths are those below this root.
    pub fn without_output(mut self, own: Option<OwnFiles>, root: &Path) -> Self {
        // Of a tree that cannot be found nothing is backed up either.
        let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        self.own = own.and_then(|own| own.below(&root));
        self
    }

    /// Leaves out these files.
    pub fn hiding(mut self, hidden: &'a [PathBuf]) -> Self {
        self.hidden = hidden;
        self
    }

    /// Remembers which of these mount points the walk comes to.
    pub fn awaiting(self, mounts: impl Iterator<Item = PathBuf>) -> Self {
        let awaited = mounts.filter(|mount| mount.parent().is_some()).collect();
        Self {
            awaited: Mutex::new(awaited),
            ..self
        }
    }

    /// Counts what each pattern matches.
    pub fn counting(mut self) -> Self {
        self.counting = true;
        self
    }

    /// The mount points that the walk did not come to.
    pub fn not_reached(self) -> Vec<PathBuf> {
        let awaited = self.awaited.into_inner();
        let awaited = awaited.unwrap_or_else(PoisonError::into_inner);
        awaited.into_iter().collect()
    }
}

/// The absolute path of a file of the backup, which is called `./…` there.
fn absolute(name: &[u8]) -> &Path {
    let rest = name.strip_prefix(b".").unwrap_or(name);
    Path::new(OsStr::from_bytes(if rest.is_empty() { b"/" } else { rest }))
}

impl Selection for Chosen<'_> {
    fn leaves_out(&self, name: &[u8], stat: &FileStat) -> bool {
        let path = absolute(name);
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if !awaited.is_empty() {
            awaited.remove(path);
        }
        drop(awaited);
        if self.own.as_ref().is_some_and(|own| own.contains(path))
            || self.hidden.iter().any(|hidden| hidden == path)
        {
            return true;
        }
        let Some(patterns) = &self.choice.exclude else {
            return false;
        };
        if self.counting {
            patterns.count(name, content(stat))
        } else {
            patterns.match_name(name)
        }
    }

    fn unpacked(&self, name: &[u8]) -> bool {
        let patterns = self.choice.unpacked.as_ref();
        patterns.is_some_and(|patterns| patterns.match_name(name))
    }

    fn stores(&self, name: &[u8]) {
        self.observer.stores(name);
    }
}

/// Bytes of content of a regular file, without its holes.
fn content(stat: &FileStat) -> u64 {
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFREG {
        return 0;
    }
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
    length.min(blocks.saturating_mul(512))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Silent;

    fn stat() -> FileStat {
        nix::sys::stat::stat("/dev/null").unwrap()
    }

    fn choice(exclude: Option<&[u8]>) -> Choice {
        let parse = |text| Patterns::parse(Path::new("/x"), text).unwrap();
        Choice {
            exclude: exclude.map(parse),
            unpacked: Some(parse(b"\\.gz$\n")),
            without: Vec::new(),
        }
    }

    #[test]
    fn patterns_and_the_output_are_left_out() {
        let choice = choice(Some(b"^\\./tmp/\n"));
        let own = Some(OwnFiles::In("/mnt/root/backup".into()));
        let chosen = Chosen::new(&choice, &Silent).without_output(own, Path::new("/mnt/root"));
        let out = |name: &str| chosen.leaves_out(name.as_bytes(), &stat());
        assert!(out("./tmp/x") && out("./backup/h.mksysb") && out("./backup/h.mksysb.partial"));
        assert!(!out("./tmp") && !out(".") && !out("./backup") && !out("./backup/notes"));
        assert!(chosen.unpacked(b"./a.gz") && !chosen.unpacked(b"./a"));
    }

    #[test]
    fn an_output_elsewhere_leaves_nothing_out() {
        let choice = choice(None);
        let own = Some(OwnFiles::Of("/backup/b".into()));
        let chosen = Chosen::new(&choice, &Silent).without_output(own, Path::new("/mnt/root"));
        assert!(!chosen.leaves_out(b"./backup/b", &stat()));
    }

    #[test]
    fn file_systems_that_nothing_leads_to_are_known() {
        let choice = choice(None);
        let mounts = ["/", "/home", "/nfs/local"].map(PathBuf::from).into_iter();
        let chosen = Chosen::new(&choice, &Silent).awaiting(mounts);
        for name in [".", "./home", "./home/x", "./nfs"] {
            assert!(!chosen.leaves_out(name.as_bytes(), &stat()));
        }
        assert_eq!(chosen.not_reached(), [PathBuf::from("/nfs/local")]);
    }

    #[test]
    fn mount_points_are_lines() {
        let list = |text: &[u8]| mount_points(Path::new("/etc/x"), text);
        let expected: Vec<PathBuf> = vec!["/scratch".into(), "/a b".into()];
        assert_eq!(list(b"# not these\n/scratch/\n\n/a b\n").unwrap(), expected);
        for (text, line) in [(&b"/a\nscratch\n"[..], "line 2"), (b"/\n", "line 1")] {
            let error = list(text).unwrap_err().to_string();
            assert!(
                error.starts_with("0590-348") && error.contains(line),
                "{error}"
            );
        }
    }
}
