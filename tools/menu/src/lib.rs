//! The menus of the rescue image, over any serial console.
//!
//! [`run`] shows the welcome screen and comes back when the machine goes down.
//! Each screen is a file; what they set in motion is in `lifeboat-restore`.

mod access;
mod install;
mod passphrase;
pub mod power;
pub mod progress;
mod settings;
mod shell;
mod sources;
pub mod terminal;
mod unattended;
mod welcome;

use std::io::{BufRead, Write};
use std::path::Path;

pub use welcome::run;

use crate::terminal::{Terminal, TerminalError};

/// The file that image-build puts into the rescue image and nowhere else.
const RESCUE_MARK: &str = "/etc/lifeboat/modules";

/// Whether this is the rescue image: only there may disks be written.
#[must_use]
pub fn in_rescue_image() -> bool {
    Path::new(RESCUE_MARK).exists()
}

/// Why a screen ends other than by a choice.
#[derive(Debug, thiserror::Error)]
pub enum MenuError {
    /// The console is gone.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// The shell could not be started.
    #[error("0590-704 The maintenance shell did not start")]
    Shell(#[source] lifeboat_sys::run::RunError),
    /// The machine does not go down.
    #[error(
        "0590-705 The machine does not go down; switch it off by hand, its disks are not in use"
    )]
    Power(#[source] std::io::Error),
}

/// Prints an error with its causes, once.
fn report<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    error: &dyn std::error::Error,
) -> Result<(), TerminalError> {
    let text = lifeboat_sys::error::chain(error);
    log::error!("{text}");
    terminal.line(&format!("\n{}\n", terminal::wrap(&text)))
}
