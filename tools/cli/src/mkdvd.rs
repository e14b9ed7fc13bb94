//! `lifeboat mkdvd`: a CD image that boots, with a system backup on it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use lifeboat_archive::Backup;
use lifeboat_backup::iso::{self, Contents, RESCUE};
use lifeboat_stanza::Document;
use lifeboat_stanza::bosinst::Bosinst;
use lifeboat_sys::fs::{create_dir_all, read_to_string};

use crate::progress::Progress;

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
    /// The system backup
    #[arg(short = 'm', value_name = "FILE", required = true)]
    backup: PathBuf,

    /// Directory for the image, made if it is not there
    #[arg(short = 'I', value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Name of the image; that of the backup with .iso unless given
    #[arg(short = 'o', value_name = "FILE")]
    image: Option<PathBuf>,

    /// A bosinst.data that wins over the one inside the backup
    #[arg(short = 'u', value_name = "FILE")]
    bosinst: Option<PathBuf>,

    /// MB of the disc: a larger image is refused
    #[arg(short = 'L', value_name = "MB")]
    limit: Option<u64>,

    /// The image does not boot: only the backup is on it
    #[arg(short = 'B')]
    no_boot: bool,

    /// Stop before burning, which is what happens without it too
    #[arg(short = 'S')]
    stop: bool,

    /// Directory with the rescue image
    #[arg(long, value_name = "DIR", default_value = RESCUE)]
    rescue: PathBuf,

    #[command(flatten)]
    refused: Refused,
}

/// Flags of AIX that nothing here corresponds to.
#[derive(Debug, clap::Args)]
struct Refused {
    #[arg(short = 'd', hide = true, value_name = "DEVICE")]
    device: Option<String>,
    #[arg(short = 's', hide = true, value_name = "IMAGE")]
    savevg: Option<String>,
    #[arg(short = 'v', hide = true, value_name = "VG")]
    group: Option<String>,
    #[arg(short = 'C', hide = true, value_name = "DIR")]
    structure: Option<String>,
    #[arg(short = 'V', hide = true, value_name = "VG")]
    staging_group: Option<String>,
    #[arg(short = 'U', hide = true)]
    udf: bool,
    #[arg(short = 'p', hide = true, value_name = "DIR")]
    packages: Option<String>,
    #[arg(short = 'l', hide = true, value_name = "FILE")]
    package_list: Option<String>,
    #[arg(short = 'b', hide = true, value_name = "FILE")]
    bundle: Option<String>,
    #[arg(short = 'z', hide = true, value_name = "FILE")]
    script: Option<String>,
    #[arg(short = 'Y', hide = true)]
    licences: bool,
}

impl Refused {
    /// Says why, if one of them was given.
    fn check(&self) -> Result<()> {
        let no_packages = "nothing but what the backup holds is installed from the image";
        let flags = [
            (
                self.device.is_some(),
                'd',
                "nothing is burnt; burn the image with xorriso -as cdrecord dev=DEVICE IMAGE",
            ),
            (
                self.savevg.is_some(),
                's',
                "the menus install systems only; restore a volume group with restvg",
            ),
            (
                self.group.is_some(),
                'v',
                "the menus install systems only; back up a volume group with savevg",
            ),
            (
                self.structure.is_some(),
                'C',
                "the image is written in one go, without a copy of its files",
            ),
            (
                self.staging_group.is_some(),
                'V',
                "no file system is made for the image; name a directory with -I",
            ),
            (
                self.udf,
                'U',
                "the image is ISO 9660, which holds files above 4 GiB as well",
            ),
            (self.packages.is_some(), 'p', no_packages),
            (self.package_list.is_some(), 'l', no_packages),
            (self.bundle.is_some(), 'b', no_packages),
            (
                self.script.is_some(),
                'z',
                "no program is run from the image before the menus",
            ),
            (self.licences, 'Y', "there are no licences to accept"),
        ];
        for (given, flag, why) in flags {
            ensure!(!given, "0590-760 mkdvd has no -{flag} here: {why}");
        }
        Ok(())
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    args.refused.check()?;
    let contents = Contents {
        rescue: (!args.no_boot).then_some(&*args.rescue),
        backup: Some(&args.backup),
        bosinst: args.bosinst.as_deref(),
    };
    if let Some(bosinst) = contents.bosinst {
        check_bosinst(bosinst)?;
    }
    // Half a backup is found out now, not on the day when it is needed.
    Backup::open(&args.backup)?;
    if let Some(limit) = args.limit {
        let needed = iso::size(&contents)?.div_ceil(1 << 20);
        ensure!(
            needed <= limit,
            "0590-762 The image needs {needed} MB, and the disc has {limit} MB"
        );
    }
    let mut image = match &args.image {
        Some(name) => name.clone(),
        None => named_after(&args.backup),
    };
    if let Some(directory) = &args.directory {
        create_dir_all(directory)?;
        image = directory.join(image);
    }
    write(&contents, &image)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the image, with progress, and says what it is.
fn write(contents: &Contents<'_>, image: &Path) -> Result<()> {
    let mut progress = Progress::on_stderr();
    let written = iso::write(contents, image, &mut |done, total| {
        progress.show(done, Some(total));
    });
    progress.end();
    let boots = if contents.rescue.is_some() {
        "boots and holds"
    } else {
        "does not boot; it holds"
    };
    println!(
        "{}: {} MB; it {boots} {}",
        image.display(),
        written?.div_ceil(1 << 20),
        contents.backup.unwrap_or(Path::new("nothing")).display()
    );
    Ok(())
}

/// Settings that the menus would refuse must not be found out at the restore.
fn check_bosinst(path: &Path) -> Result<()> {
    let text = read_to_string(path)?;
    let wrong = || format!("0590-761 {} is no bosinst.data", path.display());
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
