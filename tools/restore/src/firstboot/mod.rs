//! The first boot of a restored system: a service that runs once before login, finishes
//! what could not be done from outside, leaves a report, and removes itself.
//!
//! [`install`] puts it there, [`run()`] is what it does. All of it is in one directory but
//! for what makes the system start it.

mod notice;
mod run;
mod service;
mod stage;

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};

pub use run::{Outcome, run};
pub use service::install;
pub use stage::Stage;

/// Directory of logs and reports in the restored system.
pub const LOGS: &str = "var/log/lifeboat";
const REPORT: &str = "var/log/lifeboat/first-boot.report";
const DIRECTORY: &str = "usr/lib/lifeboat-firstboot";
const PROGRAM: &str = "usr/lib/lifeboat-firstboot/lifeboat";
const STAGE: &str = "usr/lib/lifeboat-firstboot/stage";

/// The first-boot stage could not be installed or run.
#[derive(Debug, thiserror::Error)]
pub enum FirstBootError {
    /// Nothing in the restored system would start it.
    #[error(
        "0590-471 Neither systemd nor init scripts start services in the restored system; run `/{PROGRAM} first-boot` in it by hand"
    )]
    NoInit,
    /// A file of the stage could not be written or removed.
    #[error("0590-472 The first-boot stage is not in order")]
    File(#[from] FsError),
    /// What it is to do cannot be read.
    #[error("0590-476 {} is damaged", path.display())]
    Stage {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<stage::StageError>,
    },
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path)
}

fn remove(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.at("remove", path),
    }
}

#[cfg(test)]
mod tests;
