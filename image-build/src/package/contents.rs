//! What is installed where.

use std::path::Path;

use lifeboat_cli::manual::WITHOUT_LINK;
use lifeboat_sys::fs::{self, FsError, PathContext as _};

use super::Form;
use crate::compress::gzip;
use crate::own_core;
use crate::providers;
use crate::tree::Tree;

/// Files that are the same in every package: where, and what.
const FILES: [(&str, &str); 4] = [
    (
        "etc/lifeboat/backup.conf",
        include_str!("../../../tools/cli/packaging/backup.conf"),
    ),
    (
        "usr/lib/systemd/system/lifeboat-backup.service",
        include_str!("../../../tools/cli/packaging/lifeboat-backup.service"),
    ),
    (
        "usr/lib/systemd/system/lifeboat-backup.timer",
        include_str!("../../../tools/cli/packaging/lifeboat-backup.timer"),
    ),
    (
        "usr/share/doc/lifeboat/README.md",
        include_str!("../../../README.md"),
    ),
];

/// What changed, for people and for Debian.
const CHANGELOG: &str = include_str!("../../../CHANGELOG.md");
const DEBIAN_CHANGELOG: &str = include_str!("../../../tools/cli/packaging/changelog");
const OVERRIDES: &str = include_str!("../../../tools/cli/packaging/lintian-overrides");
const LICENCES: [(&str, &str); 3] = [
    ("LICENSE", include_str!("../../../LICENSE")),
    ("LICENSE-APACHE", include_str!("../../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../../../LICENSE-MIT")),
];

/// The directory with the commands under their AIX names. It is in nobody's PATH
/// by itself, because other packages have programs of some of these names.
const LINKS: &str = "usr/lib/lifeboat/bin";
/// Commands of that kind (of powerpc-utils, dump, lsvpd, procinfo): a shell that completes the
/// other's flags with ours would be wrong.
const NAMES_OF_OTHERS: [&str; 4] = ["bootlist", "lscfg", "lsdev", "restore"];

/// What the packages are made of, besides [`FILES`].
pub struct Parts {
    /// The program, for Power.
    pub program: Vec<u8>,
    /// GRUB's core for systems without one.
    pub core: Vec<u8>,
    /// The CD tree, as paths and contents.
    pub cd: Vec<(String, Vec<u8>)>,
    /// Manual pages and completions, as `image-build docs` names them.
    pub docs: Vec<(String, Vec<u8>)>,
    /// The table of packages for `cfgmgr`.
    pub table: Vec<u8>,
    /// Names and versions of what the rescue image is made of.
    pub versions: Vec<u8>,
}

/// The files of a package.
pub fn tree(form: Form, parts: &Parts) -> Tree {
    let mut tree = Tree::default();
    tree.file("usr/bin/lifeboat", 0o755, &*parts.program);
    for name in links() {
        link(&mut tree, form, &name);
    }
    tree.file(own_core::path(), 0o644, &*parts.core);
    for (path, bytes) in &parts.cd {
        tree.file(&format!("usr/lib/lifeboat/rescue/{path}"), 0o644, &**bytes);
    }
    tree.file(providers::PATH, 0o644, &*parts.table);
    for (path, text) in FILES {
        tree.file(path, 0o644, text);
    }
    let doc = |name: &str| format!("usr/share/doc/lifeboat/{name}");
    tree.file(&doc("rescue-packages"), 0o644, &*parts.versions);
    tree.file(&doc("changelog.gz"), 0o644, gzip(CHANGELOG.as_bytes()));
    match form {
        Form::Deb => {
            let changes = gzip(DEBIAN_CHANGELOG.as_bytes());
            tree.file(&doc("changelog.Debian.gz"), 0o644, changes);
            let overrides = "usr/share/lintian/overrides/lifeboat";
            tree.file(overrides, 0o644, OVERRIDES);
        }
        Form::Rpm => {
            for (name, text) in LICENCES {
                let path = format!("usr/share/licenses/lifeboat/{name}");
                tree.file(&path, 0o644, text);
            }
        }
    }
    for (path, bytes) in &parts.docs {
        document(&mut tree, form, path, bytes);
    }
    tree
}

/// Every command that has a link.
pub fn links() -> Vec<String> {
    lifeboat_cli::command()
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .filter(|name| !WITHOUT_LINK.contains(&name.as_str()))
        .collect()
}

fn link(tree: &mut Tree, form: Form, name: &str) {
    let path = format!("{LINKS}/{name}");
    match form {
        Form::Deb => tree.symlink(&path, "../../../bin/lifeboat"),
        // cargo-generate-rpm packs what a link leads to, not links.
        Form::Rpm => {
            let script = format!("#!/bin/sh\nexec /usr/bin/lifeboat {name} \"$@\"\n");
            tree.file(&path, 0o755, script);
        }
    }
}

