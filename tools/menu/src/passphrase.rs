//! Passphrases for the encrypted devices of the restored system: a new one is asked
//! twice, that of a saved header is tried; none is shown.

use std::io::{self, BufRead, Write};

use lifeboat_layout::apply::{Keys, opens};
use lifeboat_layout::plan::Plan;
use lifeboat_restore::keys;
use lifeboat_restore::prepare::Opened;
use lifeboat_sys::run::RunError;
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
        let header = keys.header(name);
        let key = match header {
            Some(file) => known(terminal, name, &|key| opens(file, key))?,
            None => new(terminal, name)?,
        };
        let Some(key) = key else {
            return Ok(None);
        };
        keys.insert(name, key);
    }
    Ok(Some(keys))
}

/// The passphrase that the device had: asked until it opens the saved header.
fn known<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    name: &str,
    opens: &dyn Fn(&[u8]) -> Result<bool, RunError>,
) -> Result<Option<Vec<u8>>, MenuError> {
    terminal.line(&format!(
        "The encrypted device {name} gets the header that lies beside the backup.\n\
         Type a passphrase that it had, or press Enter to go back."
    ))?;
    loop {
        let quiet = Quiet::begin();
        let typed = terminal.answer("Passphrase: ")?;
        drop(quiet);
        terminal.line("")?;
        if typed.is_empty() {
            return Ok(None);
        }
        match opens(typed.as_bytes()) {
            Ok(true) => return Ok(Some(typed.into_bytes())),
            Ok(false) => terminal.line("0590-473 The header does not take that passphrase.")?,
            Err(error) => {
                report(terminal, &error)?;
                return Ok(None);
            }
        }
    }
}

/// A passphrase for a new header.
fn new<R: BufRead, W: Write>(
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
        let key = new(&mut terminal, "luks-home").unwrap();
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
    fn the_passphrase_of_a_saved_header_is_asked_until_it_opens_it() {
        let mut output = Vec::new();
        let mut terminal = Terminal::new(&b"wrong\nsecret\n"[..], &mut output);
        let opens = |key: &[u8]| Ok(key == b"secret");
        let key = known(&mut terminal, "luks-home", &opens).unwrap();
        assert_eq!(key.as_deref(), Some(&b"secret"[..]));
        let said = String::from_utf8(output).unwrap();
        assert_eq!(said.matches("0590-473").count(), 1, "{said}");
        let mut terminal = Terminal::new(&b"\n"[..], io::sink());
        assert_eq!(known(&mut terminal, "luks-home", &opens).unwrap(), None);
    }

    #[test]
    fn a_header_that_cannot_be_tried_goes_back() {
        let mut output = Vec::new();
        let mut terminal = Terminal::new(&b"secret\n"[..], &mut output);
        let opens = |_: &[u8]| {
            Err(RunError::Stopped {
                argv: "cryptsetup open".to_owned(),
            })
        };
        assert_eq!(known(&mut terminal, "luks-home", &opens).unwrap(), None);
        assert!(String::from_utf8(output).unwrap().contains("0590-006"));
    }

    #[test]
    fn enter_alone_goes_back() {
        assert_eq!(asked("\n").0, None);
    }
}
