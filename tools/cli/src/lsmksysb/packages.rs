//! The packages of a backed-up system, as its own package manager lists them.

use serde::Serialize;

/// Where dpkg keeps its list.
pub const DPKG: &[u8] = b"./var/lib/dpkg/status";
/// Where rpm keeps its database: old and new place, and the formats that it has had.
pub const RPM: [&[u8]; 6] = [
    b"./usr/lib/sysimage/rpm/rpmdb.sqlite",
    b"./usr/lib/sysimage/rpm/Packages.db",
    b"./usr/lib/sysimage/rpm/Packages",
    b"./var/lib/rpm/rpmdb.sqlite",
    b"./var/lib/rpm/Packages.db",
    b"./var/lib/rpm/Packages",
];

/// An installed package.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is built for.
    pub architecture: String,
    /// `installed`, or what went wrong with it.
    pub state: String,
    /// The first line of its description.
    pub description: String,
}

/// The packages of a dpkg status file, sorted by name. Those of which only the settings
/// are left are not listed.
pub fn from_dpkg(status: &str) -> Vec<Package> {
    let mut packages: Vec<_> = status.split("\n\n").filter_map(package).collect();
    packages.sort_by(|a, b| (&a.name, &a.architecture).cmp(&(&b.name, &b.architecture)));
    packages
}

fn package(paragraph: &str) -> Option<Package> {
    // Further lines of a field begin with a blank.
    let field = |name: &str| {
        let mut lines = paragraph.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    // want, flag, state
    let state = field("Status")?.split(' ').nth(2)?.to_owned();
    if matches!(state.as_str(), "not-installed" | "config-files") {
        return None;
    }
    Some(Package {
        name: field("Package")?,
        version: field("Version").unwrap_or_default(),
        architecture: field("Architecture").unwrap_or_default(),
        state,
        description: field("Description").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: zlib1g
Status: install ok installed
Architecture: ppc64el
Version: 1:1.3.1-1
Description: compression library - runtime
 Package: not a field
 more

Package: acl
Status: install ok unpacked
Version: 2.3

Package: old
Status: deinstall ok config-files
Version: 1

Status: install ok installed
";

    #[test]
    fn installed_packages_are_listed_sorted() {
        let packages = from_dpkg(STATUS);
        let names: Vec<_> = packages.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["acl", "zlib1g"]);
        assert_eq!(packages[0].state, "unpacked");
        assert_eq!(packages[1].version, "1:1.3.1-1");
        assert_eq!(packages[1].description, "compression library - runtime");
    }

    #[test]
    fn what_is_no_status_file_has_no_packages() {
        assert!(from_dpkg("").is_empty());
        assert!(from_dpkg("\0\0: x\n\n:\n\nPackage\n").is_empty());
    }
}