/// A manual page, or the completions of a shell.
fn document(tree: &mut Tree, form: Form, path: &str, bytes: &[u8]) {
    let (kind, file) = path.split_once('/').unwrap_or(("", path));
    if kind == "man1" {
        let page = format!("usr/share/man/man1/{file}.gz");
        return tree.file(&page, 0o644, gzip(bytes));
    }
    let directory = match (kind, form) {
        ("bash", _) => "bash-completion/completions",
        ("zsh", Form::Deb) => "zsh/vendor-completions",
        ("zsh", Form::Rpm) => "zsh/site-functions",
        _ => "fish/vendor_completions.d",
    };
    let name = file.trim_start_matches('_').trim_end_matches(".fish");
    if !NAMES_OF_OTHERS.contains(&name) {
        tree.file(&format!("usr/share/{directory}/{file}"), 0o644, bytes);
    }
}

/// The files below a directory, sorted, with paths relative to it.
///
/// # Errors
/// [`FsError`] when something cannot be read.
pub fn files_below(directory: &Path) -> Result<Vec<(String, Vec<u8>)>, FsError> {
    let mut files = Vec::new();
    collect(directory, "", &mut files)?;
    files.sort();
    Ok(files)
}

fn collect(directory: &Path, at: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), FsError> {
    for entry in std::fs::read_dir(directory).at("list", directory)? {
        let entry = entry.at("list", directory)?;
        let path = format!("{at}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push((path, fs::read(entry.path())?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Kind;

    fn made(form: Form) -> Vec<(String, u32, Kind)> {
        let parts = Parts {
            program: b"program".to_vec(),
            core: b"core".to_vec(),
            cd: vec![("boot/vmlinuz".into(), b"kernel".to_vec())],
            docs: vec![
                ("bash/mksysb".into(), b"complete".to_vec()),
                ("fish/restore.fish".into(), b"complete".to_vec()),
                ("man1/mksysb.1".into(), b"page".to_vec()),
                ("zsh/_mksysb".into(), b"complete".to_vec()),
            ],
            table: b"table".to_vec(),
            versions: b"linux 6.12".to_vec(),
        };
        tree(form, &parts)
            .nodes()
            .filter(|(_, node)| node.kind != Kind::Directory)
            .map(|(path, node)| (path.to_owned(), node.mode, node.kind.clone()))
            .collect()
    }

    fn has(files: &[(String, u32, Kind)], path: &str) -> bool {
        files.iter().any(|(there, _, _)| there == path)
    }

    #[test]
    fn each_system_finds_files_where_it_looks() {
        let (deb, rpm) = (made(Form::Deb), made(Form::Rpm));
        for path in [
            "usr/lib/lifeboat/packages.table.gz",
            "usr/lib/lifeboat/rescue/boot/vmlinuz",
            "usr/lib/lifeboat/grub/core.elf",
            "usr/share/man/man1/mksysb.1.gz",
            "usr/share/bash-completion/completions/mksysb",
            "etc/lifeboat/backup.conf",
            "usr/lib/systemd/system/lifeboat-backup.timer",
        ] {
            assert!(has(&deb, path) && has(&rpm, path), "{path}");
        }
        assert!(has(&deb, "usr/share/zsh/vendor-completions/_mksysb"));
        assert!(has(&rpm, "usr/share/zsh/site-functions/_mksysb"));
        assert!(has(&deb, "usr/share/doc/lifeboat/changelog.Debian.gz"));
        assert!(has(&rpm, "usr/share/licenses/lifeboat/LICENSE-MIT"));
        let foreign = "usr/share/fish/vendor_completions.d/restore.fish";
        assert!(!has(&deb, foreign) && !has(&rpm, foreign));
    }

    #[test]
    fn the_aix_names_lead_to_the_program() {
        let (deb, rpm) = (made(Form::Deb), made(Form::Rpm));
        for name in ["mksysb", "lsmksysb", "bootlist", "mkdvd"] {
            let path = format!("usr/lib/lifeboat/bin/{name}");
            let of = |files: &[(String, u32, Kind)]| {
                let found = files.iter().find(|(there, _, _)| *there == path);
                found.unwrap().clone()
            };
            let link = Kind::Symlink("../../../bin/lifeboat".into());
            assert_eq!(of(&deb), (path.clone(), 0o777, link));
            let (_, mode, script) = of(&rpm);
            let Kind::File(script) = script else {
                panic!("{name} is no script")
            };
            let script = String::from_utf8(script).unwrap();
            assert_eq!(mode, 0o755);
            assert!(script.ends_with(&format!("exec /usr/bin/lifeboat {name} \"$@\"\n")));
        }
        assert!(!has(&deb, "usr/lib/lifeboat/bin/menu"));
    }

    #[test]
    fn debians_changelog_is_of_this_version() {
        let first = DEBIAN_CHANGELOG.lines().next().unwrap();
        let expected = format!("lifeboat ({}-1) ", env!("CARGO_PKG_VERSION"));
        assert!(first.starts_with(&expected), "{first}");
    }
}
