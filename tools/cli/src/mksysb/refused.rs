//! Flags of AIX's mksysb that have no meaning on Linux.

use anyhow::{Result, bail};

/// They are refused one by one: a script that asks for them shall know.
#[derive(Debug, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a command line is a row of flags"
)]
pub struct Refused {
    #[arg(short = 'A', hide = true)]
    dmapi: bool,
    #[arg(short = 'Z', hide = true)]
    no_encryption: bool,
    #[arg(short = 'G', hide = true)]
    no_partitions: bool,
    #[arg(short = 'N', hide = true)]
    partitions: bool,
    #[arg(short = 'M', hide = true)]
    multibos: bool,
    #[arg(short = 'F', hide = true, value_name = "FILE")]
    existing: Option<String>,
    #[arg(short = 't', hide = true, value_name = "DIR")]
    work: Option<String>,
    #[arg(short = 'C', hide = true)]
    concurrent: bool,
}

impl Refused {
    /// Refuses the first that was given.
    pub fn check(&self) -> Result<()> {
        let flags = [
            (self.dmapi, "-A", "DMAPI: no file system here has it"),
            (
                self.no_encryption,
                "-Z",
                "encrypted JFS2: what is stored of a file is never its cipher",
            ),
            (self.no_partitions, "-G", "workload partitions"),
            (self.partitions, "-N", "workload partitions"),
            (self.multibos, "-M", "multibos"),
            (
                self.existing.is_some(),
                "-F",
                "bootable tapes: mkdvd makes a bootable image of an existing backup",
            ),
            (
                self.work.is_some(),
                "-t",
                "work directories: none is needed",
            ),
            (self.concurrent, "-C", "whatever it does on AIX"),
        ];
        for (given, flag, what) in flags {
            if given {
                bail!("0590-750 {flag} has no meaning on Linux ({what}); leave it out");
            }
        }
        Ok(())
    }
}
