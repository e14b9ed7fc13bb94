//! *System Backup Installation and Settings*: the target disks, and how what was
//! backed up is laid out on them.

use std::io::{BufRead, Write};

use lifeboat_layout::disks::Disk;
use lifeboat_layout::model::Model;
use lifeboat_layout::plan::{Grow, Mirrors, Seed, Settings};

use crate::terminal::{PREVIOUS, Screen, Terminal};
use crate::{MenuError, report};

const DISKS: u16 = 1;
const SHRINK: u16 = 2;
const GROW: u16 = 3;
const MIRRORS: u16 = 4;
const BOOT_DISK: u16 = 5;
const IDENTITY: u16 = 6;
const MAPS: u16 = 7;
const CONTINUE: u16 = 0;

const HELP: &str = "  1  chooses the disks that are written anew. Without a choice Lifeboat takes
     those that the backup came from, or empty ones, and says why.
  2  makes file systems only as big as their content needs.
  3  lets file systems grow into the room of larger disks: all of them in
     proportion, or the last one.
  4  keeps one copy of everything that was mirrored, to install on fewer disks.
  5  puts PReP and /boot on a disk of their own, for firmware that cannot boot
     from the others. Without a choice Lifeboat does so where it must.
  6  gives every file system a new UUID, for a clone beside its source.
  7  places logical volumes as they lay on the source, on disks of the same
     size. It is there only where the backup holds physical maps (mksysb -m).
  0  shows the plan. Nothing is written before you agree to it.";

const DISK_HELP: &str =
    "  Type the number of a disk to choose it, the same number again to take the
  choice back; without one, Lifeboat chooses. ALL DATA on the chosen disks will
  be destroyed; other disks are not touched.";

/// No random bytes.
#[derive(Debug, thiserror::Error)]
#[error("0590-726 No random bytes for new UUIDs")]
struct NoSeed(#[source] std::io::Error);

/// Lets the operator change settings; `false` for *Previous Menu*.
pub fn choose<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    settings: &mut Settings,
    disks: &[Disk],
    model: &Model,
) -> Result<bool, MenuError> {
    let policy = model.policy;
    loop {
        match terminal.choose(&screen(settings, disks, model))? {
            DISKS => choose_disk(terminal, settings, disks)?,
            SHRINK => settings.shrink = Some(!settings.shrink.unwrap_or(policy.shrink)),
            GROW => settings.grow = next_growth(settings.grow),
            MIRRORS => settings.mirrors = other(settings.mirrors),
            BOOT_DISK => {
                settings.boot_disk = next_disk(settings.boot_disk.as_deref(), disks);
            }
            IDENTITY => match new_identity(settings.new_identity) {
                Ok(identity) => settings.new_identity = identity,
                Err(error) => report(terminal, &NoSeed(error))?,
            },
            MAPS if model.has_maps() => {
                settings.use_maps = Some(!settings.follows_maps(model));
            }
            PREVIOUS => return Ok(false),
            _ => return Ok(true),
        }
    }
}

fn next_growth(grow: Grow) -> Grow {
    match grow {
        Grow::No => Grow::Proportional,
        Grow::Proportional => Grow::Last,
        Grow::Last => Grow::No,
    }
}

fn other(mirrors: Mirrors) -> Mirrors {
    match mirrors {
        Mirrors::Keep => Mirrors::Break,
        Mirrors::Break => Mirrors::Keep,
    }
}

/// The disk after this one; none after the last.
fn next_disk(present: Option<&str>, disks: &[Disk]) -> Option<String> {
    let at = disks
        .iter()
        .position(|disk| Some(disk.name.as_str()) == present);
    let next = disks.get(at.map_or(0, |at| at + 1));
    next.map(|disk| disk.name.clone())
}

fn new_identity(present: Option<Seed>) -> std::io::Result<Option<Seed>> {
    match present {
        Some(_) => Ok(None),
        None => Seed::draw().map(Some),
    }
}

fn screen(settings: &Settings, disks: &[Disk], model: &Model) -> Screen {
    let named = |names: &[String]| {
        let chosen = disks.iter().filter(|disk| names.contains(&disk.name));
        let chosen: Vec<String> = chosen.map(ToString::to_string).collect();
        chosen.join("; ")
    };
    let target = match settings.disks.as_slice() {
        [] => "chosen by Lifeboat".to_owned(),
        names => named(names),
    };
    let boot = match &settings.boot_disk {
        None => "chosen by Lifeboat".to_owned(),
        Some(name) => named(std::slice::from_ref(name)),
    };
    let yes = |yes: bool| if yes { "Yes" } else { "No" }.to_owned();
    let grow = match settings.grow {
        Grow::No => "No",
        Grow::Proportional => "In proportion",
        Grow::Last => "The last one",
    };
    let broken = settings.mirrors == Mirrors::Break;
    let items = [
        (DISKS, "Disk(s) where you want to install", target),
        (
            SHRINK,
            "Shrink File Systems",
            yes(settings.shrink.unwrap_or(model.policy.shrink)),
        ),
        (GROW, "Grow File Systems", grow.to_owned()),
        (MIRRORS, "Break Mirrors", yes(broken)),
        (BOOT_DISK, "Disk for PReP and /boot", boot),
        (
            IDENTITY,
            "New Identity (a clone)",
            yes(settings.new_identity.is_some()),
        ),
    ];
    let maps = yes(settings.follows_maps(model));
    let maps = model.has_maps().then_some((MAPS, "Use Maps", maps));
    let items = items.into_iter().chain(maps);
    let mut items: Vec<_> = items
        .map(|(number, what, value)| {
            let what = format!("{what} ");
            (number, format!("{what:.<37} {value}"))
        })
        .collect();
    items.push((CONTINUE, "Continue with the settings listed above".into()));
    Screen {
        title: "System Backup Installation and Settings".into(),
        text: Vec::new(),
        items,
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
        if settings.disks.contains(&disk.name) {
            settings.disks.retain(|name| *name != disk.name);
        } else {
            settings.disks.push(disk.name.clone());
        }
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
        text: vec!["ALL DATA on the disks that you choose will be DESTROYED.".into()],
        items,
        default: CONTINUE,
        help: DISK_HELP.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_layout::model::LogicalVolume;

    #[test]
    fn maps_are_offered_where_there_are_any() {
        let maps = |settings: &Settings, model: &Model| {
            let items = screen(settings, &[], model).items.into_iter();
            let mut found = items.filter(|(number, _)| *number == MAPS);
            found.next().map(|(_, text)| text.ends_with(" Yes"))
        };
        let mut model = Model::default();
        let (none, yes) = (
            Settings::default(),
            Settings {
                use_maps: Some(true),
                ..Settings::default()
            },
        );
        assert_eq!(maps(&yes, &model), None);
        model.volumes.push(LogicalVolume {
            map_file: Some("/x.map".into()),
            ..LogicalVolume::linear("rootvg", "hd4", 1)
        });
        assert_eq!(maps(&none, &model), Some(false));
        assert_eq!(maps(&yes, &model), Some(true));
        model.policy.exact_fit = true;
        assert_eq!(maps(&none, &model), Some(true));
    }
}
