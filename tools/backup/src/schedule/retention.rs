//! The names of scheduled backups, and which of them may go.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};

/// Before the host's name: what a person backs up by hand is never removed.
const PREFIX: &str = "scheduled-";
const SUFFIX: &str = ".mksysb";
/// Before the suffix of a backup from which something is missing.
const INCOMPLETE: &str = "-incomplete";
/// What a backup is called that was interrupted.
const INTERRUPTED: [&str; 3] = [".partial", ".unverified", ".unverified.partial"];

/// Whether a backup has all that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was complete, and its hashes were right.
    Good,
    /// Files are missing, or were changed while they were read.
    Incomplete,
}

/// A backup of this host that was made on schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its path.
    pub path: PathBuf,
    /// When, as its name says; later times are greater.
    pub time: String,
    /// Bytes.
    pub size: u64,
    /// How good it is.
    pub kind: Kind,
}

/// The name of a backup that `host` begins at this time (seconds since 1970).
#[must_use]
pub fn file_name(host: &str, seconds: u64) -> String {
    format!("{}{}{SUFFIX}", prefix(host), utc(seconds))
}

/// What a backup is called from which something is missing.
#[must_use]
pub fn incomplete_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(SUFFIX).unwrap_or(&name);
    path.with_file_name(format!("{stem}{INCOMPLETE}{SUFFIX}"))
}

/// The scheduled backups of `host` in a directory, the newest first.
///
/// # Errors
/// [`FsError`] when the directory cannot be read.
pub fn scheduled(directory: &Path, host: &str) -> Result<Vec<Scheduled>, FsError> {
    let mut found = Vec::new();
    for (name, path) in entries(directory)? {
        let Some((time, kind)) = parse(&name, host) else {
            continue;
        };
        let metadata = path.symlink_metadata().at("examine", &path)?;
        if metadata.is_file() {
            found.push(Scheduled {
                time: time.to_owned(),
                size: metadata.len(),
                path,
                kind,
            });
        }
    }
    found.sort_by(|a, b| b.time.cmp(&a.time));
    Ok(found)
}

/// What interrupted scheduled backups of `host` have left in a directory.
///
/// # Errors
/// [`FsError`] when the directory cannot be read.
pub fn interrupted(directory: &Path, host: &str) -> Result<Vec<PathBuf>, FsError> {
    let is_left = |name: &str| {
        let mut wholes = INTERRUPTED.iter().filter_map(|end| name.strip_suffix(end));
        wholes.any(|whole| parse(whole, host).is_some())
    };
    let entries = entries(directory)?.into_iter();
    Ok(entries
        .filter(|(name, _)| is_left(name))
        .map(|(_, path)| path)
        .collect())
}

/// Which backups may go now that `new` is complete and its hashes were checked:
/// good ones beyond the newest `keep`, and incomplete ones that are older than it.
/// With `new` itself among the incomplete, or not there, nothing may go.
#[must_use]
pub fn surplus<'a>(found: &'a [Scheduled], new: &Path, keep: usize) -> Vec<&'a Scheduled> {
    let of_new = found
        .iter()
        .find(|backup| backup.path == new && backup.kind == Kind::Good);
    let Some(new) = of_new else {
        return Vec::new();
    };
    let (good, incomplete): (Vec<_>, Vec<_>) =
        found.iter().partition(|backup| backup.kind == Kind::Good);
    // A clock that went back must not cost the new one.
    let (older, newer): (Vec<_>, Vec<_>) = good
        .into_iter()
        .filter(|backup| backup.path != new.path)
        .partition(|backup| backup.time <= new.time);
    let room = keep.saturating_sub(1 + newer.len());
    let old = incomplete
        .into_iter()
        .filter(|backup| backup.time <= new.time);
    older.into_iter().skip(room).chain(old).collect()
}

fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, FsError> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).at("list", directory)? {
        let entry = entry.at("list", directory)?;
        // A name that is no text is none of ours.
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    Ok(entries)
}

fn prefix(host: &str) -> String {
    // A slash would lead elsewhere.
    format!("{PREFIX}{}-", host.replace('/', "_"))
}

