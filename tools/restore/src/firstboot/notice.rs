//! What is said at every login until somebody has taken note of it.

use std::path::Path;

use lifeboat_sys::fs::{FsError, create_dir_all, write};

use super::{REPORT, below, remove};

/// Every login shell of the Bourne family reads this; motd is shown by some systems only.
const NOTICE: &str = "etc/profile.d/lifeboat-first-boot.sh";

/// Says at login that the first boot failed, or has not ended.
pub(super) fn put(root: &Path, what: &str) -> Result<(), FsError> {
    let path = below(root, NOTICE);
    if let Some(parent) = path.parent() {
        create_dir_all(parent)?;
    }
    write(&path, text(what))
}

/// It went well.
pub(super) fn take_away(root: &Path) -> Result<(), FsError> {
    remove(&below(root, NOTICE))
}

fn text(what: &str) -> String {
    format!(
        "# Lifeboat: shown at login until this file is removed.\n\
         case $- in *i*)\n\
         cat <<'END'\n\
         Lifeboat: {what}\n\
         The report is in /{REPORT}.\n\
         This is shown until somebody removes it: rm /{NOTICE}\n\
         END\n\
         ;; esac\n"
    )
}
