//! The first screen: *Welcome to Lifeboat*.

use std::io::{BufRead, Write, stdin};

use lifeboat_sys::run::Tool;
use nix::sys::termios::{SetArg, tcgetattr, tcsetattr};

use crate::terminal::{PREVIOUS, Screen, Terminal, TerminalError};
use crate::{MenuError, install, power, unattended};

const INSTALL: u16 = 1;
const SHELL: u16 = 2;
const POWER: u16 = 3;

const HELP: &str = "  1  looks for system backups on CDs and disks, shows what is on them, and
     restores one onto a disk of this machine. Nothing is written before you
     have seen the plan and agreed.
  2  gives a shell with lvm, fsck, mount and an editor (vi). `exit` comes back.
  3  leaves the rescue image.";

/// Shows the welcome screen until the machine goes down. With `auto`, or where
/// the `bosinst.data` of the boot medium says `PROMPT = no`, installs first.
///
/// # Errors
/// When the console is gone.
pub fn run<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    auto: bool,
) -> Result<(), MenuError> {
    unattended::run(terminal, auto)?;
    let screen = Screen {
        title: "Welcome to Lifeboat".into(),
        text: vec![
            format!("{:^80}", "Installation and Maintenance")
                .trim_end()
                .into(),
        ],
        items: vec![
            (INSTALL, "Install from a System Backup".into()),
            (SHELL, "Start a Maintenance Shell".into()),
            (POWER, "Restart or Power Off".into()),
        ],
        default: INSTALL,
        help: HELP.into(),
    };
    loop {
        match terminal.choose(&screen)? {
            INSTALL => install::run(terminal)?,
            SHELL => shell(terminal)?,
            POWER => power::choose(terminal)?,
            PREVIOUS => terminal.line("This is the first menu.")?,
            _ => {}
        }
    }
}

fn shell<R: BufRead, W: Write>(terminal: &mut Terminal<R, W>) -> Result<(), MenuError> {
    terminal.line("Maintenance shell. Type exit to come back to the menu.")?;
    // A program that dies in the shell may leave the line without echo.
    let before = tcgetattr(stdin()).ok();
    let status = Tool::new("/bin/sh")
        .arg("-l")
        .attached()
        .map_err(MenuError::Shell)?;
    log::info!("maintenance shell: {status}");
    if let Some(before) = before {
        tcsetattr(stdin(), SetArg::TCSADRAIN, &before)
            .map_err(|errno| TerminalError::Io(errno.into()))?;
    }
    Ok(())
}
