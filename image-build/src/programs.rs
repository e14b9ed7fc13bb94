//! The programs of the rescue image with exactly the libraries that they need,
//! found by reading the ELF files: nothing foreign is run to build an image.

use std::collections::BTreeSet;
use std::path::Path;

use lifeboat_sys::fs::{self, FsError, PathContext as _};

use crate::elf::{Elf, ElfError};
use crate::tree::Tree;

/// Which programs, and under which further names.
const PROGRAMS: &str = include_str!("../rescue/programs");
/// The names of busybox, by directory.
const APPLETS: &str = include_str!("../rescue/applets");
/// Where Debian keeps this architecture's libraries; the loader looks there
/// without configuration.
const LIBRARIES: &str = "usr/lib/powerpc64le-linux-gnu";
/// Libraries that glibc and xfsprogs open by name only when a thread is cancelled.
const OPENED_BY_NAME: [&str; 1] = ["libgcc_s.so.1"];

/// The programs cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A library that a program needs was not collected.
    #[error("0590-810 {user} needs {library}, which the collected packages do not have")]
    Library {
        /// The program or library that names it.
        user: String,
        /// Its file name.
        library: String,
    },
    /// A program's file makes no sense.
    #[error("0590-811 {path} is no program for the rescue image")]
    Damaged {
        /// Its path in the image.
        path: String,
        /// What is wrong.
        #[source]
        source: ElfError,
    },
    /// busybox was built without something that is listed.
    #[error("0590-812 The collected busybox has no {0}")]
    Applet(String),
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FsError),
}

/// The programs with their links, and apart from them the libraries.
///
/// # Errors
/// [`ProgramError`] when something is missing from the collected packages.
pub fn trees(root: &Path) -> Result<(Tree, Tree), ProgramError> {
    let mut programs = Tree::default();
    let mut needed = Needed {
        users: OPENED_BY_NAME.map(|l| ("glibc".into(), l.into())).into(),
    };
    let mut loaders = BTreeSet::new();
    for (path, links) in parse_programs(PROGRAMS) {
        let bytes = fs::read(root.join(path))?;
        if !bytes.starts_with(b"#!") {
            let elf = parse(path, &bytes)?;
            loaders.extend(elf.interpreter());
            needed.add(path, &elf)?;
        }
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let file = path.rsplit('/').next().unwrap_or(path);
        for link in links {
            programs.symlink(&format!("{directory}/{link}"), file);
        }
        if file == "busybox" {
            add_applets(&mut programs, &bytes)?;
        }
        programs.file(path, 0o755, bytes);
    }
    let mut libraries = Tree::default();
    for loader in &loaders {
        add_loader(&mut libraries, root, loader)?;
    }
    needed.collect(&mut libraries, root)?;
    Ok((programs, libraries))
}

/// Reads `program  name name` lines.
fn parse_programs(text: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    lines(text).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.collect()))
    })
}

/// Lines with something on them besides a comment.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Adds the links to busybox. Its table of names is NUL-separated text, so a
/// name that it lacks is found without running it.
fn add_applets(tree: &mut Tree, busybox: &[u8]) -> Result<(), ProgramError> {
    let known: BTreeSet<&[u8]> = busybox.split(|&b| b == 0).collect();
    let mut directory = "";
    for line in lines(APPLETS) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            directory = name;
            continue;
        }
        for applet in line.split_whitespace() {
            if !known.contains(applet.as_bytes()) {
                return Err(ProgramError::Applet(applet.to_owned()));
            }
            tree.symlink(&format!("{directory}/{applet}"), "/usr/bin/busybox");
        }
    }
    Ok(())
}

/// The loader's path in programs (`/lib64/ld64.so.2`) is a link into the
/// library directory.
fn add_loader(tree: &mut Tree, root: &Path, loader: &str) -> Result<(), ProgramError> {
    let file = loader.rsplit('/').next().unwrap_or(loader);
    let path = format!("{LIBRARIES}/{file}");
    tree.copy(&path, 0o755, &root.join(&path))?;
    tree.symlink(&format!("usr{loader}"), &format!("/{path}"));
    Ok(())
}

