//! `lifeboat mksysb`: write a system backup.

mod tell;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args as _, FromArgMatches as _};
use lifeboat_archive::CreateOptions;
use lifeboat_backup::target::{DEFAULT_BLOCKS, Target};
use lifeboat_backup::{ImageData, Report, Request, Snapshots, What, preview, run as back_up};
use lifeboat_layout::system::Wanted;

use crate::{mkdvd, stop};
use tell::Teller;

/// Write a backup of the running system
///
/// In the backup are the mounted file systems of the root volume group: those that
/// hold /, /boot, /usr, /var, /home, /opt. Files are read from snapshots of their
/// logical volumes where the volume group has free extents for them.
///
/// TARGET is a file, which appears under its name only when it is complete; a
/// directory, in which the file is named after the system and the time; a tape
/// drive; or - for standard output.
#[derive(Debug, Clone, clap::Args)]
#[command(verbatim_doc_comment)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a command line is a row of flags"
)]
pub struct Args {
    /// Make /image.data and /bosinst.data first
    #[arg(short = 'i')]
    image: bool,

    /// The same, with the maps of the logical volumes
    #[arg(short = 'm')]
    maps: bool,

    /// Leave out what /etc/exclude.rootvg matches
    #[arg(short = 'e')]
    exclude: bool,

    /// Enlarge work space if needed: snapshots always are
    #[arg(short = 'X')]
    expand: bool,

    /// Do not compress
    #[arg(short = 'p')]
    no_pack: bool,

    /// Leave out extended attributes, ACLs, inode flags
    #[arg(short = 'a')]
    no_attributes: bool,

    /// List the files while they are written
    #[arg(short = 'v')]
    list: bool,

    /// Read everything back at the end
    #[arg(short = 'V')]
    verify: bool,

    /// Leave out the file systems that this file lists
    #[arg(short = 'x', value_name = "FILE")]
    without: Option<PathBuf>,

    /// Do not compress what this file's patterns match
    #[arg(short = 'P', value_name = "FILE")]
    unpacked: Option<PathBuf>,

    /// Blocks of 512 bytes in a tape record
    #[arg(short = 'b', value_name = "N", default_value_t = DEFAULT_BLOCKS)]
    blocks: u32,

    /// Insist on snapshots of all logical volumes
    #[arg(short = 'T')]
    snapshots: bool,

    /// Take no snapshots: read files while they are in use
    #[arg(long, conflicts_with = "snapshots")]
    no_snapshots: bool,

    /// Only say what would be in the backup, and what not
    #[arg(long)]
    dry_run: bool,

    /// Write a bootable CD image with the backup on it: TARGET is the image
    #[arg(long, conflicts_with_all = ["dry_run", "json"])]
    iso: bool,

    /// Tell the outcome as JSON
    #[arg(long)]
    json: bool,

    /// MiB of files in memory at most
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,

    /// Threads that compress; all processors unless given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Back up this directory instead, as somebody's /
    #[arg(
        long,
        value_name = "DIR",
        requires = "image_data",
        requires = "bosinst_data",
        conflicts_with_all = ["image", "maps", "snapshots", "no_snapshots", "without"]
    )]
    tree: Option<PathBuf>,

    /// Description of the disks of --tree
    #[arg(long, value_name = "FILE", requires = "tree")]
    image_data: Option<PathBuf>,

    /// Settings for an installation of --tree
    #[arg(long, value_name = "FILE", requires = "tree")]
    bosinst_data: Option<PathBuf>,

    /// Where the backup goes
    #[arg(value_name = "TARGET", required_unless_present = "dry_run")]
    target: Option<OsString>,
}

impl Args {
    /// The arguments as another command gives them.
    pub fn from_words(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("mksysb")).no_binary_name(true);
        Self::from_arg_matches(&command.try_get_matches_from(words)?)
    }

    /// The same backup as this file, read back at the end.
    pub fn verified_into(&self, file: PathBuf) -> Self {
        Self {
            target: Some(file.into()),
            verify: true,
            ..self.clone()
        }
    }

    /// The same backup as a new file in this directory.
    pub fn in_directory(&self, directory: PathBuf) -> Self {
        Self {
            target: Some(directory.into()),
            iso: false,
            ..self.clone()
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if let (true, Some(image)) = (args.iso, &args.target) {
        return mkdvd::of_new_backup(args, Path::new(image));
    }
    if args.dry_run {
        let request = request(args)?;
        let teller = Teller::new(args.list, args.json, false);
        let preview = preview(&request, &teller)?;
        tell::preview(&preview, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    complete(&write(args)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the backup, and tells about it.
pub fn write(args: &Args) -> Result<Report> {
    let request = request(args)?;
    let on_stdout = request.target == Target::Stdout;
    let teller = Teller::new(args.list, args.json, on_stdout);
    let report = back_up(&request, &teller);
    teller.end();
    let report = report?;
    tell::findings(&report, args.list);
    tell::report(&report, args.json, on_stdout)?;
    Ok(report)
}

/// Only a backup with everything that was asked for is a success.
pub fn complete(report: &Report) -> Result<()> {
    ensure!(
        report.is_complete(),
        "0590-713 {} things are not in the backup as they should be; they are named above",
        report.failures()
    );
    Ok(())
}

fn request(args: &Args) -> Result<Request> {
    let what = match (&args.tree, &args.image_data, &args.bosinst_data) {
        (Some(root), Some(image_data), Some(bosinst_data)) => What::Tree {
            root: root.clone(),
            image_data: image_data.clone(),
            bosinst_data: bosinst_data.clone(),
        },
        _ => What::Running(Wanted::Root),
    };
    let target = match &args.target {
        Some(name) => Target::look_at(name, args.blocks)?,
        // A dry run writes nowhere.
        None => Target::Stdout,
    };
    let mut options = CreateOptions {
        pack: !args.no_pack,
        attributes: !args.no_attributes,
        ..CreateOptions::default()
    };
    if let Some(memory) = args.memory {
        options.memory = memory.saturating_mul(1 << 20);
    }
    if let Some(threads) = args.threads {
        options.threads = threads;
    }
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    Ok(Request {
        exclude: args.exclude.then(|| what.exclude_file()),
        what,
        target,
        image_data: if args.image || args.maps {
            ImageData::Make { maps: args.maps }
        } else {
            ImageData::Existing
        },
        without: args.without.clone(),
        unpacked: args.unpacked.clone(),
        snapshots: if args.snapshots {
            Snapshots::Always
        } else if args.no_snapshots {
            Snapshots::Never
        } else {
            Snapshots::Auto
        },
        command: words.join(" "),
        options,
        verify: args.verify,
        stop: stop::on_signals(stop::Again::IsPatient)?,
    })
}
