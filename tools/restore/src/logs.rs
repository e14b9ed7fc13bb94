//! The logs of the rescue image, left in the restored system.

use std::path::Path;

use lifeboat_sys::fs::{FsError, create_dir_all, read, write};

use crate::LOG;
use crate::firstboot::LOGS;

/// Log of the rescue image's PID 1.
const INIT_LOG: &str = "/run/lifeboat/init.log";

/// Copies the logs below `root`, as far as they exist.
///
/// # Errors
/// The file that could not be read or written.
pub fn leave(root: &Path) -> Result<(), FsError> {
    let directory = root.join(LOGS);
    create_dir_all(&directory)?;
    for (log, name) in [(LOG, "restore.log"), (INIT_LOG, "rescue-init.log")] {
        if Path::new(log).exists() {
            write(directory.join(name), read(log)?)?;
        }
    }
    Ok(())
}