fn parse<'a>(path: &str, bytes: &'a [u8]) -> Result<Elf<'a>, ProgramError> {
    Elf::parse(bytes).map_err(|source| ProgramError::Damaged {
        path: path.to_owned(),
        source,
    })
}

/// Libraries still to be looked at, each with who asked for it.
struct Needed {
    users: Vec<(String, String)>,
}

impl Needed {
    fn add(&mut self, path: &str, elf: &Elf<'_>) -> Result<(), ProgramError> {
        let damaged = |source| ProgramError::Damaged {
            path: path.to_owned(),
            source,
        };
        let libraries = elf.needed().map_err(damaged)?;
        self.users.extend(
            libraries
                .into_iter()
                .map(|library| (path.to_owned(), library)),
        );
        Ok(())
    }

    /// Adds each library once, under the name by which it is asked for.
    fn collect(mut self, tree: &mut Tree, root: &Path) -> Result<(), ProgramError> {
        let mut seen = BTreeSet::new();
        while let Some((user, library)) = self.users.pop() {
            // The loader is there already, under the name that programs give.
            if library.starts_with("ld64.so") || !seen.insert(library.clone()) {
                continue;
            }
            let path = format!("{LIBRARIES}/{library}");
            let from = root.join(&path);
            if !from.try_exists().at("examine", &from)? {
                return Err(ProgramError::Library { user, library });
            }
            let bytes = fs::read(&from)?;
            self.add(&path, &parse(&path, &bytes)?)?;
            tree.file(&path, 0o644, bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::tests::program;

    fn write(root: &Path, name: &str, needed: &[&str]) {
        fs::create_dir_all(root.join(LIBRARIES)).unwrap();
        fs::write(root.join(LIBRARIES).join(name), program(needed)).unwrap();
    }

    #[test]
    fn libraries_of_libraries_are_collected_once() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "liba.so", &["libc.so.6", "libb.so"]);
        write(
            root.path(),
            "libb.so",
            &["liba.so", "libc.so.6", "ld64.so.2"],
        );
        write(root.path(), "libc.so.6", &[]);
        let needed = Needed {
            users: vec![("usr/bin/x".into(), "liba.so".into())],
        };
        let mut tree = Tree::default();
        needed.collect(&mut tree, root.path()).unwrap();
        let files: Vec<&str> = tree
            .nodes()
            .map(|(p, _)| p)
            .filter(|p| p.contains(".so"))
            .collect();
        assert_eq!(
            files,
            ["liba.so", "libb.so", "libc.so.6"].map(|f| format!("{LIBRARIES}/{f}"))
        );
    }

    #[test]
    fn a_missing_library_is_named_with_its_user() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "liba.so", &["libgone.so.3"]);
        let needed = Needed {
            users: vec![("usr/bin/x".into(), "liba.so".into())],
        };
        let error = needed
            .collect(&mut Tree::default(), root.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("liba.so needs libgone.so.3"), "{error}");
    }

    #[test]
    fn a_busybox_without_an_applet_is_refused() {
        let all: Vec<u8> = lines(APPLETS)
            .filter(|l| !(l.starts_with('[') && l.ends_with(']')))
            .flat_map(|l| {
                l.split_whitespace()
                    .flat_map(|a| [a.as_bytes(), b"\0"].concat())
            })
            .collect();
        let mut tree = Tree::default();
        add_applets(&mut tree, &all).unwrap();
        assert!(tree.nodes().any(|(path, _)| path == "usr/bin/["));
        let error = add_applets(&mut tree, b"[\0ash\0").unwrap_err();
        assert!(matches!(error, ProgramError::Applet(name) if name == "awk"));
    }
}
