//! GRUB by the restored system's own tools: the core into the PReP partition,
//! the configuration into `/boot`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext, read, read_to_string};
use lifeboat_sys::run::{RunError, Tool};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::chroot::Chroot;

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
/// What SLOF and PowerVM load from a PReP partition: a 32-bit big-endian ELF.
const ELF: [u8; 6] = [0x7f, b'E', b'L', b'F', 1, 2];

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
    #[error("0590-441 The system has no grub-install; its boot record cannot be written")]
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
    /// A file could not be read back.
    #[error("0590-443 The boot record cannot be checked")]
    Read(#[source] FsError),
    /// The partition does not hold what was written.
    #[error("0590-444 The PReP partition {} does not hold the new boot record: {reason}", prep.display())]
    NotWritten {
        /// The PReP partition.
        prep: PathBuf,
        /// What differs.
        reason: &'static str,
    },
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

fn tool(chroot: &Chroot, program: &str) -> Tool {
    Tool::new(program)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .chroot(chroot.root())
}

/// Writes GRUB's core into the PReP partition and reads it back. The firmware's
/// boot list is not touched.
///
/// # Errors
/// [`GrubError`] with what the tool said, or when the partition differs.
pub fn install(chroot: &Chroot, prep: &Path) -> Result<(), GrubError> {
    let names = names(chroot.root())?;
    tool(chroot, names.install)
        .args(["--target=powerpc-ieee1275", "--no-nvram"])
        .arg(prep)
        .run()
        .map_err(|source| GrubError::Tool {
            what: "The boot record was not written",
            source,
        })?;
    let core = chroot
        .root()
        .join(names.directory)
        .join("powerpc-ieee1275/core.elf");
    let core = read(&core).map_err(GrubError::Read)?;
    compare(
        &core,
        &read_back(prep, core.len()).map_err(GrubError::Read)?,
    )
    .map_err(|reason| GrubError::NotWritten {
        prep: prep.to_owned(),
        reason,
    })
}

fn compare(core: &[u8], written: &[u8]) -> Result<(), &'static str> {
    if !core.starts_with(&ELF) {
        return Err("GRUB's core is not a 32-bit big-endian ELF file");
    }
    if core != written {
        return Err("it differs from GRUB's core");
    }
    Ok(())
}

/// Reads the first `length` bytes of a device from the device, not from memory.
fn read_back(device: &Path, length: usize) -> Result<Vec<u8>, FsError> {
    let mut file = File::open(device).at("read", device)?;
    file.sync_all().at("write", device)?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).at("read", device)?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).at("read", device)?;
    Ok(bytes)
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
fn loads_a_kernel(config: &str) -> bool {
    config
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .any(|word| word == "linux" || word == "blscfg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_must_be_what_the_firmware_loads_and_be_there() {
        let core = [&ELF[..], b"rest"].concat();
        assert_eq!(compare(&core, &core), Ok(()));
        assert!(compare(&core, &[0; 10]).is_err());
        assert!(compare(b"\x7fELF\x02\x01", b"\x7fELF\x02\x01").is_err());
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
