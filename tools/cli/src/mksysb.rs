//! `lifeboat mksysb`: write a system backup.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args as _, FromArgMatches as _};
use lifeboat_backup::target::Target;
use lifeboat_backup::{Report, Request, What};
use lifeboat_layout::system::Wanted;

use crate::backup::{Flags, image_data};
use crate::mkdvd;

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

    /// Do not compress what this file's patterns match
    #[arg(short = 'P', value_name = "FILE")]
    unpacked: Option<PathBuf>,

    /// Write a bootable CD image of the backup: TARGET
    #[arg(long, conflicts_with_all = ["dry_run", "json"])]
    iso: bool,

    /// Save the headers of encrypted devices in DIR, for beside the backup
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    headers: Option<PathBuf>,

    #[command(flatten)]
    flags: Flags,

    /// Back up this directory instead, as somebody's /
    #[arg(
        long,
        value_name = "DIR",
        requires = "image_data",
        requires = "bosinst_data",
        conflicts_with_all = ["image", "maps", "headers", "snapshots", "no_snapshots", "without"]
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
        let mut args = self.clone();
        args.target = Some(file.into());
        args.flags.verify = true;
        args
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
    match (args.iso, &args.target) {
        (true, Some(image)) => mkdvd::of_new_backup(args, Path::new(image)),
        _ => args.flags.carry_out(&request(args)?),
    }
}

/// Writes the backup and tells about it; it may lack something.
pub fn write(args: &Args) -> Result<Report> {
    args.flags.write(&request(args)?)
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
        Some(name) => Target::look_at(name, args.flags.blocks)?,
        // A dry run writes nowhere.
        None => Target::Stdout,
    };
    Ok(Request {
        image_data: image_data(args.image, args.maps),
        exclude: args.exclude.then(|| what.exclude_file()),
        unpacked: args.unpacked.clone(),
        headers: args.headers.clone(),
        ..args.flags.request(what, target)?
    })
}
