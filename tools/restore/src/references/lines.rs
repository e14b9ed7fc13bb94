//! Texts changed line by line: what is not changed stays, byte for byte.

use std::ops::Range;
use std::path::Path;

/// A line that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Its number, from 1; in the new text, for lines that were added.
    pub line: usize,
    /// What it was; empty for a line that was added.
    pub old: String,
    /// What it is now.
    pub new: String,
}

impl Edit {
    /// Which line of which file changed, for people.
    pub(crate) fn changed_in(&self, path: &Path) -> String {
        format!("/{}, line {} changed", path.display(), self.line)
    }
}

/// A text and how it differs from the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: Vec<u8>,
    /// Its lines that changed.
    pub edits: Vec<Edit>,
}

/// Gives each line, without its end, to `change`; `None` leaves it. Lines that are
/// not UTF-8 stay.
pub(crate) fn each(text: &[u8], mut change: impl FnMut(&str) -> Option<String>) -> Edited {
    let mut edited = Edited::default();
    for (index, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let old = std::str::from_utf8(body).ok();
        let new = old.and_then(|old| Some((old, change(old)?)));
        let Some((old, new)) = new.filter(|(old, new)| old != new) else {
            edited.text.extend_from_slice(line);
            continue;
        };
        edited.text.extend_from_slice(new.as_bytes());
        edited.text.extend_from_slice(&line[body.len()..]);
        edited.edits.push(Edit {
            line: index + 1,
            old: old.to_owned(),
            new,
        });
    }
    edited
}

/// As [`each`], but blank lines and comments stay.
pub(crate) fn each_entry(text: &[u8], mut change: impl FnMut(&str) -> Option<String>) -> Edited {
    each(text, |line| {
        let body = line.trim_start();
        let entry = !body.is_empty() && !body.starts_with('#');
        entry.then(|| change(line)).flatten()
    })
}

/// The words of a line: where each stands.
pub(crate) fn fields(line: &str) -> Vec<Range<usize>> {
    let mut fields = Vec::new();
    let mut start = 0;
    for part in line.split_inclusive([' ', '\t']) {
        let word = part.trim_end_matches([' ', '\t']);
        if !word.is_empty() {
            fields.push(start..start + word.len());
        }
        start += part.len();
    }
    fields
}

/// A line that nobody reads any more, with the reason.
pub(crate) fn commented(line: &str, reason: &str) -> String {
    format!("# Lifeboat, {reason}: {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_stays_byte_for_byte() {
        let text = b"# caf\xe9\n\tone  \r\ntwo\nlast";
        let same = each(text, |line| Some(line.to_owned()));
        assert_eq!((same.text.as_slice(), same.edits.len()), (&text[..], 0));
        let edited = each_entry(text, |line| line.contains("two").then(|| "2".to_owned()));
        assert_eq!(edited.text, b"# caf\xe9\n\tone  \r\n2\nlast");
        let edit = Edit {
            line: 3,
            old: "two".into(),
            new: "2".into(),
        };
        assert_eq!(edited.edits, [edit]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let line = "  a\t\tbc ";
        let words: Vec<_> = fields(line).into_iter().map(|at| &line[at]).collect();
        assert_eq!(words, ["a", "bc"]);
    }
}
