//! `bosboot`: everything between the firmware and the kernel of a system made anew, or
//! only looked at: boot images, GRUB's configuration, boot records.

use std::path::{Path, PathBuf};

use lifeboat_sys::error::chain;
use lifeboat_sys::fs::FsError;

use crate::bootimage::{self, BootImageError, Extent, Maker, image_of, kernels};
use crate::chroot::Chroot;
use crate::grub::{self, GrubError};
use crate::inspect::{InspectError, inspect};
use crate::machine::Machine;
use crate::menu::{self, MenuError};
use crate::own::{self, OwnError};
use crate::place::{Place, PlaceError};
use crate::record::{self, RecordError};

/// Bytes of the blocks that AIX counts boot images in.
const BLOCK: u64 = 512;

/// The system cannot be made to boot.
#[derive(Debug, thiserror::Error)]
pub enum BosbootError {
    /// A boot image.
    #[error(transparent)]
    Image(#[from] BootImageError),
    /// What is in it.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// GRUB.
    #[error(transparent)]
    Grub(#[from] GrubError),
    /// A boot record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Lifeboat's own core.
    #[error(transparent)]
    Own(#[from] OwnError),
    /// Where it has to look.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A configuration for it.
    #[error(transparent)]
    Menu(#[from] MenuError),
    /// A file.
    #[error(transparent)]
    File(#[from] FsError),
    /// There is no such kernel.
    #[error("0590-467 There is no kernel {name} with modules; present: {present}")]
    NoKernel {
        /// What was asked for.
        name: String,
        /// The versions that there are.
        present: String,
    },
    /// Nowhere to write to.
    #[error("0590-468 The root volume group has no PReP partition; the firmware cannot boot it")]
    NoPrep,
    /// A firmware that loads signed boot records only.
    #[error(
        "0590-469 This machine loads signed boot records only, and the system has none; install the package with its distribution's signed GRUB, or switch secure boot off"
    )]
    NotSigned,
    /// No entry names a kernel.
    #[error("0590-470 No grub.cfg in /boot loads a kernel")]
    NoConfiguration,
    /// A boot record of somebody else, or none.
    #[error("0590-715 The PReP partition {} {what}", prep.display())]
    WrongRecord {
        /// The PReP partition.
        prep: PathBuf,
        /// What it holds.
        what: &'static str,
    },
    /// It is not there, or empty.
    #[error("0590-716 The boot image {} is missing or empty", .0.display())]
    NoImage(PathBuf),
}

/// What is to be made bootable.
#[derive(Debug)]
pub struct Job<'a> {
    /// The system.
    pub chroot: &'a Chroot,
    /// Its PReP partitions.
    pub preps: Vec<PathBuf>,
    /// The machine that it is to boot on.
    pub machine: Machine,
    /// Its file systems have other UUIDs than when its configuration was made.
    pub renamed: bool,
}

/// Whose boot record was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The system's own GRUB.
    System,
    /// The system's own GRUB, as its distribution has signed it.
    Signed,
    /// Lifeboat, because the system's GRUB did not: the reason.
    Lifeboat(String),
}

impl Job<'_> {
    /// The kernels that are meant: one by version or path, or all.
    ///
    /// # Errors
    /// [`BosbootError`] when there is none.
    pub fn kernels(&self, name: Option<&str>) -> Result<Vec<String>, BosbootError> {
        let present = kernels(self.chroot.root())?;
        let Some(name) = name else {
            return Ok(present);
        };
        let file = name.rsplit('/').next().unwrap_or(name);
        let version = file
            .strip_prefix("vmlinux-")
            .or_else(|| file.strip_prefix("vmlinuz-"))
            .unwrap_or(file);
        if present.iter().any(|there| there == version) {
            return Ok(vec![version.to_owned()]);
        }
        Err(BosbootError::NoKernel {
            name: name.to_owned(),
            present: present.join(", "),
        })
    }

    /// Makes the boot images of these kernels and the boot records anew. `tell` gets a
    /// line for each thing that is done.
    ///
    /// # Errors
    /// [`BosbootError`]; the old boot records stay until new ones are complete.
    pub fn build(
        &self,
        kernels: &[String],
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), BosbootError> {
        // What is missed at the end is said at the beginning.
        if self.preps.is_empty() && !self.machine.reads_configuration {
            return Err(BosbootError::NoPrep);
        }
        let maker = Maker::of(self.chroot.root())?;
        for version in kernels {
            bootimage::rebuild(self.chroot, maker, version, &[], Extent::AsSet)?;
            let (image, size, files) = self.image(maker, version)?;
            tell(&format!(
                "Boot image {} is {} {BLOCK} byte blocks, {files} files.",
                image.display(),
                size.div_ceil(BLOCK)
            ));
        }
        let root = self.chroot.root();
        if grub::loading_configuration(root).is_none() && grub::is_there(root) {
            grub::configure(self.chroot)?;
            tell("A grub.cfg was missing and is there again.");
        }
        if self.machine.reads_configuration {
            self.configuration()?;
            tell("This machine needs no boot record: its firmware reads grub.cfg.");
            return Ok(());
        }
        let author = self.write_records()?;
        let written = match &author {
            Author::System => "GRUB of the system".to_owned(),
            Author::Signed => "signed GRUB of the system".to_owned(),
            Author::Lifeboat(reason) => {
                tell(&note(reason));
                "Lifeboat's own GRUB core".to_owned()
            }
        };
        for prep in &self.preps {
            tell(&format!("{}: {written}, read back.", prep.display()));
        }
        Ok(())
    }

