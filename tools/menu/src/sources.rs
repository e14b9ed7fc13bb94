//! *Choose the System Backup*.

use std::io::{BufRead, Write};

use lifeboat_restore::source::{self, Source, Sources};

use crate::MenuError;
use crate::terminal::{PREVIOUS, Screen, Terminal, wrap};

const LOOK_AGAIN: u16 = 77;

const HELP: &str = "  Backups are files named *.mksysb at the top or in the directory lifeboat of a
  CD or of a disk with an ext4, xfs or FAT file system. A backup that is damaged
  or cut short is listed with the reason and cannot be chosen. Change the CD and
  take 77 to look again.";

/// Lets the operator choose a usable backup; `None` for *Previous Menu*.
pub fn choose<'a, R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    sources: &'a mut Sources,
) -> Result<Option<&'a Source>, MenuError> {
    loop {
        terminal.line("Looking for system backups ...")?;
        // The media of the last look are let go first: a CD may be changed.
        *sources = Sources::default();
        match source::find() {
            Ok(found) => *sources = found,
            Err(error) => crate::report(terminal, &error)?,
        }
        match terminal.choose(&screen(&sources.list))? {
            PREVIOUS => return Ok(None),
            LOOK_AGAIN => {}
            number => {
                let source = sources.list.get(usize::from(number) - 1);
                if source.is_some_and(|source| source.backup.is_ok()) {
                    return Ok(sources.list.get(usize::from(number) - 1));
                }
                terminal
                    .line("0590-706 That backup cannot be used, for the reason given beside it.")?;
            }
        }
    }
}

fn screen(list: &[Source]) -> Screen {
    let mut items = Vec::new();
    for (number, source) in (1u16..).zip(list) {
        items.push((number, label(source)));
    }
    let usable = list.iter().position(|source| source.backup.is_ok());
    let default = usable
        .and_then(|index| u16::try_from(index + 1).ok())
        .unwrap_or(LOOK_AGAIN);
    items.push((LOOK_AGAIN, "Look again (after changing a CD)".into()));
    let mut text = Vec::new();
    if list.is_empty() {
        text.push(
            "0590-707 No system backup was found on any CD or disk. Put in the CD with the".into(),
        );
        text.push("backup, or attach its disk, and look again.".into());
    }
    Screen {
        title: "Choose the System Backup".into(),
        text,
        items,
        default,
        help: HELP.into(),
    }
}

/// One entry: file, medium, and on a second line what it holds or what is wrong.
fn label(source: &Source) -> String {
    let name = source
        .path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let first = format!(
        "{name} on {} ({}), {} MB",
        source.medium,
        source.device,
        source.size >> 20
    );
    let second = match &source.backup {
        Ok(backup) => source::describe(backup.summary()),
        Err(error) => format!("cannot be used: {}", lifeboat_sys::error::chain(error)),
    };
    let second = wrap(&second).replace('\n', "\n        ");
    format!("{first}\n        {second}")
}
