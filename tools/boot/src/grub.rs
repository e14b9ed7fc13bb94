//! GRUB by the system's own tools: the core for the PReP partition, and the
//! configuration in `/boot`.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, read, read_to_string};
use lifeboat_sys::run::{RunError, Tool};

use crate::bootimage::modified;
use crate::chroot::Chroot;
use crate::record::{self, RecordError};

/// Program, configuration and core of the two ways in which distributions name GRUB.
const NAMES: [Names; 2] = [
    Names {
        install: "grub-install",
        mkconfig: "grub-mkconfig",
        probe: "grub-probe",
        directory: "boot/grub",
    },
    Names {
        install: "grub2-install",
        mkconfig: "grub2-mkconfig",
        probe: "grub2-probe",
        directory: "boot/grub2",
    },
];
/// A configuration of ours beside one that only its distribution's GRUB can read.
const OWN_CONFIGURATION: &str = "lifeboat.cfg";
/// What grub-install is told in any case. The boot list is not its business.
const INSTALL: [&str; 2] = ["--target=powerpc-ieee1275", "--no-nvram"];
/// Beginnings of paths in a core that looks for `/boot` on the disk that the firmware
/// loaded it from.
const ON_SAME_DISK: [&[u8]; 2] = [b"(,gpt", b"(,msdos"];
/// Where distributions may keep a core that they have signed, with these endings.
const SIGNED: [&str; 4] = [
    "usr/lib/grub/powerpc-ieee1275-signed",
    "usr/lib/grub/powerpc-ieee1275",
    "usr/lib/grub2/powerpc-ieee1275",
    "usr/share/grub2/powerpc-ieee1275",
];
const SIGNED_ENDS: [&str; 2] = [".elf", ".elf.signed"];

#[derive(Debug, Clone, Copy)]
struct Names {
    install: &'static str,
    mkconfig: &'static str,
    probe: &'static str,
    directory: &'static str,
}

