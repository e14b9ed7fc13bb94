//! `lifeboat`: system backups, and the way back from them.
//!
//! One binary with many names: `lifeboat mksysb …`, or a link called `mksysb`.
//! Every command is a file here and a line in `commands`. That this is a library
//! lets the generator of manual pages read [`command`] and [`manual`]; nothing else
//! uses it.

mod accessed;
mod auto_backup;
mod backup;
mod bootinfo;
mod bootlist;
mod bosboot;
mod cfgmgr;
mod commands;
mod devinstall;
mod disk_name;
mod first_boot;
mod groups;
mod help;
mod input;
mod list;
mod logging;
mod lscfg;
mod lsdev;
mod lslv;
mod lsmksysb;
mod lspv;
mod lsvg;
pub mod manual;
mod menu;
mod mkdvd;
mod mksysb;
mod mkszfile;
mod mkvgdata;
mod out;
mod progress;
mod rda;
mod refused;
mod restore;
mod restore_plan;
mod restvg;
mod savevg;
mod stop;
mod take;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;

/// System backup and recovery for Linux on Power
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The whole command line: `lifeboat` with a subcommand for each command.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command that the arguments of this process name.
///
/// The exit status is 0 when all went as asked, 1 when something did not, and 2
/// when the command line was not understood.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let command = match parse(&arguments) {
        Ok(command) => command,
        Err(error) => return misunderstood(&arguments, &error),
    };
    match run(&command) {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error:#}");
            eprintln!("lifeboat: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[OsString]) -> Result<Command, clap::Error> {
    let matches = for_name(arguments).try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches).map(|cli| cli.command)
}

/// Says what is wrong with the command line; or prints the help that it asks for.
fn misunderstood(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    let mut words = arguments
        .iter()
        .filter_map(|word| Path::new(word).file_name());
    let command = words
        .find_map(|word| word.to_str().filter(|name| *name != "lifeboat"))
        .unwrap_or_default();
    match refused::sentence(command, error) {
        Some(sentence) => eprintln!("lifeboat: {sentence}"),
        // There is nobody to tell that telling failed.
        None => drop(error.print()),
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Menu(_) => logging::to_file(menu::LOG)?,
        _ => logging::to_stderr(),
    }
    command.run()
}

/// The command line of the name that the binary was started by: a link named after
/// a command is that command, any other name is `lifeboat`.
fn for_name(arguments: &[OsString]) -> clap::Command {
    let name = arguments.first().and_then(|arg| Path::new(arg).file_name());
    let is_command = |name: &std::ffi::OsStr| {
        name.to_str()
            .is_some_and(|name| command().find_subcommand(name).is_some())
    };
    // Multicall: the first word is the command's, not the program's.
    help::wrapped(command()).multicall(name.is_some_and(is_command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_fits_80_columns() {
        let command = help::wrapped(command());
        command.clone().debug_assert();
        let mut all = vec![command.clone()];
        all.extend(command.get_subcommands().cloned());
        for mut command in all {
            for help in [command.render_help(), command.render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= 80, "{line}");
                }
            }
        }
    }

    #[test]
    fn commands_are_listed_sorted() {
        let names: Vec<_> = command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    fn parse(words: &[&str]) -> Result<Command, clap::Error> {
        super::parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_link_is_its_command() {
        for words in [
            &["/usr/bin/lsmksysb", "-f", "x"][..],
            &["/bin/lifeboat", "lsmksysb", "-f", "x"],
            &["lifeboat-test", "lsmksysb", "-f", "x"],
        ] {
            let found = parse(words).unwrap();
            assert!(matches!(found, Command::Lsmksysb(_)), "{words:?}");
        }
        let help = parse(&["lsmksysb", "--help"]).unwrap_err().to_string();
        assert!(help.contains("Usage: lsmksysb "), "{help}");
    }
}
