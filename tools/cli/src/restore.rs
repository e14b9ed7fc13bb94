//! `lifeboat restore`: AIX's command for archives of files by name.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgGroup};

use crate::input::{Place, blocks};
use crate::list;
use crate::restore_plan::{self, Wishes};
use crate::take::{Wish, take};

/// Restore files from a backup, or list them
///
/// Files are restored below the current directory: -x with names brings those files,
/// and with a directory what is in it; without names everything comes. Files that are
/// there already are replaced, each in one step when its new content is complete. A
/// symbolic link in a backup never leads a file out of the current directory.
///
/// With --plan the whole system is meant: the plan says which disks of this machine
/// would be written and what they would get, with every size that changes.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("mode").required(true).args(["extract", "list", "plan"]))]
#[command(args = [
    always("directories", 'd', "Directories come with what is in them, as they always do"),
    always("holes", 'e', "Holes of files stay holes, as they always do"),
    always("quiet", 'q', "Read without waiting for Enter, as always"),
])]
pub struct Args {
    /// Restore files
    #[arg(short = 'x')]
    extract: bool,

    /// List files; with -v also their kind, permissions and size
    #[arg(short = 'T')]
    list: bool,

    /// Show what restoring the whole system onto this machine would do; writes nothing
    #[arg(long)]
    plan: bool,

    #[command(flatten)]
    wishes: Wishes,

    /// The backup: a file, a disk, a tape drive, or - for standard input
    #[arg(short = 'f', value_name = "FILE")]
    file: PathBuf,

    /// Blocks of 512 bytes in a record of the tape
    #[arg(short = 'b', value_name = "NUMBER", value_parser = blocks())]
    blocks: Option<u32>,

    /// Files get the time of the restore, not the one they had
    #[arg(short = 'M', requires = "extract")]
    now: bool,

    /// No access control lists and other extended attributes
    #[arg(short = 'n', requires = "extract")]
    no_attributes: bool,

    /// The file of the tape, counted from 1
    #[arg(short = 's', value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    number: Option<u32>,

    /// With -x: name the files; with -T: kind, permissions and size too
    #[arg(short = 'v')]
    verbose: bool,

    /// The files to restore, as the list shows them
    #[arg(value_name = "NAME", requires = "extract")]
    names: Vec<OsString>,
}

/// A flag of AIX that asks for what is done in any case.
fn always(name: &'static str, letter: char, help: &'static str) -> Arg {
    Arg::new(name)
        .short(letter)
        .action(ArgAction::SetTrue)
        .help(help)
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let place = Place {
        path: args.file.clone(),
        blocks: args.blocks,
        number: args.number,
    };
    let input = place.open()?;
    if args.plan {
        return restore_plan::run(&input, &args.wishes);
    }
    if args.list {
        let style = if args.verbose {
            list::Style::Long
        } else {
            list::Style::Name
        };
        list::print(&input.manifest()?, style)?;
        return Ok(ExitCode::SUCCESS);
    }
    let wish = Wish {
        directory: ".".into(),
        names: args.names.clone(),
        attributes: !args.no_attributes,
        times: !args.now,
        verbose: args.verbose,
    };
    take(input, wish)
}
