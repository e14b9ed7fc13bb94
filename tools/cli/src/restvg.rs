//! `lifeboat restvg`: a volume group other than the system's, from its backup.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use lifeboat_archive::ExtractOptions;
use lifeboat_layout::plan::{GroupPlan, GroupSettings};
use lifeboat_restore::group::prepare::{check_files, description, make_plan, model};
use lifeboat_restore::group::run::{self, Alone, Files};
use lifeboat_restore::prepare::older_maps;
use lifeboat_restore::run::Observer;
use nix::unistd::geteuid;

use crate::input::{Input, Place, blocks};
use crate::lsmksysb::{Form, summary};
use crate::out;
use crate::progress::Progress;
use crate::stop;

/// Columns of the plan.
const WIDTH: usize = 79;

/// Restore a volume group that `savevg` has saved
///
/// The volume group, its logical volumes and file systems are made anew on the disks
/// named, each a physical volume as a whole; without names, on the disks that it had,
/// or on empty ones. What will be written is shown, and a question is asked first.
/// Disks that hold data are only taken when they are named.
#[derive(Debug, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a command line is a row of flags"
)]
pub struct Args {
    /// Blocks of 512 bytes in a record of the tape
    #[arg(short = 'b', value_name = "NUMBER", value_parser = blocks())]
    blocks: Option<u32>,

    /// Follow this description of the volume group, not the one in the backup
    #[arg(short = 'd', value_name = "DATAFILE")]
    data_file: Option<PathBuf>,

    /// The backup: a file, a disk, a tape drive, or - for standard input
    #[arg(short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,

    /// Show the volume group in the backup, and restore nothing
    #[arg(short = 'l', conflicts_with_all = ["data_file", "structure_only", "disks"])]
    list: bool,

    /// Ask nothing
    #[arg(short = 'q')]
    quiet: bool,

    /// Make volume group and file systems, and restore no files
    #[arg(short = 'r')]
    structure_only: bool,

    /// Make file systems only as big as their content needs
    #[arg(short = 's')]
    shrink: bool,

    /// Place logical volumes anew, though the backup has physical maps (`savevg -m`)
    #[arg(short = 'n')]
    no_maps: bool,

    /// Another size of physical partitions, in MB
    #[arg(short = 'P', value_name = "MB")]
    partition_size: Option<u64>,

    /// The disks to be written, by name: `hdisk1` or `vdb`
    #[arg(value_name = "DISK")]
    disks: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let input = args.open()?;
    if let Some(input) = input.as_ref().filter(|_| args.list) {
        summary::print(input, Form::Aligned)?;
        return Ok(ExitCode::SUCCESS);
    }
    let inside = input
        .as_ref()
        .map_or(&[][..], |input| &input.summary().image);
    let text = description(args.data_file.as_deref(), inside)?;
    // A description on this system has its maps there too, not in the backup.
    let inside = input.as_ref().filter(|_| args.data_file.is_none());
    let mut model = model(&text, inside.map(Input::summary))?;
    if let Some(Input::File(backup)) = inside {
        older_maps(&mut model, backup);
    }
    ensure!(
        geteuid().is_root(),
        "0590-780 Only root can restore a volume group"
    );
    let input = input.filter(|_| !args.structure_only);
    // Held to the end.
    let alone = Alone::take()?;
    let missing = match &input {
        Some(Input::File(backup)) => check_files(backup, &model)?,
        _ => Vec::new(),
    };
    let plan = make_plan(&model, &args.settings())?;
    for line in plan.lines(WIDTH) {
        eprintln!("{line}");
    }
    if !missing.is_empty() {
        eprintln!("\nNot in the backup, made empty: {}", missing.join(", "));
    }
    if !args.agreed(&plan)? {
        eprintln!("Nothing was written.");
        return Ok(ExitCode::FAILURE);
    }
    let mut watcher = Watcher { progress: None };
    let files = input.map(files).transpose()?;
    let verdict = run::run(&plan, files, &alone, &mut watcher);
    watcher.end();
    out::line(&verdict.text())?;
    Ok(if verdict.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Args {
    fn open(&self) -> Result<Option<Input>> {
        let Some(path) = self.file.clone() else {
            ensure!(
                self.data_file.is_some() && self.structure_only,
                "0590-781 Name the backup with -f; only -r with -d can do without"
            );
            return Ok(None);
        };
        let place = Place {
            path,
            blocks: self.blocks,
            number: None,
        };
        place.open().map(Some)
    }

    fn settings(&self) -> GroupSettings {
        GroupSettings {
            disks: self.disks.clone(),
            shrink: self.shrink.then_some(true),
            extent_mb: self.partition_size,
            maps: !self.no_maps,
        }
    }

    /// Whether the plan may be carried out.
    fn agreed(&self, plan: &GroupPlan) -> Result<bool> {
        if self.quiet {
            return Ok(true);
        }
        if !stdin().is_terminal() {
            bail!(
                "0590-782 Nobody can be asked, for there is no terminal; -q restores without a question"
            );
        }
        eprint!(
            "\nRestore volume group {} onto these disks? (1=Yes, 0=No) [0]: ",
            plan.group.name
        );
        stderr().flush()?;
        let mut answer = String::new();
        stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == "1")
    }
}

/// The files of a backup, for the restore. A signal ends it before the next file, and
/// what was mounted is let go.
fn files(input: Input) -> Result<Files<'static>> {
    let options = ExtractOptions {
        stop: Some(stop::on_signals(stop::Again::EndsAtOnce)?),
        ..ExtractOptions::default()
    };
    Ok(match input {
        Input::File(backup) => Files {
            total: Some(backup.totals().bytes_raw),
            extract: Box::new(move |root, progress| backup.extract(root, &options, progress)),
        },
        Input::Stream(incoming) => Files {
            total: None,
            extract: Box::new(move |root, progress| incoming.extract(root, &options, progress)),
        },
    })
}

/// Shows steps and progress on standard error.
struct Watcher {
    progress: Option<Progress>,
}

impl Watcher {
    fn end(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.end();
        }
    }
}

impl Observer for Watcher {
    fn begin(&mut self, what: &str) {
        self.end();
        eprintln!("  now: {what}");
    }

    fn progress(&mut self, done: u64, total: Option<u64>) {
        self.progress
            .get_or_insert_with(Progress::on_stderr)
            .show(done, total);
    }
}
