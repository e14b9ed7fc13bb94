//! Which members somebody wants.

use std::collections::BTreeMap;

use crate::report::{Finding, Trouble};
use crate::summary::is_own;

/// A path as the archive has it, of one as a person writes it: `/etc/hosts`,
/// `etc/hosts`, `./etc/hosts` and `./etc//hosts/` become `./etc/hosts`; the root
/// becomes `.`. A `..` stays, and makes it the path of no member.
#[must_use]
pub fn member_path(path: &[u8]) -> Vec<u8> {
    let mut member = b".".to_vec();
    let names = path.split(|&byte| byte == b'/');
    for name in names.filter(|name| !matches!(*name, b"" | b".")) {
        member.push(b'/');
        member.extend_from_slice(name);
    }
    member
}

/// The members that are wanted.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// What was asked for, and whether it has come by; empty for everything.
    only: BTreeMap<Vec<u8>, bool>,
    /// What is left out, with everything below it.
    skip: Vec<Vec<u8>>,
}

impl Wanted {
    pub fn new<'a>(only: &[Vec<u8>], skip: impl Iterator<Item = &'a [u8]>) -> Self {
        Self {
            only: only.iter().map(|path| (member_path(path), false)).collect(),
            skip: skip.map(member_path).collect(),
        }
    }

    /// Whether the member of this path is wanted; notes that it has come by.
    pub fn takes(&mut self, path: &[u8]) -> bool {
        self.saw(path);
        self.has(path)
    }

    /// Whether the member of this path is wanted. The backup's own members must be
    /// asked for by name.
    pub fn has(&self, path: &[u8]) -> bool {
        let skipped = self.skip.iter().any(|skip| is_at_or_below(path, skip));
        if skipped {
            return false;
        }
        if is_own(path) {
            return self.only.contains_key(path);
        }
        self.only.is_empty() || ancestors(path).any(|above| self.only.contains_key(above))
    }

    /// Notes that the backup has this path.
    pub fn saw(&mut self, path: &[u8]) {
        if let Some(seen) = self.only.get_mut(path) {
            *seen = true;
        }
    }

    /// What was asked for and has not come by.
    pub fn missing(&self) -> impl Iterator<Item = Finding> + '_ {
        let unseen = self.only.iter().filter(|(_, seen)| !**seen);
        unseen.map(|(path, _)| Finding::new(path, Trouble::NotInBackup))
    }
}

fn is_at_or_below(path: &[u8], above: &[u8]) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// The path itself, and the directories above it.
fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(path), |path| {
        let slash = path.iter().rposition(|&byte| byte == b'/')?;
        Some(&path[..slash])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(only: &[&str], skip: &[&str]) -> Wanted {
        let only: Vec<_> = only.iter().map(|path| path.as_bytes().to_vec()).collect();
        Wanted::new(&only, skip.iter().map(|path| path.as_bytes()))
    }

    #[test]
    fn paths_are_written_in_many_ways() {
        for path in ["/etc/hosts", "etc/hosts", "./etc/hosts", "//etc/./hosts/"] {
            assert_eq!(member_path(path.as_bytes()), b"./etc/hosts");
        }
        for path in ["", ".", "/", "./"] {
            assert_eq!(member_path(path.as_bytes()), b".");
        }
        assert_eq!(member_path(b"/a\xff\n/..b"), b"./a\xff\n/..b");
    }

    #[test]
    fn a_directory_brings_what_is_below_it() {
        let mut some = wanted(&["/etc", "usr/bin/ping", "gone"], &["/etc/ssl"]);
        for path in ["./etc", "./etc/a", "./etc/a/b", "./usr/bin/ping"] {
            assert!(some.takes(path.as_bytes()), "{path}");
        }
        for path in [".", "./etcetera", "./usr", "./etc/ssl", "./etc/ssl/key"] {
            assert!(!some.takes(path.as_bytes()), "{path}");
        }
        let missing: Vec<_> = some.missing().map(|f| f.path).collect();
        assert_eq!(missing, [std::path::Path::new("./gone")]);
    }

    #[test]
    fn everything_is_wanted_but_the_backups_own_files() {
        let all = wanted(&[], &["boot"]);
        assert!(all.has(b".") && all.has(b"./etc") && !all.has(b"./boot/x"));
        assert!(!all.has(b"./image.data"));
        assert!(wanted(&["/"], &[]).has(b"./etc/passwd"));
        assert!(!wanted(&["/"], &[]).has(b"./image.data"));
        assert!(wanted(&["image.data"], &[]).has(b"./image.data"));
    }
}
