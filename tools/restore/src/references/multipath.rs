//! multipath's files: `bindings`, `wwids` and `multipath.conf` name disks by their
//! world-wide identifiers.

use super::lines::{Edited, each_entry};
use super::renames::Renames;

/// The new text: a disk that takes the place of another gets its alias. Identifiers
/// are only replaced where they stand alone.
pub(super) fn file(text: &[u8], renames: &Renames) -> Edited {
    each_entry(text, |line| {
        let mut new = line.to_owned();
        for (old, now) in renames.wwids() {
            new = replaced(&new, old, now);
        }
        Some(new)
    })
}

fn replaced(line: &str, old: &str, now: &str) -> String {
    let mut new = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let alone = !before.ends_with(inside) && !after.starts_with(inside);
        new.push_str(before);
        new.push_str(if alone { now } else { old });
        rest = after;
    }
    new.push_str(rest);
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::renames::{Fate, Name};

    #[test]
    fn the_new_disk_gets_the_alias_of_the_old() {
        let mut renames = Renames::default();
        let now = Fate::Now("3600b".to_owned());
        renames.add(Name::Wwid("3600a".into()), now);
        for (old, new) in [
            (
                "# 3600a\nmpatha 3600a\nmpathb 3600c\n",
                "# 3600a\nmpatha 3600b\nmpathb 3600c\n",
            ),
            ("/3600a/\n/3600a1/\n", "/3600b/\n/3600a1/\n"),
            ("\t\twwid \"3600a\"\n", "\t\twwid \"3600b\"\n"),
        ] {
            assert_eq!(file(old.as_bytes(), &renames).text, new.as_bytes());
        }
    }
}
