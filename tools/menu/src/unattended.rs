//! Installing without questions, as `bosinst.data` says.

use std::io::{BufRead, Write};

use lifeboat_restore::prepare::{self, Opened, PrepareError};
use lifeboat_restore::source::{self, Source};

use crate::terminal::{Terminal, WIDTH};
use crate::{MenuError, install, passphrase, power, report};

/// Why nothing was installed without questions.
#[derive(Debug, thiserror::Error)]
enum UnattendedError {
    #[error("0590-721 No usable system backup was found; an unattended installation needs one")]
    NoSource,
    #[error(
        "0590-722 {0} usable system backups were found; an unattended installation needs exactly one"
    )]
    ManySources(usize),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error("0590-723 The media cannot be looked at")]
    Media(#[source] lifeboat_sys::fs::FsError),
}

/// Installs at once if asked to by `auto` (kernel option `lifeboat.mode=auto`) or
/// by `PROMPT = no` on the only backup found, then restarts. Anything unclear is
/// said, and the menu follows.
pub fn run<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    auto: bool,
) -> Result<(), MenuError> {
    let sources = match source::find() {
        Ok(sources) => sources,
        Err(error) => return Ok(report(terminal, &UnattendedError::Media(error))?),
    };
    let opened = match only(&sources.list).and_then(|source| Ok(prepare::open(source)?)) {
        Ok(opened) => opened,
        // Without a wish for it, the menu itself says what is missing.
        Err(error) if auto => return Ok(report(terminal, &error)?),
        Err(error) => {
            log::info!("no unattended installation: {error}");
            return Ok(());
        }
    };
    if !auto && opened.answers.control.prompt {
        return Ok(());
    }
    install(terminal, &opened)
}

fn install<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    opened: &Opened<'_>,
) -> Result<(), MenuError> {
    terminal.line("Unattended installation, as bosinst.data says.\n")?;
    let plan = match install::plan_unasked(opened) {
        Ok(plan) => plan,
        Err(error) => return Ok(report(terminal, &error)?),
    };
    for line in plan.lines(WIDTH) {
        terminal.line(&line)?;
    }
    terminal.line("")?;
    let keys = passphrase::beside(terminal, &plan, opened)?;
    if install::carry_out(terminal, &plan, opened, &keys)?.is_success() {
        return power::restart();
    }
    Ok(())
}

/// The one usable source; with several it would be a guess.
fn only(list: &[Source]) -> Result<&Source, UnattendedError> {
    let mut usable = list.iter().filter(|source| source.backup.is_ok());
    match (usable.next(), usable.count()) {
        (None, _) => Err(UnattendedError::NoSource),
        (Some(source), 0) => Ok(source),
        (Some(_), more) => Err(UnattendedError::ManySources(more + 1)),
    }
}
