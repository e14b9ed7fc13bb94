//! `lifeboat`: system backups, and the way back from them.
//!
//! One binary with many names: `lifeboat mksysb …`, or a link called `mksysb`.
//! Every command is a file here and a line in `commands`. That this is a library
//! lets the generator of manual pages read [`command`] and [`manual`]; nothing else
//! uses it.

mod bootlist;
mod cfgmgr;
mod commands;
mod first_boot;
mod logging;
mod lsmksysb;
pub mod manual;
mod menu;
mod mkdvd;
mod mksysb;
mod mkszfile;
mod progress;
mod stop;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;

/// System backup and recovery for Linux on Power
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version, term_width = 80)]
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
    let matches = for_name(&arguments).get_matches_from(arguments);
    let result = match Cli::from_arg_matches(&matches) {
        Ok(cli) => run(&cli.command),
        Err(error) => error.exit(),
    };
    match result {
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
    command().multicall(name.is_some_and(is_command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_fits_80_columns() {
        command().debug_assert();
        let mut all = vec![command()];
        all.extend(command().get_subcommands().cloned());
        for command in all {
            let help = command.term_width(80).render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}");
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
        let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
        let matches = for_name(&arguments).try_get_matches_from(arguments)?;
        Cli::from_arg_matches(&matches).map(|cli| cli.command)
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
