//! Device attributes that differ from their defaults, as a shell script that sets them:
//! what AIX's `rda` does for `mksysb`.
//!
//! The script is for people as well: a line for each attribute, below a few functions that
//! look before they set ([`PRELUDE`]). Devices are named by their place, then by their
//! identity, never by the kernel's names.

mod cards;
mod disks;
mod host;
mod place;
mod script;
mod settings;

use std::path::Path;

use lifeboat_sys::fs::{FsError, read_to_string};
use lifeboat_sys::run::Tool;

use script::Script;

/// Where a backup has the script of its system, without the slash in front.
pub const SCRIPT: &str = "var/lib/lifeboat/rda.sh";

/// By what [`is_script`] knows one.
const MARK: &str = "# rda 1: device attributes";

/// The functions of every script.
const PRELUDE: &str = include_str!("prelude.sh");

/// What a program prints; `None` if it is missing or fails.
type Ask<'a> = dyn Fn(&str, &[&str]) -> Option<String> + 'a;

/// A script cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RdaError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// It is something else.
    #[error("0590-540 {0} is no script of rda")]
    NotOurs(String),
}

/// The script that sets the attributes of the running system.
#[must_use]
pub fn collect() -> String {
    collect_from(Path::new("/"), &|program, arguments| {
        let output = Tool::new(program).args(arguments).run().ok()?;
        Some(output.text())
    })
}

/// The same of the system below `root`, whose programs answer through `ask`.
fn collect_from(root: &Path, ask: &Ask<'_>) -> String {
    let mut script = Script::new(&host::name(root));
    disks::collect(root, &mut script);
    cards::collect(root, ask, &mut script);
    settings::collect(root, &mut script);
    host::collect(root, &mut script);
    script.finish()
}

/// Whether a file is a script of ours: others are not run.
///
/// # Errors
/// [`RdaError`].
pub fn is_script(path: &Path) -> Result<(), RdaError> {
    let text = read_to_string(path)?;
    if text
        .lines()
        .nth(1)
        .is_some_and(|line| line.starts_with(MARK))
    {
        Ok(())
    } else {
        Err(RdaError::NotOurs(path.display().to_string()))
    }
}

#[cfg(test)]
mod tests;
