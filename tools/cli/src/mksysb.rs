//! `lifeboat mksysb`: write a system backup.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lifeboat_backup::target::Target;
use lifeboat_backup::{Request, What};
use lifeboat_layout::system::Wanted;

use crate::backup::{Flags, image_data};

/// Write a backup of the running system
///
/// In the backup are the mounted file systems of the root volume group: those that
/// hold /, /boot, /usr, /var, /home, /opt. Files are read from snapshots of their
/// logical volumes where the volume group has free extents for them.
///
/// TARGET is a file, which appears under its name only when it is complete; a
/// directory, in which the file is named after the system and the time; a tape
/// drive; or - for standard output.
#[derive(Debug, clap::Args)]
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

    #[command(flatten)]
    flags: Flags,

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

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
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
    let request = Request {
        image_data: image_data(args.image, args.maps),
        exclude: args.exclude.then(|| what.exclude_file()),
        unpacked: args.unpacked.clone(),
        ..args.flags.request(what, target)?
    };
    args.flags.carry_out(&request)
}