/// Time and kind from a name, if it is of a scheduled backup of this host.
fn parse<'a>(name: &'a str, host: &str) -> Option<(&'a str, Kind)> {
    let rest = name.strip_prefix(&prefix(host))?.strip_suffix(SUFFIX)?;
    let (time, kind) = match rest.strip_suffix(INCOMPLETE) {
        Some(time) => (time, Kind::Incomplete),
        None => (rest, Kind::Good),
    };
    // Host "a" must not take "a-b"'s backups for its own.
    let form = b"00000000T000000Z";
    let fits = time.len() == form.len()
        && time
            .bytes()
            .zip(form)
            .all(|(byte, like)| byte == *like || (*like == b'0' && byte.is_ascii_digit()));
    fits.then_some((time, kind))
}

/// `20261121T020000Z`: sorts by time, the same in every time zone.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86400, seconds % 86400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The date of a day since 1970: years that begin in March have their leap day at
/// the end, and every 400 of them the same number of days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(time: &str, kind: Kind) -> Scheduled {
        Scheduled {
            path: format!("/b/{time}-{kind:?}").into(),
            time: time.to_owned(),
            size: 1,
            kind,
        }
    }

    /// Times of what goes when the backup at `new` of `all` was made; a time with
    /// a minus is incomplete.
    fn goes(all: &[&str], new: &str, keep: usize) -> Vec<String> {
        let of = |name: &&str| match name.strip_suffix('-') {
            Some(time) => backup(time, Kind::Incomplete),
            None => backup(name, Kind::Good),
        };
        let mut found: Vec<_> = all.iter().map(of).collect();
        found.sort_by(|a, b| b.time.cmp(&a.time));
        surplus(&found, &of(&new).path, keep)
            .into_iter()
            .map(|gone| gone.time.clone())
            .collect()
    }

    #[test]
    fn the_newest_good_ones_stay() {
        assert_eq!(goes(&["1", "2", "3", "4"], "4", 2), ["2", "1"]);
        assert!(goes(&["1", "2"], "2", 2).is_empty());
        assert!(goes(&["4"], "4", 1).is_empty());
        assert_eq!(goes(&["3", "4"], "4", 1), ["3"]);
    }

    #[test]
    fn incomplete_ones_count_for_nothing_and_cost_nothing() {
        assert_eq!(goes(&["1", "2-", "3-", "4"], "4", 2), ["3", "2"]);
        // The new one is incomplete: the good ones are all that there is.
        assert!(goes(&["1", "2", "3-", "4-"], "4-", 1).is_empty());
        // It did not come to be.
        assert!(goes(&["1", "2", "3"], "4", 1).is_empty());
    }

    #[test]
    fn a_clock_that_went_back_does_not_cost_the_new_one() {
        assert_eq!(goes(&["1", "2", "8", "9"], "2", 2), ["1"]);
        assert!(!goes(&["1", "8-"], "1", 1).contains(&"8".to_owned()));
    }

    #[test]
    fn names_tell_host_time_and_kind() {
        let name = file_name("db", 1_795_254_131);
        assert_eq!(name, "scheduled-db-20261121T094211Z.mksysb");
        assert_eq!(parse(&name, "db"), Some(("20261121T094211Z", Kind::Good)));
        let path = incomplete_name(&Path::new("/b").join(&name));
        assert_eq!(
            path,
            Path::new("/b/scheduled-db-20261121T094211Z-incomplete.mksysb")
        );
        let of_other = file_name("db-2", 0);
        assert_eq!(of_other, "scheduled-db-2-19700101T000000Z.mksysb");
        assert_eq!(parse(&of_other, "db"), None);
        assert_eq!(parse("db-20261121T094211Z.mksysb", "db"), None);
        assert_eq!(
            parse("scheduled-db-20261121T094211Z.mksysb.partial", "db"),
            None
        );
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }

    #[test]
    fn only_scheduled_backups_of_this_host_are_found() {
        let place = tempfile::tempdir().unwrap();
        let (old, new) = (file_name("db", 100), file_name("db", 200));
        for name in [
            &old,
            &new,
            &format!("{new}.partial"),
            &format!("{old}.unverified.partial"),
            &file_name("web", 300),
            &"system.mksysb".to_owned(),
            &"system.mksysb.partial".to_owned(),
        ] {
            std::fs::write(place.path().join(name), "x").unwrap();
        }
        let link = place.path().join(file_name("db", 300));
        std::os::unix::fs::symlink("/etc/passwd", link).unwrap();
        let found = scheduled(place.path(), "db").unwrap();
        let paths: Vec<_> = found.iter().map(|backup| backup.path.clone()).collect();
        assert_eq!(paths, [place.path().join(&new), place.path().join(&old)]);
        assert_eq!(interrupted(place.path(), "db").unwrap().len(), 2);
    }
}