/// GRUB could not be installed or configured.
#[derive(Debug, thiserror::Error)]
pub enum GrubError {
    /// No GRUB in the system.
    #[error("0590-441 The system has no grub-install")]
    NoTool,
    /// A tool failed.
    #[error("0590-442 {what}")]
    Tool {
        /// What was not done.
        what: &'static str,
        /// What the tool said.
        #[source]
        source: RunError,
    },
    /// A file of GRUB could not be read.
    #[error("0590-465 GRUB's files cannot be read")]
    Read(#[source] FsError),
    /// The tool said nothing, but there is no new core.
    #[error("0590-466 grub-install made no new {}", core.display())]
    Stale {
        /// The core.
        core: PathBuf,
    },
    /// The core is not one, or is not where it should be.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A configuration that boots nothing.
    #[error("0590-445 The new {} has no entry that loads a kernel", path.display())]
    NoEntry {
        /// The configuration.
        path: PathBuf,
    },
    /// A file system that GRUB takes for none of those it knows.
    #[error("0590-446 GRUB does not read the file system of /boot")]
    Unreadable(#[source] RunError),
}

fn names(root: &Path) -> Result<Names, GrubError> {
    NAMES
        .into_iter()
        .find(|names| root.join("usr/sbin").join(names.install).exists())
        .ok_or(GrubError::NoTool)
}

/// Whether the system has a GRUB to ask.
#[must_use]
pub fn is_there(root: &Path) -> bool {
    names(root).is_ok()
}

fn tool(chroot: &Chroot, program: &str) -> Tool {
    Tool::new(program)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .chroot(chroot.root())
}

/// Has the system's `grub-install` make a core for this system. It is told no device,
/// so that no boot record is touched.
///
/// # Errors
/// [`GrubError`] with what the tool said, or when what it made cannot be used.
pub fn core(chroot: &Chroot) -> Result<Vec<u8>, GrubError> {
    let names = names(chroot.root())?;
    let core = names.core(chroot.root());
    let before = modified(&core);
    run_install(&tool(chroot, names.install).args(INSTALL))?;
    if modified(&core) == before {
        return Err(GrubError::Stale { core });
    }
    let bytes = read(&core).map_err(GrubError::Read)?;
    record::check(&bytes)?;
    Ok(bytes)
}

/// The core that `grub-install` made last; none if it never did.
#[must_use]
pub fn present_core(root: &Path) -> Option<Vec<u8>> {
    read(names(root).ok()?.core(root)).ok()
}

/// A core that the distribution has signed.
#[must_use]
pub fn signed_core(root: &Path) -> Option<Vec<u8>> {
    let directories = SIGNED.iter().map(|directory| root.join(directory));
    let files = directories.filter_map(|directory| std::fs::read_dir(directory).ok());
    let mut paths: Vec<PathBuf> = files.flatten().flatten().map(|file| file.path()).collect();
    paths.retain(|path| {
        let name = path.to_string_lossy();
        SIGNED_ENDS.iter().any(|end| name.ends_with(end))
    });
    paths.sort();
    let mut cores = paths.iter().filter_map(|path| read(path).ok());
    cores.find(|core| record::is_signed(core) && record::check(core).is_ok())
}

/// Whether a core does its work in this PReP partition: one that looks for `/boot` on
/// the disk that it was loaded from must lie on that disk.
///
/// # Errors
/// [`GrubError`] with what grub-probe said.
pub fn fits(chroot: &Chroot, core: &[u8], prep: &Path) -> Result<bool, GrubError> {
    let has = |text: &[u8]| core.windows(text.len()).any(|bytes| bytes == text);
    if !ON_SAME_DISK.iter().any(|text| has(text)) {
        return Ok(true);
    }
    let names = names(chroot.root())?;
    let drive = |tool: Tool| {
        let output = tool.run().map_err(|source| GrubError::Tool {
            what: "It is not known which disk GRUB starts from",
            source,
        })?;
        let text = output.text();
        Ok::<_, GrubError>(text.split(',').next().unwrap_or_default().trim().to_owned())
    };
    let probe = || tool(chroot, names.probe).arg("--target=drive");
    Ok(drive(probe().arg("--device").arg(prep))? == drive(probe().arg("/boot"))?)
}

/// Has the system's `grub-install` make a core for this very PReP partition and write
/// it, and reads that back. It wants an older GRUB there, or nothing; if it fails the
/// partition is as before.
///
/// # Errors
/// [`GrubError`] with what the tool said, or when the partition differs.
pub fn install(chroot: &Chroot, prep: &Path) -> Result<(), GrubError> {
    let names = names(chroot.root())?;
    let before = record::contents(prep)?;
    if record::check(&before).is_err() {
        record::fill(&[], prep)?;
    }
    let install = tool(chroot, names.install).args(INSTALL).arg(prep);
    if let Err(error) = run_install(&install) {
        record::fill(&before, prep)?;
        return Err(error);
    }
    let core = read(names.core(chroot.root())).map_err(GrubError::Read)?;
    // What is behind the new one may be of an older, longer one.
    Ok(record::write(&core, prep)?)
}

fn run_install(install: &Tool) -> Result<(), GrubError> {
    install.run().map(drop).map_err(|source| GrubError::Tool {
        what: "GRUB's core was not made",
        source,
    })
}

impl Names {
    fn core(&self, root: &Path) -> PathBuf {
        let core = "powerpc-ieee1275/core.elf";
        root.join(self.directory).join(core)
    }
}

/// The configuration of the system, from the root: one that GRUB without a
/// distribution's additions can read, and that names a kernel that is there.
#[must_use]
pub fn configuration(root: &Path) -> Option<String> {
    find_configuration(root, |text| names_a_kernel(text, &root.join("boot")))
}

/// The configuration of the system, from the root: one that loads a kernel somehow.
#[must_use]
pub fn loading_configuration(root: &Path) -> Option<String> {
    find_configuration(root, loads_a_kernel)
}

fn find_configuration(root: &Path, fits: impl Fn(&str) -> bool) -> Option<String> {
    let files = ["grub.cfg", OWN_CONFIGURATION];
    let paths = files
        .iter()
        .flat_map(|file| NAMES.map(|names| format!("{}/{file}", names.directory)));
    let mut usable = paths.filter(|path| {
        let text = read_to_string(root.join(path)).unwrap_or_default();
        fits(&text)
    });
    usable.next()
}

/// Where a configuration of our own has a place, beside what is there.
#[must_use]
pub fn free_configuration(root: &Path) -> String {
    let there = NAMES
        .iter()
        .find(|names| root.join(names.directory).join("grub.cfg").exists());
    match there {
        Some(names) => format!("{}/{OWN_CONFIGURATION}", names.directory),
        None => format!("{}/grub.cfg", NAMES[0].directory),
    }
}

fn names_a_kernel(config: &str, boot: &Path) -> bool {
    let lines = config.lines().map(str::split_whitespace);
    let kernels = lines.filter_map(|mut words| {
        let is_linux = words.next()? == "linux";
        words.next().filter(|_| is_linux)
    });
    let mut names = kernels.filter_map(|path| Path::new(path).file_name());
    names.any(|name| boot.join(name).exists())
}

/// Generates GRUB's configuration and checks that it loads a kernel.
///
/// # Errors
/// [`GrubError`] with what the tool said.
pub fn configure(chroot: &Chroot) -> Result<(), GrubError> {
    let names = names(chroot.root())?;
    let file = format!("{}/grub.cfg", names.directory);
    tool(chroot, names.mkconfig)
        .arg("-o")
        .arg(format!("/{file}"))
        .run()
        .map_err(|source| GrubError::Tool {
            what: "GRUB's configuration was not written",
            source,
        })?;
    let path = chroot.root().join(file);
    let text = read_to_string(&path).map_err(GrubError::Read)?;
    if loads_a_kernel(&text) {
        Ok(())
    } else {
        Err(GrubError::NoEntry { path })
    }
}

/// Whether GRUB reads the file system of `/boot`, by its own drivers: they refuse
/// features that they do not know. Hands back what it takes it for.
///
/// # Errors
/// [`GrubError`] with what the tool said.
pub fn reads_boot(chroot: &Chroot) -> Result<String, GrubError> {
    let names = names(chroot.root())?;
    let output = tool(chroot, names.probe)
        .args(["--target=fs", "/boot"])
        .run()
        .map_err(GrubError::Unreadable)?;
    Ok(output.text().trim().to_owned())
}

/// Either a `linux` command, or Boot Loader Specification entries taken in by `blscfg`.
pub(crate) fn loads_a_kernel(config: &str) -> bool {
    config
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .any(|word| word == "linux" || word == "blscfg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_signed_core_counts_where_signatures_do() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(signed_core(root.path()), None);
        let place = root.path().join(SIGNED[3]);
        std::fs::create_dir_all(&place).unwrap();
        let core = |end: &[u8]| crate::record::tests::program(end);
        std::fs::write(place.join("core.elf"), core(b"unsigned")).unwrap();
        assert_eq!(signed_core(root.path()), None);
        let signed = core(b"code~Module signature appended~\n");
        std::fs::write(place.join("grub.elf"), &signed).unwrap();
        assert_eq!(signed_core(root.path()), Some(signed));
    }

    #[test]
    fn a_configuration_must_name_a_kernel_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(free_configuration(root.path()), "boot/grub/grub.cfg");
        let place = root.path().join("boot/grub2");
        std::fs::create_dir_all(&place).unwrap();
        let config = |text: &str| std::fs::write(place.join("grub.cfg"), text).unwrap();
        config("insmod blscfg\nblscfg\n");
        assert_eq!(configuration(root.path()), None);
        assert_eq!(free_configuration(root.path()), "boot/grub2/lifeboat.cfg");
        config("menuentry 'x' {\n\tlinux /boot/vmlinux-6.12 root=/dev/x\n}");
        assert_eq!(configuration(root.path()), None);
        std::fs::write(root.path().join("boot/vmlinux-6.12"), "").unwrap();
        assert_eq!(configuration(root.path()).unwrap(), "boot/grub2/grub.cfg");
    }

    #[test]
    fn a_configuration_without_a_kernel_is_noticed() {
        assert!(loads_a_kernel(
            "menuentry 'x' {\n\tlinux\t/vmlinux root=/dev/mapper/rootvg-hd4\n}"
        ));
        assert!(loads_a_kernel("insmod blscfg\nblscfg\n"));
        assert!(!loads_a_kernel("# linux\nset timeout=5\necho linux"));
    }
}
