//! `rda`: device attributes, recorded and compared.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use lifeboat_devices::rda::{collect, is_script};
use lifeboat_sys::fs::replace;
use lifeboat_sys::run::Tool;

use crate::out;

/// Record device attributes as a script, or compare with one
///
/// The script is for any machine with a shell: what is set as it says stays as it is,
/// what does not apply is told. It names devices by their places, then by serial number
/// or address. Lines in it can be changed and taken out.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("mode").required(true).args(["script", "compare"]))]
pub struct Args {
    /// Recreate: the attributes of this system are recorded, as always with -s
    #[arg(short = 'r', requires = "script")]
    recreate: bool,

    /// Write the script; without FILE to standard output
    #[arg(short = 's', value_name = "FILE", num_args = 0..=1, conflicts_with = "compare")]
    script: Option<Option<PathBuf>>,

    /// Say what differs from this script; exit status 1 if anything does
    #[arg(short = 'c', value_name = "FILE")]
    compare: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if let Some(path) = &args.compare {
        return compare(path);
    }
    let script = collect();
    match args.script.iter().flatten().next() {
        Some(path) => replace(path, script.as_bytes(), 0o700)?,
        None => out::print(&script)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(path: &Path) -> Result<ExitCode> {
    is_script(path)?;
    let (status, output) = Tool::new("sh").arg(path).arg("-c").status()?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    out::print(&output.text())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map(ExitCode::from)
        .context("0590-776 The comparison was stopped")
}
