//! *Access a Root Volume Group*: choose an installed system, and a shell for it.

use std::io::{BufRead, Write};

use lifeboat_restore::access::find::{Found, Installed, installed};
use lifeboat_restore::access::mount::{Accessed, mount_all, switch_on};
use lifeboat_restore::access::{AccessError, ROOT};

use crate::shell::on_terminal;
use crate::terminal::{PREVIOUS, Screen, Terminal, wrap};
use crate::{MenuError, report};

/// The choice that looks for systems again.
const LOOK_AGAIN: u16 = 77;
const INSIDE: u16 = 1;
const OUTSIDE: u16 = 2;
const UNMOUNTED: u16 = 3;

const HELP: &str = "  Each installed system is listed with its host name, its root file system, and
  the disks that it lies on. Encrypted devices are opened in the maintenance
  shell (cryptsetup open DEVICE NAME); then take 77 to look again.";

const SHELL_HELP: &str =
    "  1   mounts the file systems of the system's fstab and starts a shell in the
      system itself, with its own programs. `bosboot -a` makes its boot images
      and boot records anew.
  2   mounts the same below /mnt/root and starts a shell of the rescue image.
      `bosboot -a` works there, too.
  3   only makes the devices available: for fsck and xfs_repair.
  At the end of the shell everything is unmounted and switched off again.";

/// Walks through the screens; comes back when the operator does.
pub fn run<R: BufRead, W: Write>(terminal: &mut Terminal<R, W>) -> Result<(), MenuError> {
    loop {
        terminal.line("Looking for installed systems ...")?;
        let found = match installed() {
            Ok(found) => found,
            Err(error) => return Ok(report(terminal, &error)?),
        };
        match terminal.choose(&systems(&found))? {
            PREVIOUS => return Ok(()),
            LOOK_AGAIN => {}
            number => {
                if let Some(system) = found.systems.get(usize::from(number) - 1)
                    && let Err(error) = access(terminal, system)?
                {
                    report(terminal, &error)?;
                }
            }
        }
    }
}

fn systems(found: &Found) -> Screen {
    let mut items: Vec<(u16, String)> = (1u16..).zip(found.systems.iter().map(label)).collect();
    let default = if items.is_empty() { LOOK_AGAIN } else { 1 };
    items.push((LOOK_AGAIN, "Look again".into()));
    let mut text = Vec::new();
    if found.systems.is_empty() {
        text.push("0590-864 No installed system was found on the disks of this machine.".into());
    }
    if !found.encrypted.is_empty() {
        let line = format!(
            "Encrypted, and not looked into: {}",
            found.encrypted.join(", ")
        );
        text.extend(wrap(&line).lines().map(str::to_owned));
    }
    Screen {
        title: "Access a Root Volume Group".into(),
        text,
        items,
        default,
        help: HELP.into(),
    }
}

/// One entry: what and where, and on further lines the disks and what is wrong.
fn label(system: &Installed) -> String {
    let Installed { name, host, .. } = system;
    let mut lines = format!("{host}: {name}\n{}", place(system));
    if system.unfinished {
        lines.push_str("\nA RESTORE OF THIS SYSTEM DID NOT END: it is not complete.");
    }
    lines.replace('\n', "\n        ")
}

fn place(system: &Installed) -> String {
    let Installed { device, disks, .. } = system;
    let place = match &system.group {
        Some(group) => format!("volume group {group}, root {device}"),
        None => format!("root {device}"),
    };
    std::iter::once(place)
        .chain(disks.iter().cloned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The second screen, the shell, and back.
fn access<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    system: &Installed,
) -> Result<Result<(), AccessError>, MenuError> {
    let choice = terminal.choose(&ways(system))?;
    let opened = match choice {
        PREVIOUS => return Ok(Ok(())),
        UNMOUNTED => switch_on(system),
        _ => mount_all(system),
    };
    let mut accessed = match opened {
        Ok(accessed) => accessed,
        Err(error) => return Ok(Err(error)),
    };
    for note in &accessed.notes {
        terminal.line(&wrap(note))?;
    }
    let place = match choice {
        INSIDE => "This is the installed system.".to_owned(),
        OUTSIDE => format!("The installed system is below {ROOT}."),
        _ => format!(
            "Nothing is mounted; the root file system is {}.",
            system.device
        ),
    };
    terminal.line(&format!("{place} Type exit to come back to the menu."))?;
    let ended = on_terminal(&accessed.shell(choice == INSIDE));
    let released = release(terminal, &mut accessed)?;
    ended?;
    Ok(released)
}

/// Lets the system go; what is busy is said, and tried again when the operator says so.
fn release<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    accessed: &mut Accessed,
) -> Result<Result<(), AccessError>, MenuError> {
    let mut tried = accessed.release();
    if let Err(error) = &tried {
        report(terminal, error)?;
        terminal.line("A shell to look for what uses it. Type exit to try again.")?;
        on_terminal(&accessed.shell(false))?;
        tried = accessed.release();
    }
    if tried.is_ok() {
        terminal.line("Everything is unmounted and switched off.")?;
    }
    Ok(tried)
}

fn ways(system: &Installed) -> Screen {
    let mut text = vec![format!("{}: {}", system.host, system.name)];
    text.extend(place(system).lines().map(str::to_owned));
    if system.unfinished {
        text.push(String::new());
        text.push(
            "0590-865 A restore of this system did not end. Files are missing; installing".into(),
        );
        text.push("again completes it.".into());
    }
    let shell = "Access this Volume Group and start a shell";
    Screen {
        title: "Volume Group Information".into(),
        text,
        items: vec![
            (INSIDE, format!("{shell} in the installed system")),
            (OUTSIDE, format!("{shell} of the rescue image")),
            (UNMOUNTED, format!("{shell} before mounting filesystems")),
        ],
        default: if system.unfinished { PREVIOUS } else { INSIDE },
        help: SHELL_HELP.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::WIDTH;

    fn system(unfinished: bool) -> Installed {
        Installed {
            name: "Debian GNU/Linux 13 (trixie)".into(),
            host: "web1".into(),
            device: "/dev/mapper/rootvg-hd4".into(),
            kind: "ext4".into(),
            options: String::new(),
            group: Some("rootvg".into()),
            disks: vec!["hdisk0 (vda, 8192 MB)".into()],
            unfinished,
        }
    }

    fn shown(screen: &Screen) -> String {
        let mut output = Vec::new();
        let mut terminal = Terminal::new(&b"88\n99\n"[..], &mut output);
        assert_eq!(terminal.choose(screen).unwrap(), PREVIOUS);
        let text = String::from_utf8(output).unwrap();
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        text
    }

    #[test]
    fn systems_are_listed_with_their_disks() {
        let found = Found {
            systems: vec![system(false), system(true)],
            encrypted: vec!["/dev/vdb3".into()],
        };
        let text = shown(&systems(&found));
        assert!(
            text.contains(">>> 1 web1: Debian GNU/Linux 13 (trixie)\n"),
            "{text}"
        );
        assert!(text.contains("volume group rootvg, root /dev/mapper/rootvg-hd4\n"));
        assert_eq!(text.matches("DID NOT END").count(), 1);
        assert!(text.contains("not looked into: /dev/vdb3"));
        assert!(shown(&systems(&Found::default())).contains("0590-864"));
    }

    #[test]
    fn what_is_not_complete_is_not_the_default() {
        assert!(shown(&ways(&system(false))).contains(">>> 1 Access this Volume Group"));
        let text = shown(&ways(&system(true)));
        assert!(
            text.contains("0590-865") && text.contains(">>> 99"),
            "{text}"
        );
    }
}
