//! Standard output of commands.

use std::io::{self, BufWriter, ErrorKind, Write, stdout};

use anyhow::{Context, Result};

/// Prints a text as it is.
///
/// # Errors
/// As [`with`].
pub fn print(text: &str) -> Result<()> {
    with(|out| out.write_all(text.as_bytes()))
}

/// Prints a text and a line end.
///
/// # Errors
/// As [`with`].
pub fn line(text: &str) -> Result<()> {
    with(|out| writeln!(out, "{text}"))
}

/// Gives standard output to `write`.
///
/// # Errors
/// When it takes no more. A reader that has seen enough, as `head`, is no error.
pub fn with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("0590-730 Standard output takes no more"),
    }
}
