//! `image-build`, the host tool that makes the rescue image: collects Debian's
//! packages, writes kernel and initramfs, and from those the bootable media.

mod budget;
mod cache;
mod collect;
mod compress;
mod debian;
mod demo;
mod docs;
mod elf;
mod grub;
mod iso;
mod kernel;
mod modinfo;
mod modules;
mod netboot;
mod newc;
mod own_core;
mod package;
mod programs;
mod progress;
mod providers;
mod release;
mod rescue;
mod root;
mod skeleton;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::progress::step;

/// Builds Lifeboat's rescue image and what boots it.
#[derive(Parser)]
#[command(name = "image-build", version)]
struct Args {
    /// Show every program that runs and what it says
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Collect Debian's packages into the cache
    Collect {
        /// Fetch them again, with the newest updates
        #[arg(long)]
        refresh: bool,
    },
    /// Write kernel and initramfs
    Rescue {
        /// PID 1, a static powerpc64le program
        #[arg(long)]
        init: PathBuf,
        /// The lifeboat program, static, for powerpc64le
        #[arg(long)]
        lifeboat: PathBuf,
        /// The directory to write to
        #[arg(long)]
        out: PathBuf,
    },
    /// Write a CD image
    Iso {
        /// The directory that `rescue` wrote
        #[arg(long)]
        rescue: PathBuf,
        /// The CD image
        #[arg(long)]
        out: PathBuf,
        /// A system backup to put onto the CD
        #[arg(long)]
        backup: Option<PathBuf>,
        /// A bosinst.data that wins over the one inside the backup
        #[arg(long)]
        bosinst: Option<PathBuf>,
    },
    /// Write the tree for a TFTP server
    Netboot {
        /// The directory that `rescue` wrote
        #[arg(long)]
        rescue: PathBuf,
        /// The directory to write to
        #[arg(long)]
        out: PathBuf,
    },
    /// Write manual pages and shell completions
    Docs {
        /// The directory to write to
        #[arg(long)]
        out: PathBuf,
    },
    /// Write a package to be installed on a Power system
    Package {
        /// The form of the package
        form: package::Form,
        /// The lifeboat program, static, for powerpc64le
        #[arg(long)]
        lifeboat: PathBuf,
        /// The directory that `rescue` wrote
        #[arg(long)]
        rescue: PathBuf,
    },
    /// Make a small Debian system of any release; print where its tar archive is
    Release {
        /// Debian's name for it: bookworm, sid
        name: String,
        /// With what makes it boot, from every layout that can be restored
        #[arg(long)]
        bootable: bool,
        /// These packages as well
        #[arg(
            long,
            requires = "bootable",
            value_delimiter = ',',
            value_name = "PACKAGE,..."
        )]
        with: Vec<String>,
        /// None of these packages
        #[arg(
            long,
            requires = "bootable",
            value_delimiter = ',',
            value_name = "PACKAGE,..."
        )]
        without: Vec<String>,
    },
    /// Make the demo: the system backup of a small Debian system
    Demo {
        /// The lifeboat program, for this host
        #[arg(long)]
        lifeboat: PathBuf,
        /// The backup; lists of its files appear beside it
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    progress::log_to_stderr(if args.verbose {
        log::LevelFilter::Debug
    } else {
        log::LevelFilter::Off
    });
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("image-build: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Collect { refresh } => {
            let packages = collect::packages(refresh)?;
            println!("{}", packages.versions.display());
        }
        Command::Rescue {
            init,
            lifeboat,
            out,
        } => {
            let packages = collect::packages(false)?;
            let own = rescue::Own {
                init: &init,
                lifeboat: &lifeboat,
            };
            step("Writing kernel and initramfs", || {
                rescue::build(&packages, &own, &out)
            })?;
        }
        Command::Iso {
            rescue,
            out,
            backup,
            bosinst,
        } => {
            let packages = collect::packages(false)?;
            let (backup, bosinst) = (backup.as_deref(), bosinst.as_deref());
            step("Writing the CD image", || {
                iso::build(&packages.root, &rescue, backup, bosinst, &out)
            })?;
        }
        Command::Netboot { rescue, out } => {
            let packages = collect::packages(false)?;
            step("Writing the netboot tree", || {
                netboot::build(&packages.root, &rescue, &out)
            })?;
        }
        Command::Docs { out } => docs::build(&out)?,
        Command::Package {
            form,
            lifeboat,
            rescue,
        } => println!("{}", package::build(form, &lifeboat, &rescue)?.display()),
        Command::Release {
            name,
            bootable,
            with,
            without,
        } => {
            let content = release::Content {
                bootable,
                with,
                without,
            };
            println!("{}", release::system(&name, &content)?.display());
        }
        Command::Demo { lifeboat, out } => demo::build(&lifeboat, &out)?,
    }
    Ok(())
}
