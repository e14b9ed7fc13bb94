//! One package as a file, and what it contains.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_sys::run::{RunError, Tool};

use crate::coldplug::file_name;
use crate::normalised;

/// Listing or unpacking one package may take this long.
const LIMIT: Duration = Duration::from_secs(600);
/// How files of modules and firmware end when they are compressed.
const COMPRESSED: [&str; 3] = [".xz", ".zst", ".gz"];

/// The kind of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Debian's and Ubuntu's.
    Deb,
    /// Red Hat's and SUSE's.
    Rpm,
}

impl Format {
    /// How names of such files end.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Deb => ".deb",
            Self::Rpm => ".rpm",
        }
    }
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its file.
    pub path: PathBuf,
    /// Its name, without version and architecture.
    pub name: String,
    format: Format,
}

impl Package {
    /// The package that a file is, by its name: `NAME_VERSION_ARCH.deb`,
    /// `NAME-VERSION-RELEASE.ARCH.rpm`.
    pub fn of_path(path: &Path, format: Format) -> Option<Self> {
        let file = file_name(path);
        let stem = file.strip_suffix(format.suffix())?;
        let name = match format {
            Format::Deb => stem.split('_').next(),
            // Packages of sources are for building.
            Format::Rpm if stem.ends_with(".src") => None,
            Format::Rpm => stem.rsplitn(3, '-').nth(2),
        };
        Some(Self {
            path: path.to_owned(),
            name: name.filter(|name| !name.is_empty())?.to_owned(),
            format,
        })
    }

    /// Whether a table or a list means this package. A table names packages of kernels
    /// by their release, which for rpm is the version.
    pub fn is_called(&self, name: &str) -> bool {
        let versioned = || file_name(&self.path).starts_with(&format!("{name}."));
        self.name == name || (self.format == Format::Rpm && versioned())
    }

    /// The files in it, as paths without the first slash.
    pub fn files(&self) -> Result<Vec<String>, RunError> {
        let tool = match self.format {
            Format::Deb => Tool::new("dpkg-deb").arg("--contents"),
            Format::Rpm => Tool::new("rpm").arg("-qlp"),
        };
        let out = tool.arg(&self.path).deadline(LIMIT).run()?.text();
        Ok(match self.format {
            Format::Deb => out.lines().filter_map(contents_line).collect(),
            Format::Rpm => {
                let lines = out.lines().filter_map(|line| line.strip_prefix('/'));
                lines.map(str::to_owned).collect()
            }
        })
    }

    /// Unpacks its files into a directory.
    pub fn unpack(&self, into: &Path) -> Result<(), RunError> {
        match self.format {
            Format::Deb => {
                let tool = Tool::new("dpkg-deb").arg("--extract");
                tool.arg(&self.path).arg(into).deadline(LIMIT).run()?;
            }
            Format::Rpm => {
                let cpio = Tool::new("rpm2cpio")
                    .arg(&self.path)
                    .deadline(LIMIT)
                    .run()?;
                // Relative names only, whatever the archive says.
                let tool = Tool::new("cpio")
                    .args(["--extract", "--make-directories", "--quiet"])
                    .args(["--no-absolute-filenames", "--directory"]);
                tool.arg(into).stdin(cpio.stdout).deadline(LIMIT).run()?;
            }
        }
        Ok(())
    }
}

/// The path in a line as `tar -tv` writes it: `-rw-r--r-- root/root 1 2026-11-21 10:00 ./PATH`.
fn contents_line(line: &str) -> Option<String> {
    let (_, path) = line.split_once(" ./")?;
    let path = path.split(" -> ").next().unwrap_or(path);
    Some(path.to_owned())
}

/// A kernel module in a list of files: the kernel's release, and its name.
pub fn module(path: &str) -> Option<(&str, String)> {
    let path = path.strip_prefix("usr/").unwrap_or(path);
    let (release, below) = path.strip_prefix("lib/modules/")?.split_once('/')?;
    let file = below.rsplit('/').next()?;
    let name = plain(file).strip_suffix(".ko")?;
    Some((release, normalised(name)))
}

/// The releases of the kernels whose modules are in a list of files.
pub fn releases(files: &[String]) -> BTreeSet<&str> {
    let modules = files.iter().filter_map(|path| module(path));
    modules.map(|(release, _)| release).collect()
}

/// Whether a path is this file of firmware.
pub fn is_firmware(path: &str, file: &str) -> bool {
    let path = path.strip_prefix("usr/").unwrap_or(path);
    let below = path.strip_prefix("lib/firmware/");
    below.is_some_and(|below| plain(below) == plain(file))
}

/// A name without the suffix of its compression.
fn plain(file: &str) -> &str {
    let cut = COMPRESSED
        .iter()
        .find_map(|suffix| file.strip_suffix(suffix));
    cut.unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_which_package_it_is() {
        let name = |file: &str, format| Some(Package::of_path(Path::new(file), format)?.name);
        let deb = "/cd/pool/l/linux-image-6.12.107+deb13-powerpc64le_6.12.107-1_ppc64el.deb";
        let of_deb = name(deb, Format::Deb);
        assert_eq!(
            of_deb.as_deref(),
            Some("linux-image-6.12.107+deb13-powerpc64le")
        );
        assert_eq!(name(deb, Format::Rpm), None);
        let rpm = "/cd/kernel-modules-extra-5.14.0-427.el9.ppc64le.rpm";
        let of_rpm = name(rpm, Format::Rpm);
        assert_eq!(of_rpm.as_deref(), Some("kernel-modules-extra"));
        assert_eq!(name("/cd/x-1-2.src.rpm", Format::Rpm), None);
        assert_eq!(name("/cd/README", Format::Deb), None);
    }

    #[test]
    fn rpm_packages_of_kernels_are_called_with_their_release_too() {
        let path = Path::new("kernel-modules-extra-5.14.0-427.el9.ppc64le.rpm");
        let package = Package::of_path(path, Format::Rpm).unwrap();
        for (name, called) in [
            ("kernel-modules-extra", true),
            ("kernel-modules-extra-5.14.0-427.el9.ppc64le", true),
            ("kernel-modules-extra-5.14.0-427.el9", true),
            ("kernel-modules", false),
        ] {
            let name = name.strip_suffix(".ppc64le").unwrap_or(name);
            assert_eq!(package.is_called(name), called, "{name}");
        }
    }

    #[test]
    fn modules_and_firmware_are_found_in_a_list_of_files() {
        let line = "-rw-r--r-- root/root 2104 2026-11-21 10:00 ./lib/modules/6.12/kernel/drivers/net/virtio-net.ko.xz";
        let path = contents_line(line).unwrap();
        assert_eq!(module(&path), Some(("6.12", "virtio_net".into())));
        assert_eq!(
            module("usr/lib/modules/6.12/extra/a.ko"),
            Some(("6.12", "a".into()))
        );
        assert_eq!(module("lib/modules/6.12/modules.order"), None);
        let link = "lrwxrwxrwx root/root 0 2026-11-21 10:00 ./a -> b";
        assert_eq!(contents_line(link).as_deref(), Some("a"));
        assert!(is_firmware("usr/lib/firmware/a/b.fw.zst", "a/b.fw"));
        assert!(!is_firmware("usr/lib/firmware/b.fw", "a/b.fw"));
        let files = [path, "usr/lib/modules/6.13/a.ko".to_owned()];
        assert_eq!(
            releases(&files).into_iter().collect::<Vec<_>>(),
            ["6.12", "6.13"]
        );
    }
}
