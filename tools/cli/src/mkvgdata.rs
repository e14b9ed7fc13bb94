//! `lifeboat mkvgdata`: describe a volume group of the running system.

use std::process::ExitCode;

use anyhow::Result;
use lifeboat_layout::system::Wanted;

use crate::mkszfile;

/// Describe a volume group other than the system's
///
/// The description is the VG.data that `savevg` without -i stores, and may be edited
/// before: /var/lib/lifeboat/vgdata/VG/VG.data. What could not be restored, and what
/// no backup of files holds, is said now, in one line each.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the physical maps of the logical volumes too
    #[arg(short = 'm')]
    maps: bool,

    /// Enlarge work space when it is needed; none is
    #[arg(short = 'X')]
    expand: bool,

    /// The volume group
    #[arg(value_name = "VG")]
    group: String,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    mkszfile::describe(&Wanted::Group(args.group.clone()), args.maps)?;
    Ok(ExitCode::SUCCESS)
}
