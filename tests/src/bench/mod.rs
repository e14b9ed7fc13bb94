//! What is worth a number. Prints; asserts nothing.

mod material;
mod media;
mod peers;
mod table;
mod throughput;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::lab::Media;

/// What to measure
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Measure only this
    #[arg(long)]
    only: Option<Part>,
    /// Restores of the demo to take the median of
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    runs: u8,
    /// Rounds of backup and restore beside other programs
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: u8,
    /// The lifeboat binary for Power
    #[arg(
        long,
        default_value = "target/powerpc64le-unknown-linux-gnu/release/lifeboat"
    )]
    lifeboat: PathBuf,
    /// Where the trees and archives of the throughput part lie for the time being,
    /// 3 GiB
    #[arg(long, default_value = "/dev/shm")]
    place: PathBuf,
}

/// A part of the benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Sizes of the media, what a restore on the emulated machine costs
    Media,
    /// Backup and restore beside GNU tar and fsarchiver
    Throughput,
}

/// Runs the command.
///
/// # Errors
/// When a file is missing or a program fails.
pub fn run(media: &Media, args: &Args) -> Result<ExitCode> {
    if args.only != Some(Part::Throughput) {
        media::run(media, &args.lifeboat, args.runs)?;
    }
    if args.only != Some(Part::Media) {
        throughput::run(media, &args.place, args.rounds)?;
    }
    Ok(ExitCode::SUCCESS)
}
