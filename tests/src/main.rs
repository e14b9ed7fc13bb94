//! Scenarios on emulated pseries machines: real firmware, real GRUB, real
//! Debian. Also the demo, the CD on a person's terminal, and the benchmarks.

mod base;
mod bench;
mod demo;
mod description;
mod image_data;
mod judge;
mod lab;
mod limits;
mod marks;
mod menus;
mod messages;
mod runner;
mod scenarios;
mod systems;
mod terminal;
mod texts;
mod tools_cd;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::lab::Media;

/// Scenarios, demo and benchmarks of Lifeboat on emulated pseries machines
#[derive(Debug, Parser)]
#[command(name = "scenarios")]
struct Args {
    #[command(flatten)]
    media: Media,
    /// Show the programs that run on the host, and what the product refused with
    #[arg(long, short)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios; exit status 1 if any fails
    Test(runner::Args),
    /// Restore the demo system from CD, boot its disk alone, say what was done
    Demo,
    /// Boot the rescue CD on this terminal (Ctrl-A X ends it)
    Run(terminal::Args),
    /// Print sizes, CPU seconds and the smallest memory; assert nothing
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    messages::to_stderr(if args.verbose {
        log::LevelFilter::Info
    } else {
        log::LevelFilter::Warn
    });
    let outcome = match args.command {
        Command::Test(test) => runner::run(&args.media, &test),
        Command::Demo => demo::run(&args.media),
        Command::Run(run) => terminal::run(&args.media, &run),
        Command::Bench(bench) => bench::run(&args.media, &bench),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{}", runner::chain(&error));
        ExitCode::FAILURE
    })
}
