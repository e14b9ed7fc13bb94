//! What the commands that write backups have in common: flags, and how they go on.

mod tell;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use lifeboat_archive::CreateOptions;
use lifeboat_backup::target::{DEFAULT_BLOCKS, Target};
use lifeboat_backup::{ImageData, Report, Request, Snapshots, What, preview, run};

use crate::stop;
use tell::Teller;

/// Flags of every command that writes a backup.
#[derive(Debug, Clone, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a command line is a row of flags"
)]
pub struct Flags {
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
    pub verify: bool,

    /// Leave out the file systems that this file lists
    #[arg(short = 'x', value_name = "FILE")]
    without: Option<PathBuf>,

    /// Blocks of 512 bytes in a tape record
    #[arg(short = 'b', value_name = "N", default_value_t = DEFAULT_BLOCKS)]
    pub blocks: u32,

    /// Insist on snapshots of all logical volumes
    #[arg(short = 'T')]
    snapshots: bool,

    /// Take no snapshots: read files while they are in use
    #[arg(long, conflicts_with = "snapshots")]
    no_snapshots: bool,

    /// Only say what would be in the backup, and what not
    #[arg(long)]
    pub dry_run: bool,

    /// Tell the outcome as JSON
    #[arg(long)]
    json: bool,

    /// MiB of files in memory at most
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,

    /// Threads that compress; all processors unless given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Flags {
    /// What these flags ask for; a command changes what others of its flags say.
    ///
    /// # Errors
    /// When signals cannot be waited for.
    pub fn request(&self, what: What, target: Target) -> Result<Request> {
        let mut options = CreateOptions {
            pack: !self.no_pack,
            attributes: !self.no_attributes,
            ..CreateOptions::default()
        };
        if let Some(memory) = self.memory {
            options.memory = memory.saturating_mul(1 << 20);
        }
        if let Some(threads) = self.threads {
            options.threads = threads;
        }
        let words: Vec<String> = std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        Ok(Request {
            what,
            target,
            image_data: ImageData::Existing,
            description_only: false,
            exclude: None,
            without: self.without.clone(),
            unpacked: None,
            headers: None,
            snapshots: if self.snapshots {
                Snapshots::Always
            } else if self.no_snapshots {
                Snapshots::Never
            } else {
                Snapshots::Auto
            },
            command: words.join(" "),
            options,
            verify: self.verify,
            stop: stop::on_signals(stop::Again::IsPatient)?,
        })
    }

    /// Makes the backup, or says what it would be, and tells how that goes.
    ///
    /// # Errors
    /// When there is no backup, or not all that was asked for is in it.
    pub fn carry_out(&self, request: &Request) -> Result<ExitCode> {
        if self.dry_run {
            let teller = Teller::new(self.list, self.json, false);
            let preview = preview(request, &teller)?;
            tell::preview(&preview, self.json);
            return Ok(ExitCode::SUCCESS);
        }
        complete(&self.write(request)?)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Makes the backup, and tells how that goes.
    ///
    /// # Errors
    /// When there is no backup.
    pub fn write(&self, request: &Request) -> Result<Report> {
        let on_stdout = request.target == Target::Stdout;
        let teller = Teller::new(self.list, self.json, on_stdout);
        let report = run(request, &teller);
        teller.end();
        let report = report?;
        tell::findings(&report, self.list);
        tell::report(&report, self.json, on_stdout)?;
        Ok(report)
    }
}

/// What `-i` and `-m` ask for.
pub fn image_data(make: bool, maps: bool) -> ImageData {
    if make || maps {
        ImageData::Make { maps }
    } else {
        ImageData::Existing
    }
}

/// Refuses to call it a success when something that was asked for is not in the backup.
pub fn complete(report: &Report) -> Result<()> {
    ensure!(
        report.is_complete(),
        "0590-713 {} things are not in the backup as they should be; they are named above",
        report.failures()
    );
    Ok(())
}
