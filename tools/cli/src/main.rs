//! `lifeboat`: system backups, and the way back from them.
//!
//! One binary with many names: `lifeboat mksysb …`, or a link called `mksysb`.

mod bootlist;
mod cfgmgr;
mod first_boot;
mod logging;
mod lsmksysb;
mod menu;
mod mksysb;
mod progress;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// System backup and recovery for Linux on Power
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version, term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bootlist(bootlist::Args),
    Cfgmgr(cfgmgr::Args),
    FirstBoot(first_boot::Args),
    Lsmksysb(lsmksysb::Args),
    Menu(menu::Args),
    Mksysb(mksysb::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(arguments(std::env::args_os().collect()));
    match run(&cli.command) {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error:#}");
            eprintln!("lifeboat: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Menu(_) => logging::to_file(menu::LOG)?,
        _ => logging::to_stderr(),
    }
    match command {
        Command::Bootlist(args) => bootlist::run(args),
        Command::Cfgmgr(args) => cfgmgr::run(args),
        Command::FirstBoot(args) => first_boot::run(args),
        Command::Lsmksysb(args) => lsmksysb::run(args),
        Command::Menu(args) => menu::run(args),
        Command::Mksysb(args) => mksysb::run(args),
    }
}

/// A link named after a command is that command: `mksysb x` is `lifeboat mksysb x`.
fn arguments(mut argv: Vec<OsString>) -> Vec<OsString> {
    let name = argv
        .first()
        .and_then(|arg| Path::new(arg).file_name())
        .map(OsString::from);
    if let Some(name) = name.filter(|name| name != "lifeboat") {
        argv.insert(0, "lifeboat".into());
        argv[1] = name;
    }
    argv
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_fits_80_columns() {
        Cli::command().debug_assert();
        let mut all = vec![Cli::command()];
        all.extend(Cli::command().get_subcommands().cloned());
        for command in all {
            let help = command.term_width(80).render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn a_link_is_its_command() {
        let argv = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(
            arguments(argv(&["/usr/bin/mksysb", "f"])),
            argv(&["lifeboat", "mksysb", "f"])
        );
        assert_eq!(
            arguments(argv(&["/bin/lifeboat", "menu"])),
            argv(&["/bin/lifeboat", "menu"])
        );
    }
}