    /// The image of a kernel, its size and how many files it holds.
    fn image(&self, maker: Maker, version: &str) -> Result<(PathBuf, u64, usize), BosbootError> {
        let image = image_of(self.chroot.root(), maker, version);
        let path = self.chroot.root().join(&image);
        let size = std::fs::metadata(&path).map_or(0, |m| m.len());
        if size == 0 {
            return Err(BosbootError::NoImage(path));
        }
        Ok((path, size, inspect(self.chroot, maker, &image, &[])?))
    }

    /// The configuration, if it does its work.
    fn configuration(&self) -> Result<String, BosbootError> {
        let found = grub::loading_configuration(self.chroot.root());
        found.ok_or(BosbootError::NoConfiguration)
    }

    /// Makes a boot record and writes it into every PReP partition. It is complete,
    /// checked, and has room everywhere, before the first is written.
    ///
    /// # Errors
    /// [`BosbootError`].
    pub fn write_records(&self) -> Result<Author, BosbootError> {
        let (record, author) = self.record()?;
        for prep in &self.preps {
            record::check_room(&record, prep)?;
        }
        for prep in &self.preps {
            if author == Author::System && !grub::fits(self.chroot, &record, prep)? {
                grub::install(self.chroot, prep)?;
            } else {
                record::write(&record, prep)?;
            }
        }
        Ok(author)
    }

    fn record(&self) -> Result<(Vec<u8>, Author), BosbootError> {
        let root = self.chroot.root();
        let made = grub::core(self.chroot);
        if self.machine.wants_signature {
            let signed = made.ok().filter(|core| record::is_signed(core));
            let signed = signed.or_else(|| grub::signed_core(root));
            return Ok((signed.ok_or(BosbootError::NotSigned)?, Author::Signed));
        }
        match made {
            Ok(core) => Ok((core, Author::System)),
            Err(error) => Ok((self.own_record()?, Author::Lifeboat(chain(&error)))),
        }
    }

    /// Lifeboat's own core, told where the configuration is; there is one afterwards.
    fn own_record(&self) -> Result<Vec<u8>, BosbootError> {
        let root = self.chroot.root();
        let core = own::core()?;
        // What GRUB cannot make anew may name devices that are no more.
        let usable = grub::configuration(root).filter(|_| !self.renamed);
        let path = match usable {
            Some(path) => path,
            None => {
                let path = grub::free_configuration(root);
                menu::create(root, &path, Maker::of(root)?, &kernels(root)?)?;
                path
            }
        };
        let path = Path::new(&path);
        let directory = path.parent().unwrap_or(Path::new(""));
        let place = Place::of(&root.join(directory))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let record = own::filled(&core, &place.uuid()?, &place, &file)?;
        record::check(&record)?;
        Ok(record)
    }

    /// Looks at everything that [`build`](Self::build) makes, and writes nothing. A
    /// line for each thing, or what is wrong with it.
    pub fn verify(&self, kernels: &[String]) -> Vec<Result<String, BosbootError>> {
        let mut found = Vec::new();
        match Maker::of(self.chroot.root()) {
            Ok(maker) => found.extend(kernels.iter().map(|version| {
                let (image, _, files) = self.image(maker, version)?;
                Ok(format!("Boot image {}: {files} files.", image.display()))
            })),
            Err(error) => found.push(Err(error.into())),
        }
        let configuration = self.configuration();
        found.push(configuration.map(|path| format!("/{path} loads a kernel.")));
        if self.machine.reads_configuration {
            return found;
        }
        if self.preps.is_empty() {
            found.push(Err(BosbootError::NoPrep));
        }
        found.extend(self.preps.iter().map(|prep| {
            let whose = self.whose(prep)?;
            Ok(format!("{}: {whose}.", prep.display()))
        }));
        found
    }

    /// Whose boot record a PReP partition holds.
    fn whose(&self, prep: &Path) -> Result<&'static str, BosbootError> {
        let wrong = |what| BosbootError::WrongRecord {
            prep: prep.to_owned(),
            what,
        };
        let contents = record::contents(prep)?;
        if contents.iter().all(|byte| *byte == 0) {
            return Err(wrong("is empty"));
        }
        if record::check(&contents).is_err() {
            return Err(wrong("holds no boot record that the firmware loads"));
        }
        let root = self.chroot.root();
        let cores = [
            (grub::present_core(root), "GRUB of the system"),
            (grub::signed_core(root), "signed GRUB of the system"),
        ];
        let is_there = |core: &Option<Vec<u8>>| {
            core.as_ref()
                .is_some_and(|core| record::holds(core, &contents))
        };
        let whose = cores.iter().find(|(core, _)| is_there(core));
        let signed = whose
            .is_some_and(|(core, _)| core.as_ref().is_some_and(|core| record::is_signed(core)));
        if self.machine.wants_signature && !signed {
            return Err(wrong("holds no signed boot record of the system"));
        }
        match whose {
            Some((_, whose)) => Ok(whose),
            None if own::is_own(&contents) => Ok("Lifeboat's own GRUB core"),
            None => Err(wrong(
                "holds a boot record that is not of this system's GRUB",
            )),
        }
    }
}

/// What a person should know when the system's GRUB was not used.
#[must_use]
pub fn note(reason: &str) -> String {
    format!(
        "0590-717 The system's GRUB makes no boot record ({reason}); Lifeboat's own GRUB core was written, which reads the system's configuration"
    )
}
