//! Passphrases for the encrypted devices of the restored system: asked twice, and
//! not shown.

use std::io::{self, BufRead, Write};

use lifeboat_layout::apply::Keys;
use lifeboat_layout::plan::Plan;
use lifeboat_restore::keys;
use lifeboat_restore::prepare::Opened;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::terminal::Terminal;
use crate::{MenuError, report};

/// The keys that lie beside the backup; one that cannot be read is reported, and
/// missed later.
pub fn beside<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    plan: &Plan,
    opened: &Opened<'_>,
) -> Result<Keys, MenuError> {
    match keys::beside(opened.directory, &keys::wanted(plan)) {
        Ok(keys) => Ok(keys),
        Err(error) => {
            report(terminal, &error)?;
            Ok(Keys::new())
        }
    }
}

/// Asks for those that are missing; `None` if nothing was typed.
pub fn ask<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    plan: &Plan,
    mut keys: Keys,
) -> Result<Option<Keys>, MenuError> {
    for name in keys::wanted(plan) {
        if keys.has(name) {
            continue;
        }
        let Some(key) = one(terminal, name)? else {
            return Ok(None);
        };
        keys.insert(name, key);
    }
    Ok(Some(keys))
}

fn one<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    name: &str,
) -> Result<Option<Vec<u8>>, MenuError> {
    terminal.line(&format!(
        "The backup has no passphrase for the encrypted device {name}.\n\
         Type a new one, or press Enter to go back."
    ))?;
    let _quiet = Quiet::begin();
    loop {
        let first = terminal.answer("New passphrase: ")?;
        terminal.line("")?;
        if first.is_empty() {
            return Ok(None);
        }
        let second = terminal.answer("The same again: ")?;
        terminal.line("")?;
        if first == second {
            return Ok(Some(first.into_bytes()));
        }
        terminal.line("0590-462 The two were not the same.")?;
    }
}

/// The console does not show what is typed while this lives.
struct Quiet(Option<Termios>);

impl Quiet {
    fn begin() -> Self {
        let Ok(before) = tcgetattr(io::stdin()) else {
            // No terminal: nothing is shown anyway.
            return Self(None);
        };
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        if let Err(errno) = tcsetattr(io::stdin(), SetArg::TCSANOW, &quiet) {
            log::warn!("the console shows what is typed: {errno}");
        }
        Self(Some(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0
            && let Err(errno) = tcsetattr(io::stdin(), SetArg::TCSANOW, before)
        {
            log::warn!("the console does not show what is typed: {errno}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(input: &str) -> (Option<Vec<u8>>, String) {
        let mut output = Vec::new();
        let mut terminal = Terminal::new(input.as_bytes(), &mut output);
        let key = one(&mut terminal, "luks-home").unwrap();
        (key, String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_passphrase_is_taken_when_it_was_typed_twice() {
        let (key, said) = asked("one two \r\nother\nsecret\nsecret\n");
        assert_eq!(key.as_deref(), Some(&b"secret"[..]));
        assert!(
            said.contains("luks-home") && said.contains("0590-462"),
            "{said}"
        );
        // Blanks at its ends belong to it.
        assert_eq!(asked(" a \n a \n").0.as_deref(), Some(&b" a "[..]));
    }

    #[test]
    fn enter_alone_goes_back() {
        assert_eq!(asked("\n").0, None);
    }
}
