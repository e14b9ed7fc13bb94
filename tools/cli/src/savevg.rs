//! `lifeboat savevg`: write a backup of a volume group other than the system's.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use lifeboat_backup::target::Target;
use lifeboat_backup::{Request, What};
use lifeboat_layout::system::Wanted;

use crate::backup::{Flags, image_data};

/// Write a backup of a volume group other than the system's
///
/// In the backup are the mounted file systems of the volume group, and its
/// description, from which `restvg` makes it again: VG.data. Files are read from
/// snapshots of their logical volumes where the volume group has free extents.
///
/// TARGET is a file, which appears under its name only when it is complete; a
/// directory, in which the file is named after the system, the volume group and the
/// time; a tape drive; or - for standard output.
#[derive(Debug, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a command line is a row of flags"
)]
pub struct Args {
    /// Make VG.data first
    #[arg(short = 'i')]
    image: bool,

    /// The same, with the maps of the logical volumes
    #[arg(short = 'm')]
    maps: bool,

    /// Leave out what /etc/exclude.VG matches
    #[arg(short = 'e')]
    exclude: bool,

    /// Store the description alone, and no files
    #[arg(short = 'r', conflicts_with_all = ["exclude", "without"])]
    description_only: bool,

    /// Where the backup goes
    #[arg(
        short = 'f',
        value_name = "TARGET",
        required_unless_present = "dry_run"
    )]
    target: Option<OsString>,

    #[command(flatten)]
    flags: Flags,

    /// The volume group
    #[arg(value_name = "VG")]
    group: String,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let what = What::Running(Wanted::Group(args.group.clone()));
    let target = match &args.target {
        Some(name) => Target::look_at(name, args.flags.blocks)?,
        // A dry run writes nowhere.
        None => Target::Stdout,
    };
    let request = Request {
        image_data: image_data(args.image, args.maps),
        description_only: args.description_only,
        exclude: args.exclude.then(|| what.exclude_file()),
        ..args.flags.request(what, target)?
    };
    args.flags.carry_out(&request)
}
