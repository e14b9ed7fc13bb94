//! `lifeboat menu`: the screens of the rescue image.

use std::io::{BufReader, stdin, stdout};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use lifeboat_menu::terminal::Terminal;

/// Log of the rescue image; the restore copies it into the restored system.
pub const LOG: &str = lifeboat_restore::LOG;

/// The menus of the rescue image
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Install without questions, as bosinst.data says
    #[arg(long)]
    auto: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(
        lifeboat_menu::in_rescue_image(),
        "0590-712 The menus write disks anew and run only on the rescue image; boot the CD"
    );
    let mut terminal = Terminal::new(BufReader::new(stdin()), stdout());
    lifeboat_menu::run(&mut terminal, args.auto)?;
    Ok(ExitCode::SUCCESS)
}
