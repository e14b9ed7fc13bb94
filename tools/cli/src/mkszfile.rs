//! `lifeboat mkszfile`: describe the running system.

use std::process::ExitCode;

use anyhow::Result;
use lifeboat_backup::describe::{image_data, mkszfile};
use lifeboat_layout::system::Wanted;
use lifeboat_sys::error::chain;

/// Describe the disks of this system in /image.data
///
/// What could not be restored, and what no backup of files holds, is said now,
/// in one line each; the description is complete all the same.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Write the physical maps of the logical volumes too
    #[arg(short = 'm')]
    maps: bool,

    /// Enlarge work space when it is needed; none is
    #[arg(short = 'X')]
    expand: bool,

    /// Do not look whether there is work space; none is needed
    #[arg(short = 'f')]
    force: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    describe(&Wanted::Root, args.maps)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a description and says what came of it.
pub fn describe(wanted: &Wanted, maps: bool) -> Result<()> {
    let description = mkszfile(wanted, maps)?;
    for note in &description.notes {
        eprintln!("lifeboat: {}", chain(note));
    }
    let count = |stanza| description.document.named(stanza).count();
    println!(
        "{}: {} disks, {} logical volumes, {} file systems",
        image_data(wanted).display(),
        count("source_disk_data"),
        count("lv_data"),
        count("fs_data")
    );
    Ok(())
}
