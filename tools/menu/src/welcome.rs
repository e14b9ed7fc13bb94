//! The first screen: *Welcome to Lifeboat*.

use std::io::{BufRead, Write};

use lifeboat_sys::run::Tool;

use crate::shell::on_terminal;
use crate::terminal::{PREVIOUS, Screen, Terminal};
use crate::{MenuError, access, install, power, unattended};

const INSTALL: u16 = 1;
const ACCESS: u16 = 2;
const SHELL: u16 = 3;
const POWER: u16 = 4;

const HELP: &str = "  1  looks for system backups on CDs and disks, shows what is on them, and
     restores one onto a disk of this machine. Nothing is written before you
     have seen the plan and agreed.
  2  mounts a system that is installed here and gives a shell in it, to repair
     what does not boot: `bosboot -a` there makes its boot images and boot
     records anew.
  3  gives a shell with lvm, fsck, mount and an editor (vi). `exit` comes back.
  4  leaves the rescue image.";

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
            (ACCESS, "Access a Root Volume Group".into()),
            (SHELL, "Start a Maintenance Shell".into()),
            (POWER, "Restart or Power Off".into()),
        ],
        default: INSTALL,
        help: HELP.into(),
    };
    loop {
        match terminal.choose(&screen)? {
            INSTALL => install::run(terminal)?,
            ACCESS => access::run(terminal)?,
            SHELL => shell(terminal)?,
            POWER => power::choose(terminal)?,
            PREVIOUS => terminal.line("This is the first menu.")?,
            _ => {}
        }
    }
}

fn shell<R: BufRead, W: Write>(terminal: &mut Terminal<R, W>) -> Result<(), MenuError> {
    terminal.line("Maintenance shell. Type exit to come back to the menu.")?;
    on_terminal(&Tool::new("/bin/sh").arg("-l"))
}
