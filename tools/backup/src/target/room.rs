//! Whether a backup can fit, asked before it is begun.

use std::path::Path;

use lifeboat_sys::fs::PathContext;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::statfs::{MSDOS_SUPER_MAGIC, statfs};

use super::TargetError;

/// What compression makes of a system at the very best: a tenth. Nothing is refused
/// that might fit.
const BEST: u64 = 10;

/// What is left of most systems: a half.
const USUAL: u64 = 2;

/// The longest file that FAT can hold.
const FAT_LIMIT: u64 = u32::MAX as u64;

/// Whether a backup may not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It will.
    Enough,
    /// It will if it compresses better than most; MiB free.
    Scarce(u64),
}

/// Whether `bytes`, packed or not, can become a file in this directory.
///
/// # Errors
/// [`TargetError`] where they cannot.
pub(crate) fn room(directory: &Path, bytes: u64, pack: bool) -> Result<Room, TargetError> {
    let found = statfs(directory).at("look at", directory)?;
    // Only root writes backups, and the blocks kept for root are root's.
    let free = found
        .blocks_free()
        .saturating_mul(u64::try_from(found.block_size()).unwrap_or(0));
    let ulimit = getrlimit(Resource::RLIMIT_FSIZE).map_or(RLIM_INFINITY, |(soft, _)| soft);
    let fat = found.filesystem_type() == MSDOS_SUPER_MAGIC;
    let limits = [
        (fat.then_some(FAT_LIMIT), "FAT"),
        ((ulimit != RLIM_INFINITY).then_some(ulimit), "ulimit -f"),
    ];
    judge(directory, bytes, pack, free, limits)
}

fn judge(
    directory: &Path,
    bytes: u64,
    pack: bool,
    free: u64,
    limits: [(Option<u64>, &'static str); 2],
) -> Result<Room, TargetError> {
    let least = if pack { bytes / BEST } else { bytes };
    let usual = if pack { bytes / USUAL } else { bytes };
    for (limit, why) in limits {
        if let Some(limit) = limit.filter(|limit| *limit < least) {
            return Err(TargetError::FileSize {
                limit: limit >> 20,
                why,
                needed: bytes >> 20,
            });
        }
    }
    if free < least {
        return Err(TargetError::NoRoom {
            path: directory.to_owned(),
            free: free >> 20,
            needed: bytes >> 20,
        });
    }
    let tightest = limits.iter().filter_map(|(limit, _)| *limit).min();
    let most = tightest.map_or(free, |limit| limit.min(free));
    if most < usual {
        return Ok(Room::Scarce(most >> 20));
    }
    Ok(Room::Enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn said(bytes: u64, pack: bool, free: u64, ulimit: Option<u64>) -> String {
        let limits = [(None, "FAT"), (ulimit, "ulimit -f")];
        match judge(Path::new("/backup"), bytes, pack, free, limits) {
            Ok(room) => format!("{room:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_cannot_fit_is_refused_and_what_may_not_is_told() {
        assert_eq!(said(10 * GIB, true, 6 * GIB, None), "Enough");
        assert_eq!(said(10 * GIB, true, 2 * GIB, None), "Scarce(2048)");
        assert_eq!(
            said(100 * GIB, true, GIB, None),
            "0590-357 /backup has 1024 MiB free, and 102400 MiB are to be backed up"
        );
        assert!(said(10 * GIB, false, 9 * GIB, None).starts_with("0590-357"));
        assert_eq!(said(10 * GIB, false, 11 * GIB, None), "Enough");
    }

    #[test]
    fn limits_of_single_files_count_too() {
        assert_eq!(
            said(100 * GIB, true, 900 * GIB, Some(4 * GIB)),
            "0590-358 A file may have at most 4096 MiB here (ulimit -f), \
             and 102400 MiB are to be backed up"
        );
        assert_eq!(
            said(10 * GIB, true, 900 * GIB, Some(4 * GIB)),
            "Scarce(4096)"
        );
    }

    #[test]
    fn a_real_directory_is_asked() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(room(place.path(), 1, true).unwrap(), Room::Enough);
        let error = room(place.path(), u64::MAX, false).unwrap_err();
        assert!(matches!(error, TargetError::NoRoom { .. }), "{error}");
    }
}
