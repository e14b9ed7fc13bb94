//! The time, as people read it.

use lifeboat_sys::run::{RunError, Tool};

/// The time as `date` writes it in this format, in the system's time zone.
pub(crate) fn date(format: &str) -> Result<String, RunError> {
    let output = Tool::new("date").arg(format).run()?;
    Ok(output.text().trim().to_owned())
}
