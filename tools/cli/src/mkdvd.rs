//! `lifeboat mkdvd`: a CD image that boots, with a system backup on it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail, ensure};
use lifeboat_archive::Backup;
use lifeboat_backup::iso::{self, Contents, RESCUE};
use lifeboat_stanza::Document;
use lifeboat_stanza::bosinst::Bosinst;
use lifeboat_sys::fs::{PathContext, create_dir_all, read_to_string};

use crate::progress::Progress;
use crate::stop::{self, Again};
use crate::{backup, mksysb};

/// Make a bootable CD or DVD image with a system backup on it
///
/// The image starts the rescue menus on any Power machine and holds the backup
/// that they install. It may be larger than 4 GiB. Nothing is burnt: burn the
/// image, give it to a virtual optical drive, or copy it onto a USB stick.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a command line is a row of flags"
)]
pub struct Args {
    /// The backup; without it one of this system is made
    #[arg(short = 'm', value_name = "FILE", conflicts_with_all = ["backups", "exclude"])]
    backup: Option<PathBuf>,

    /// Directory for that backup; the image's unless given
    #[arg(short = 'M', value_name = "DIR")]
    backups: Option<PathBuf>,

    /// Directory for the image, made if it is not there
    #[arg(short = 'I', value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Name of the image; the backup's with .iso unless given
    #[arg(short = 'o', value_name = "FILE")]
    image: Option<PathBuf>,

    /// Leave out what the patterns in /etc/exclude.rootvg match
    #[arg(short = 'e')]
    exclude: bool,

    /// A bosinst.data that wins over the one inside the backup
    #[arg(short = 'u', value_name = "FILE")]
    bosinst: Option<PathBuf>,

    /// MB of the disc: a larger image is refused
    #[arg(short = 'L', value_name = "MB")]
    limit: Option<u64>,

    /// The image does not boot: only the backup is on it
    #[arg(short = 'B')]
    no_boot: bool,

    /// Stop before burning, as happens without it too
    #[arg(short = 'S')]
    stop: bool,

    /// Keep the backup that was made for the image
    #[arg(short = 'R')]
    keep: bool,

    /// Directory with another rescue image than the package's
    #[arg(long, value_name = "DIR", default_value = RESCUE, hide_default_value = true)]
    rescue: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let disc = Disc {
        rescue: (!args.no_boot).then_some(&*args.rescue),
        bosinst: args.bosinst.as_deref(),
        limit: args.limit,
        stop: stop::on_signals(Again::IsPatient)?,
    };
    disc.check()?;
    if let Some(directory) = &args.directory {
        create_dir_all(directory)?;
    }
    let image = |backup: &Path| {
        let name = args.image.clone().unwrap_or_else(|| named_after(backup));
        args.directory.clone().unwrap_or_default().join(name)
    };
    if let Some(backup) = &args.backup {
        disc.write(backup, &image(backup))?;
        return Ok(ExitCode::SUCCESS);
    }
    let directory = match &args.backups {
        Some(directory) => directory.clone(),
        // The backup has no name yet, but the image has a directory.
        None => parent(&image(Path::new("backup"))),
    };
    create_dir_all(&directory)?;
    let mut words = vec![OsString::from("-i")];
    if args.exclude {
        words.push("-e".into());
    }
    words.push(directory.into());
    let backup = mksysb::Args::from_words(words)?;
    disc.write_new(&backup, image, args.keep)
}

/// `mksysb --iso`: a backup made in the image's directory, which does not outlive its
/// way into the image.
pub fn of_new_backup(backup: &mksysb::Args, image: &Path) -> Result<ExitCode> {
    let disc = Disc {
        rescue: Some(Path::new(RESCUE)),
        bosinst: None,
        limit: None,
        stop: stop::on_signals(Again::IsPatient)?,
    };
    disc.check()?;
    let backup = backup.in_directory(parent(image));
    disc.write_new(&backup, |_| image.to_owned(), false)
}

/// What the image is to be.
struct Disc<'a> {
    rescue: Option<&'a Path>,
    bosinst: Option<&'a Path>,
    limit: Option<u64>,
    stop: Arc<AtomicBool>,
}

impl Disc<'_> {
    fn contents<'b>(&'b self, backup: Option<&'b Path>) -> Contents<'b> {
        Contents {
            rescue: self.rescue,
            backup,
            bosinst: self.bosinst,
        }
    }

    /// Finds out early whether all is there that an image needs.
    fn check(&self) -> Result<()> {
        if let Some(bosinst) = self.bosinst {
            check_bosinst(bosinst)?;
        }
        iso::size(&self.contents(None))?;
        Ok(())
    }

    /// Makes a backup, and then its image. A backup that lacks something goes there
    /// too, but then the command has failed.
    fn write_new(
        &self,
        backup: &mksysb::Args,
        image: impl Fn(&Path) -> PathBuf,
        keep: bool,
    ) -> Result<ExitCode> {
        let report = mksysb::write(backup)?;
        let backup = PathBuf::from(&report.target);
        self.write(&backup, &image(&backup)).with_context(|| {
            format!(
                "0590-761 There is a backup, {}, but no image of it",
                backup.display()
            )
        })?;
        if !keep {
            std::fs::remove_file(&backup).at("remove", &backup)?;
        }
        backup::complete(&report)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Writes the image, with progress, and says what it is.
    fn write(&self, backup: &Path, image: &Path) -> Result<()> {
        // Half a backup is found out now, not on the day when it is needed.
        Backup::open(backup)?;
        let contents = self.contents(Some(backup));
        if let Some(limit) = self.limit {
            let needed = iso::size(&contents)?.div_ceil(1 << 20);
            ensure!(
                needed <= limit,
                "0590-762 The image needs {needed} MB, and the disc has {limit} MB"
            );
        }
        let mut progress = Progress::on_stderr();
        let written = iso::write(&contents, image, &self.stop, &mut |done, total| {
            progress.show(done, Some(total));
        });
        progress.end();
        let boots = if self.rescue.is_some() {
            "boots and holds"
        } else {
            "does not boot; it holds"
        };
        println!(
            "{}: {} MB; it {boots} {}",
            image.display(),
            written?.div_ceil(1 << 20),
            backup.display()
        );
        Ok(())
    }
}

/// The directory of a file that is to be.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => ".".into(),
    }
}

/// Settings that the menus would refuse must not be found out at the restore.
fn check_bosinst(path: &Path) -> Result<()> {
    let text = read_to_string(path)?;
    let wrong = || format!("0590-760 {} is no bosinst.data", path.display());
    let document = Document::parse(&text).with_context(wrong)?;
    Bosinst::from_document(&document).with_context(wrong)?;
    if document.named("control_flow").next().is_none() {
        bail!("{}: it has no control_flow", wrong());
    }
    Ok(())
}

fn named_after(backup: &Path) -> PathBuf {
    let stem = backup.file_stem().unwrap_or(backup.as_os_str());
    let mut name = stem.to_owned();
    name.push(".iso");
    name.into()
}
