//! The log of backups, `/var/log/lifeboat/vgbackuplog`: a line for each backup that
//! was written, as AIX keeps it for `lsmksysb -B`.

use std::fmt;
use std::fs;
use std::path::Path;

use lifeboat_archive::escape;
use lifeboat_sys::fs::{FsError, PathContext, create_dir_all, replace};

/// Where the log is.
pub const LOG: &str = "/var/log/lifeboat/vgbackuplog";

/// How many backups it remembers.
const ENTRIES: usize = 256;

/// A backup that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it went: a path, or `-`.
    pub device: String,
    /// The command line.
    pub command: String,
    /// When, as `date` writes it.
    pub date: String,
    /// MiB that its file systems need at least.
    pub shrink_size: u64,
    /// MiB of its file systems.
    pub full_size: u64,
    /// The system's version.
    pub level: String,
}

/// `device;command;date;shrink size;full size;level`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{};{};{};{};{};{}",
            field(&self.device),
            field(&self.command),
            field(&self.date),
            self.shrink_size,
            self.full_size,
            field(&self.level)
        )
    }
}

/// One field of one line, whatever a path has in it.
fn field(text: &str) -> String {
    let printable = |word: &str| escape(word.as_bytes());
    let words: Vec<String> = text.split(' ').map(printable).collect();
    words.join(" ").replace(';', "\\x3b")
}

impl Entry {
    /// Reads a line; `None` if it is none of the log's.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(';').collect();
        let [device, command, date, shrink, full, level] = fields.as_slice() else {
            return None;
        };
        Some(Self {
            device: (*device).to_owned(),
            command: (*command).to_owned(),
            date: (*date).to_owned(),
            shrink_size: shrink.parse().ok()?,
            full_size: full.parse().ok()?,
            level: (*level).to_owned(),
        })
    }
}

/// The entries of the log, the newest last; of a log that is not there, none.
/// Lines that are no entries are passed over.
///
/// # Errors
/// [`FsError`] where the log cannot be read.
pub fn entries(log: &Path) -> Result<Vec<Entry>, FsError> {
    Ok(lines(log)?
        .iter()
        .filter_map(|line| Entry::parse(line))
        .collect())
}

fn lines(log: &Path) -> Result<Vec<String>, FsError> {
    if !log.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read(log).at("read", log)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().map(str::to_owned).collect())
}

/// Adds an entry, and forgets the oldest when there are too many.
///
/// # Errors
/// [`FsError`] where the log cannot be read or written.
pub fn add(log: &Path, entry: &Entry) -> Result<(), FsError> {
    // The lines as they are: reading and writing would escape what is escaped.
    let mut all = lines(log)?;
    all.push(entry.to_string());
    let oldest = all.len().saturating_sub(ENTRIES);
    let text = all[oldest..].join("\n") + "\n";
    if let Some(parent) = log.parent() {
        create_dir_all(parent)?;
    }
    replace(log, text.as_bytes(), 0o640)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(device: &str) -> Entry {
        Entry {
            device: device.to_owned(),
            command: "mksysb -i -e /backup".to_owned(),
            date: "Sat Nov 21 11:00:00 UTC 2026".to_owned(),
            shrink_size: 1200,
            full_size: 4096,
            level: "Debian GNU/Linux 13".to_owned(),
        }
    }

    #[test]
    fn an_entry_is_one_line_and_comes_back() {
        let line = entry("/backup/a.mksysb").to_string();
        assert_eq!(
            line,
            "/backup/a.mksysb;mksysb -i -e /backup;Sat Nov 21 11:00:00 UTC 2026;1200;4096;\
             Debian GNU/Linux 13"
        );
        assert_eq!(Entry::parse(&line).unwrap(), entry("/backup/a.mksysb"));
        let odd = entry("/a;b\nc").to_string();
        assert_eq!(odd.matches(';').count(), 5);
        assert_eq!(Entry::parse(&odd).unwrap().device, "/a\\x3bb\\x0ac");
        assert_eq!(Entry::parse("# something else"), None);
    }

    #[test]
    fn the_log_forgets_the_oldest() {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("deeper/vgbackuplog");
        assert!(entries(&log).unwrap().is_empty());
        for number in 0..ENTRIES + 3 {
            add(&log, &entry(&number.to_string())).unwrap();
        }
        let all = entries(&log).unwrap();
        assert_eq!((all.len(), all[0].device.as_str()), (ENTRIES, "3"));
        assert_eq!(all[ENTRIES - 1].device, (ENTRIES + 2).to_string());
    }
}
