//! The list of a backup's files.

use std::io::{self, Write};

use anyhow::Result;
use lifeboat_archive::{Entry, EntryKind, Manifest, escape};
use serde_json::json;

use crate::out;

/// How a file is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Its path.
    Name,
    /// Its size and path.
    Size,
    /// Kind and permissions, as `ls -l` writes them, size, path and target.
    Long,
    /// An array of objects.
    Json,
}

/// Prints all files in the order of the backup.
///
/// # Errors
/// When standard output takes no more.
pub fn print(manifest: &Manifest, style: Style) -> Result<()> {
    out::with(|out| write(manifest, style, out))
}

fn write(manifest: &Manifest, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if style == Style::Json {
        return write_json(manifest, out);
    }
    for entry in manifest.entries() {
        let path = escape(&entry.path);
        match style {
            Style::Size => writeln!(out, "{:>12} {path}", entry.size)?,
            Style::Long => {
                let target = target(&entry).unwrap_or_default();
                writeln!(out, "{} {:>12} {path}{target}", mode(&entry), entry.size)?;
            }
            Style::Name | Style::Json => writeln!(out, "{path}")?,
        }
    }
    Ok(())
}

fn write_json(manifest: &Manifest, out: &mut dyn Write) -> io::Result<()> {
    for (index, entry) in manifest.entries().enumerate() {
        let value = json!({
            "path": escape(&entry.path),
            "type": entry.kind.to_string(),
            "mode": format!("{:04o}", entry.mode),
            "size": entry.size,
            "blake3": entry.hash.map(|hash| hash.to_hex().to_string()),
            "target": entry.target.as_deref().map(escape),
        });
        write!(out, "{}{value}", if index == 0 { "[\n" } else { ",\n" })?;
    }
    writeln!(out, "\n]")
}

fn target(entry: &Entry) -> Option<String> {
    let target = escape(entry.target.as_ref()?);
    Some(match entry.kind {
        EntryKind::Link => format!(" link to {target}"),
        _ => format!(" -> {target}"),
    })
}

/// Ten characters as in `ls -l`.
fn mode(entry: &Entry) -> String {
    let kind = match entry.kind {
        EntryKind::File | EntryKind::Sparse => '-',
        EntryKind::Link => 'h',
        EntryKind::Symlink => 'l',
        EntryKind::Directory => 'd',
        EntryKind::Char => 'c',
        EntryKind::Block => 'b',
        EntryKind::Fifo => 'p',
        EntryKind::Socket => 's',
    };
    let mut text = kind.to_string();
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = entry.mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (entry.mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_look_as_ls_prints_them() {
        let entry = |kind, mode| Entry {
            kind,
            mode,
            size: 0,
            hash: None,
            offset: None,
            path: b".".to_vec(),
            target: None,
        };
        for (kind, bits, text) in [
            (EntryKind::File, 0o4755, "-rwsr-xr-x"),
            (EntryKind::Directory, 0o1777, "drwxrwxrwt"),
            (EntryKind::Symlink, 0o777, "lrwxrwxrwx"),
            (EntryKind::Sparse, 0o2640, "-rw-r-S---"),
        ] {
            assert_eq!(mode(&entry(kind, bits)), text);
        }
    }
}
