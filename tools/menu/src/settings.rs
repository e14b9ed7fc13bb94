//! *System Backup Installation and Settings*: the target disk and shrinking.

use std::io::{BufRead, Write};

use lifeboat_layout::disks::Disk;
use lifeboat_layout::plan::Settings;

use crate::MenuError;
use crate::terminal::{PREVIOUS, Screen, Terminal};

const DISKS: u16 = 1;
const SHRINK: u16 = 2;
const CONTINUE: u16 = 0;

const HELP: &str = "  1  chooses the disk that is written anew. Without a choice Lifeboat takes the
     one that the backup came from, or an empty one, and says why.
  2  makes file systems only as big as their content needs.
  0  shows the plan. Nothing is written before you agree to it.";

const DISK_HELP: &str =
    "  Type the number of a disk to choose it, the same number again to let Lifeboat
  choose. ALL DATA on the chosen disk will be destroyed; other disks are not
  touched.";

/// Lets the operator change settings; `false` for *Previous Menu*.
pub fn choose<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    settings: &mut Settings,
    disks: &[Disk],
    recorded_shrink: bool,
) -> Result<bool, MenuError> {
    loop {
        match terminal.choose(&screen(settings, disks, recorded_shrink))? {
            DISKS => choose_disk(terminal, settings, disks)?,
            SHRINK => settings.shrink = Some(!settings.shrink.unwrap_or(recorded_shrink)),
            PREVIOUS => return Ok(false),
            _ => return Ok(true),
        }
    }
}

fn screen(settings: &Settings, disks: &[Disk], recorded_shrink: bool) -> Screen {
    let target = match settings.disks.as_slice() {
        [] => "chosen by Lifeboat".to_owned(),
        names => {
            let chosen = disks.iter().filter(|disk| names.contains(&disk.name));
            chosen
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        }
    };
    let shrink = if settings.shrink.unwrap_or(recorded_shrink) {
        "Yes"
    } else {
        "No"
    };
    Screen {
        title: "System Backup Installation and Settings".into(),
        text: Vec::new(),
        items: vec![
            (
                DISKS,
                format!("Disk(s) where you want to install ... {target}"),
            ),
            (
                SHRINK,
                format!("Shrink File Systems ................. {shrink}"),
            ),
            (CONTINUE, "Continue with the settings listed above".into()),
        ],
        default: CONTINUE,
        help: HELP.into(),
    }
}

fn choose_disk<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    settings: &mut Settings,
    disks: &[Disk],
) -> Result<(), MenuError> {
    loop {
        let number = terminal.choose(&disk_screen(settings, disks))?;
        if number == CONTINUE || number == PREVIOUS {
            return Ok(());
        }
        let Some(disk) = disks.get(usize::from(number) - 1) else {
            continue;
        };
        let chosen = settings.disks.contains(&disk.name);
        settings.disks = if chosen {
            Vec::new()
        } else {
            vec![disk.name.clone()]
        };
    }
}

fn disk_screen(settings: &Settings, disks: &[Disk]) -> Screen {
    let mut items = Vec::new();
    for (number, disk) in (1u16..).zip(disks) {
        let mark = if settings.disks.contains(&disk.name) {
            ">>>"
        } else {
            "   "
        };
        let id = disk
            .serial
            .as_deref()
            .or(disk.wwid.as_deref())
            .unwrap_or("no serial number");
        let content = disk
            .in_use
            .clone()
            .unwrap_or_else(|| disk.describe_content());
        let content = crate::terminal::wrap(&content).replace('\n', "\n            ");
        items.push((
            number,
            format!("{mark} {disk}, {id}\n            {content}"),
        ));
    }
    items.push((CONTINUE, "Continue with the choice indicated above".into()));
    Screen {
        title: "Change Disk(s) Where You Want to Install".into(),
        text: vec!["ALL DATA on the disk that you choose will be DESTROYED.".into()],
        items,
        default: CONTINUE,
        help: DISK_HELP.into(),
    }
}
