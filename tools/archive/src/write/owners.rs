//! Names of owners, from the `/etc/passwd` and `/etc/group` of the tree that is
//! backed up: the running system's own users may be others.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Names by number.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    users: HashMap<u32, Vec<u8>>,
    groups: HashMap<u32, Vec<u8>>,
}

impl Owners {
    /// The owners that this tree knows; none where it has no such files.
    pub fn of_tree(root: &Path) -> Self {
        let names = |file| {
            fs::read(root.join(file))
                .map(|text| parse(&text))
                .unwrap_or_default()
        };
        Self {
            users: names("etc/passwd"),
            groups: names("etc/group"),
        }
    }

    /// The user's name, or nothing.
    pub fn user(&self, uid: u32) -> Vec<u8> {
        self.users.get(&uid).cloned().unwrap_or_default()
    }

    /// The group's name, or nothing.
    pub fn group(&self, gid: u32) -> Vec<u8> {
        self.groups.get(&gid).cloned().unwrap_or_default()
    }
}

/// `name:password:number:…`; of two names for a number the first one counts.
fn parse(text: &[u8]) -> HashMap<u32, Vec<u8>> {
    let mut names = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b':');
        let (name, number) = (fields.next(), fields.nth(1));
        let number = number
            .and_then(|n| std::str::from_utf8(n).ok())
            .and_then(|n| n.parse().ok());
        if let (Some(name), Some(number)) = (name, number) {
            names.entry(number).or_insert_with(|| name.to_vec());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_number() {
        let names =
            parse(b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0\n\n#x\nd\xe9:x:77:\nbad:x:-1:\n");
        assert_eq!(names.len(), 2);
        assert_eq!(names[&0], b"root");
        assert_eq!(names[&77], b"d\xe9");
    }

    #[test]
    fn a_tree_without_users_is_a_tree() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(Owners::of_tree(empty.path()).user(0), b"");
    }
}
