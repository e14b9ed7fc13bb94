//! `lifeboat lsmksysb`: what a backup holds, whether it is sound, and single files of
//! it. AIX calls the same command `lssavevg` and `listvgbackup` too, and
//! `restorevgfiles` is `listvgbackup -r`.

mod history;
mod installed;
mod overview;
mod packages;
mod print;
pub mod summary;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::input::{Input, Place, blocks};
use crate::list;
use crate::out;
use crate::take::{Wish, take};
pub use print::{Form, Table, VOLUMES};

/// List, summarise, check or restore from a backup
///
/// Without -a, -B, -l, -L, -r or -V the files are listed, with their sizes in bytes.
/// Names of files are printed as one word each: bytes that are not printable, and
/// blanks, stand there as \xNN.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The backup: a file, a disk, a tape drive, or - for standard input
    #[arg(short = 'f', value_name = "FILE", required_unless_present = "log")]
    file: Option<PathBuf>,

    /// Blocks of 512 bytes in a record of the tape
    #[arg(short = 'b', value_name = "NUMBER", value_parser = blocks())]
    blocks: Option<u32>,

    /// Show how long a record of the tape is; with -b, check that
    #[arg(short = 'a', group = "mode")]
    check_record: bool,

    /// The log of the backups that this system has written
    #[arg(short = 'B', groups = ["mode", "table"], conflicts_with_all = ["file", "blocks"])]
    log: bool,

    /// Summary: volume group, dates and sizes, logical volumes
    #[arg(short = 'l', groups = ["mode", "table"])]
    summary: bool,

    /// The packages that were installed
    #[arg(short = 'L', groups = ["mode", "table"])]
    packages: bool,

    /// Restore the files named, or all, below the current directory
    ///
    /// A directory brings what is in it. Files that are there already are replaced.
    #[arg(short = 'r', group = "mode")]
    restore: bool,

    /// Read everything and check every hash
    #[arg(short = 'V', group = "mode")]
    verify: bool,

    /// Say what is done, on standard error
    #[arg(short = 'D')]
    debug: bool,

    /// With -B, -l or -L: fields with colons between them
    ///
    /// A line that begins with # names the fields; a colon in a value is written \:.
    #[arg(short = 'c', requires = "table", conflicts_with = "json")]
    colons: bool,

    /// With -r: restore below this directory
    #[arg(short = 'd', value_name = "DIR", requires = "restore")]
    directory: Option<PathBuf>,

    /// With -r: no access control lists and other extended attributes
    #[arg(short = 'n', requires = "restore")]
    no_attributes: bool,

    /// The backup must be of a volume group other than the system's
    #[arg(short = 's')]
    user_group: bool,

    /// Print JSON: the list, or with -B, -l, -L, -V
    #[arg(long, conflicts_with_all = ["restore", "check_record"])]
    json: bool,

    /// With -r: the files to restore, as the list shows them
    #[arg(value_name = "NAME", requires = "restore")]
    names: Vec<OsString>,
}

/// Restore files from a backup
///
/// A directory brings what is in it; without names everything is restored. Files that
/// are there already are replaced. This is `listvgbackup -r`.
#[derive(Debug, Clone, clap::Args)]
pub struct RestoreArgs {
    /// The backup: a file, a disk, a tape drive, or - for standard input
    #[arg(short = 'f', value_name = "FILE")]
    file: PathBuf,

    /// Blocks of 512 bytes in a record of the tape
    #[arg(short = 'b', value_name = "NUMBER", value_parser = blocks())]
    blocks: Option<u32>,

    /// Show how long a record of the tape is; with -b, check that
    #[arg(short = 'a', conflicts_with_all = ["directory", "no_attributes", "names"])]
    check_record: bool,

    /// Say what is done, on standard error
    #[arg(short = 'D')]
    debug: bool,

    /// Restore below this directory instead of the current one
    #[arg(short = 'd', value_name = "DIR")]
    directory: Option<PathBuf>,

    /// No access control lists and other extended attributes
    #[arg(short = 'n')]
    no_attributes: bool,

    /// The backup must be of a volume group other than the system's
    #[arg(short = 's')]
    user_group: bool,

    /// The files to restore, as `listvgbackup` shows them
    #[arg(value_name = "NAME")]
    names: Vec<OsString>,
}

/// Runs `restorevgfiles`.
pub fn run_restore(args: &RestoreArgs) -> Result<ExitCode> {
    let args = args.clone();
    run(&Args {
        file: Some(args.file),
        blocks: args.blocks,
        check_record: args.check_record,
        log: false,
        summary: false,
        packages: false,
        restore: !args.check_record,
        verify: false,
        debug: args.debug,
        colons: false,
        directory: args.directory,
        no_attributes: args.no_attributes,
        user_group: args.user_group,
        json: false,
        names: args.names,
    })
}

/// Runs `lsmksysb`, by any of its names.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.debug {
        log::set_max_level(log::LevelFilter::Debug);
    }
    // Without a file it is the log: clap has seen to that.
    let Some(file) = &args.file else {
        return history::print(args.form());
    };
    let place = Place {
        path: file.clone(),
        blocks: args.blocks,
        number: None,
    };
    if args.check_record {
        return check_record(&place);
    }
    let input = place.open()?;
    let info = &input.summary().info;
    log::debug!("written by {} on kernel {}", info.tool, info.kernel);
    if args.user_group {
        ensure_user_group(&input)?;
    }
    if args.verify {
        return verify::verify(input, args.json);
    }
    if args.restore {
        return take(input, args.wish());
    }
    if args.summary {
        summary::print(&input, args.form())?;
    } else if args.packages {
        installed::print(input, args.form())?;
    } else {
        let style = if args.json {
            list::Style::Json
        } else {
            list::Style::Size
        };
        list::print(&input.manifest()?, style)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn form(&self) -> Form {
        if self.json {
            Form::Json
        } else if self.colons {
            Form::Colons
        } else {
            Form::Aligned
        }
    }

    fn wish(&self) -> Wish {
        Wish {
            directory: self.directory.clone().unwrap_or_else(|| ".".into()),
            names: self.names.clone(),
            attributes: !self.no_attributes,
            times: true,
            verbose: false,
        }
    }
}

fn ensure_user_group(input: &Input) -> Result<()> {
    let overview = overview::Overview::of(&summary::image(input)?);
    ensure!(
        !overview.whole_system,
        "0590-736 {} is the backup of a system, not of another volume group: leave -s out",
        input.name().display()
    );
    Ok(())
}

fn check_record(place: &Place) -> Result<ExitCode> {
    let length = place.record_length()?;
    let blocks = length.div_ceil(512);
    out::line(&format!("{length} bytes a record: -b {blocks}"))?;
    let right = place.blocks.is_none_or(|wanted| wanted as usize == blocks);
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
