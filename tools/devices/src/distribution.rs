//! How the distribution of a system calls the packages that matter to devices.

use std::path::Path;

use lifeboat_sys::fs::attribute;

/// What packages are called, and which program installs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// Debian.
    #[default]
    Debian,
    /// Ubuntu: as Debian, with the rarer modules in a package of their own.
    Ubuntu,
    /// Red Hat, Fedora and their relatives.
    RedHat,
    /// SUSE.
    Suse,
}

/// A distribution with the running kernel's release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Its family.
    pub family: Family,
    /// As `uname -r` says it.
    release: String,
}

impl Distribution {
    /// The system below `root`, with this kernel.
    #[must_use]
    pub fn find(root: &Path, release: &str) -> Self {
        let texts = ["etc/os-release", "usr/lib/os-release"];
        let text = texts.iter().find_map(|path| attribute(root.join(path)));
        Self::parse(&text.unwrap_or_default(), release)
    }

    /// Reads os-release(5). A system that is not known counts as Debian, from whose
    /// packages the table is made.
    #[must_use]
    pub fn parse(os_release: &str, release: &str) -> Self {
        let value = |key| {
            let mut lines = os_release.lines().filter_map(|line| line.split_once('='));
            let (_, value) = lines.find(|(name, _)| *name == key)?;
            Some(value.trim_matches(['"', '\'']))
        };
        let names = [value("ID"), value("ID_LIKE")];
        let mut names = names.into_iter().flatten().flat_map(str::split_whitespace);
        let family = names.find_map(|name| match name {
            "debian" => Some(Family::Debian),
            "ubuntu" => Some(Family::Ubuntu),
            "rhel" | "fedora" | "centos" => Some(Family::RedHat),
            "suse" | "sles" | "opensuse" => Some(Family::Suse),
            _ => None,
        });
        Self {
            family: family.unwrap_or_default(),
            release: release.to_owned(),
        }
    }

    /// A package's name with the kernel's release for each `%r`.
    #[must_use]
    pub fn with_release(&self, package: &str) -> String {
        package.replace("%r", &self.release)
    }

    /// The package with those modules of the running kernel that are not always
    /// installed, where it is not the one that the table names.
    #[must_use]
    pub fn modules(&self) -> Option<String> {
        let package = match self.family {
            Family::Debian => return None,
            Family::Ubuntu => "linux-modules-extra-%r",
            Family::RedHat => "kernel-modules-extra-%r",
            // Systems in clouds come with a part of it, kernel-default-base.
            Family::Suse => "kernel-default",
        };
        Some(self.with_release(package))
    }

    /// The package with all firmware, where there is only one.
    #[must_use]
    pub fn firmware(&self) -> Option<&'static str> {
        match self.family {
            Family::Debian => None,
            Family::Ubuntu | Family::RedHat => Some("linux-firmware"),
            Family::Suse => Some("kernel-firmware-all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_known_by_name_or_by_whom_they_are_like() {
        for (text, family) in [
            ("ID=debian\n", Family::Debian),
            ("NAME=x\nID=ubuntu\nID_LIKE=debian\n", Family::Ubuntu),
            ("ID=\"rhel\"\n", Family::RedHat),
            (
                "ID=almalinux\nID_LIKE=\"rhel centos fedora\"\n",
                Family::RedHat,
            ),
            ("ID=\"sles\"\nID_LIKE=\"suse\"\n", Family::Suse),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
                Family::Suse,
            ),
            ("", Family::Debian),
        ] {
            assert_eq!(Distribution::parse(text, "6").family, family, "{text}");
        }
    }

    #[test]
    fn names_hold_the_kernels_release() {
        let ubuntu = Distribution::parse("ID=ubuntu\n", "6.8.0-40-generic");
        assert_eq!(
            ubuntu.modules().as_deref(),
            Some("linux-modules-extra-6.8.0-40-generic")
        );
        assert_eq!(Distribution::default().modules(), None);
    }
}
