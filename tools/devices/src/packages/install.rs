//! The system's own program that installs packages.

use std::time::Duration;

use lifeboat_sys::run::Tool;

use super::SupplyError;
use super::file::{Format, Package, releases};
use crate::distribution::{Distribution, Family};
use crate::system::System;

/// Packages of kernels make boot images when they are installed.
const LIMIT: Duration = Duration::from_secs(3600);
/// A question would never be answered: files that were changed stay as they are.
const UNASKED: [&str; 5] = [
    "--yes",
    "-o",
    "Dpkg::Options::=--force-confdef",
    "-o",
    "Dpkg::Options::=--force-confold",
];
/// Without sources there is nothing to fetch (with `--no-download` apt also refuses files).
const OFFLINE: [&str; 4] = [
    "-o",
    "Dir::Etc::SourceList=/dev/null",
    "-o",
    "Dir::Etc::SourceParts=/dev/null",
];

/// What installs packages here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// apt, or dpkg where there is no apt.
    Debian {
        /// Whether apt is there.
        apt: bool,
    },
    /// rpm, with the program that reaches the archive.
    Rpm(Option<&'static str>),
}

impl Installer {
    /// The one of a system.
    pub fn of(system: &System<'_>) -> Result<Self, SupplyError> {
        let family = Distribution::find(system.root, &system.release).family;
        let debian = matches!(family, Family::Debian | Family::Ubuntu);
        let archives = ["dnf", "yum", "zypper"];
        let archive = archives.into_iter().find(|program| system.has(program));
        match (system.has("dpkg"), system.has("rpm")) {
            // Either has the other's program for taking packages apart.
            (true, rpm) if debian || !rpm => Ok(Self::Debian {
                apt: system.has("apt-get"),
            }),
            (_, true) => Ok(Self::Rpm(archive)),
            _ => Err(SupplyError::NoManager),
        }
    }

    /// The packages that it installs.
    pub fn format(self) -> Format {
        match self {
            Self::Debian { .. } => Format::Deb,
            Self::Rpm(_) => Format::Rpm,
        }
    }

    /// Installs files, without a network, again if they are installed already: what is
    /// lacking of them is what was removed.
    pub fn files(self, packages: &[&Package]) -> Result<(), SupplyError> {
        if packages.is_empty() {
            return Ok(());
        }
        let paths = packages.iter().map(|package| &*package.path);
        match self {
            Self::Debian { apt: true } => {
                let apt = apt_install().args(OFFLINE).arg("--reinstall");
                run(apt.args(paths), packages)
            }
            Self::Debian { apt: false } => run(
                Tool::new("dpkg")
                    .args(["--force-confdef", "--force-confold", "--install"])
                    .args(paths),
                packages,
            ),
            Self::Rpm(_) => {
                for package in packages {
                    // An upgrade of a kernel's package would remove the older kernels.
                    let files = package.files().map_err(|source| SupplyError::Package {
                        path: package.path.clone(),
                        source,
                    })?;
                    let how = if releases(&files).is_empty() {
                        "--upgrade"
                    } else {
                        "--install"
                    };
                    let rpm = Tool::new("rpm").args([how, "--replacepkgs"]);
                    run(rpm.arg(&package.path), &[package])?;
                }
                Ok(())
            }
        }
    }

    /// Installs packages by name from the distribution's archive.
    pub fn names(self, names: &[String]) -> Result<(), SupplyError> {
        let tool = match self {
            Self::Debian { apt: true } => {
                // Lists that are a day old serve as well.
                let update = Tool::new("apt-get").arg("update").deadline(LIMIT);
                if let Err(error) = update.run() {
                    log::warn!("{error}");
                }
                apt_install().arg("--reinstall")
            }
            Self::Rpm(Some("zypper")) => Tool::new("zypper").args(["--non-interactive", "install"]),
            Self::Rpm(Some(program)) => Tool::new(program).args(["-y", "install"]),
            Self::Debian { apt: false } | Self::Rpm(None) => return Err(SupplyError::NoManager),
        };
        let result = tool.args(names).deadline(LIMIT).run();
        result.map(drop).map_err(|source| SupplyError::Install {
            names: names.join(", "),
            source,
        })
    }
}

fn apt_install() -> Tool {
    let apt = Tool::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt.args(["install", "--no-install-recommends"])
        .args(UNASKED)
}

fn run(tool: Tool, packages: &[&Package]) -> Result<(), SupplyError> {
    let result = tool.deadline(LIMIT).run();
    result.map(drop).map_err(|source| {
        let names: Vec<&str> = packages.iter().map(|package| &*package.name).collect();
        SupplyError::Install {
            names: names.join(", "),
            source,
        }
    })
}

/// Has the system's depmod read the modules of the running kernel anew: not every
/// package does it.
pub fn index(system: &System<'_>) -> Result<(), SupplyError> {
    if system.modules().exists() {
        let depmod = Tool::new("depmod").arg(&system.release).deadline(LIMIT);
        depmod.run().map_err(SupplyError::Depmod)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    #[test]
    fn each_system_has_its_own_installer() {
        let of = |os: &str, programs: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            create_dir_all(root.path().join("usr/bin")).unwrap();
            create_dir_all(root.path().join("etc")).unwrap();
            write(root.path().join("etc/os-release"), format!("ID={os}\n")).unwrap();
            for program in programs {
                write(root.path().join("usr/bin").join(program), "").unwrap();
            }
            let system = System {
                root: root.path(),
                release: "6".into(),
            };
            Installer::of(&system).ok()
        };
        let debian = |apt| Some(Installer::Debian { apt });
        assert_eq!(of("debian", &["dpkg", "apt-get", "rpm"]), debian(true));
        assert_eq!(of("debian", &["dpkg"]), debian(false));
        assert_eq!(
            of("fedora", &["rpm", "dnf", "dpkg"]),
            Some(Installer::Rpm(Some("dnf")))
        );
        assert_eq!(
            of("sles", &["rpm", "zypper"]),
            Some(Installer::Rpm(Some("zypper")))
        );
        assert_eq!(of("fedora", &["rpm"]), Some(Installer::Rpm(None)));
        assert_eq!(of("debian", &[]), None);
    }
}
