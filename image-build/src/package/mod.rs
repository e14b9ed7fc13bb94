//! Lifeboat's own packages for Debian and for Red Hat and SUSE: a tree of what
//! is installed for each, and the programs that pack it. What a package says
//! about itself is in `tools/cli/Cargo.toml`, as those programs read it.

mod contents;
mod packagers;

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use lifeboat_sys::fs::{self, PathContext as _};
use lifeboat_sys::run::Tool;

use crate::progress::step;
use crate::rescue::{self, DATE};
use crate::tree::{Kind, Tree};
use crate::{collect, docs, iso, own_core, providers};
use contents::Parts;
pub use contents::links;

/// The checkout.
const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where trees and packages are; `tools/cli/Cargo.toml` names the same place.
const PLACE: &str = "build/packages";
const TARGET: &str = "powerpc64le-unknown-linux-gnu";

/// A form of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For Debian and Ubuntu.
    Deb,
    /// For Red Hat, Fedora and SUSE.
    Rpm,
}

impl Form {
    /// The suffix of such packages, and the name of their tree.
    fn suffix(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
        }
    }

    /// A package's name, which says what it is to people and archives.
    fn file_name(self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        match self {
            Self::Deb => format!("lifeboat_{version}-1_ppc64el.deb"),
            Self::Rpm => format!("lifeboat-{version}-1.ppc64le.rpm"),
        }
    }
}

/// Makes a package and hands back its path. `lifeboat` is the program for Power,
/// `rescue` what `image-build rescue` wrote.
///
/// # Errors
/// When something is missing, or a program fails.
pub fn build(form: Form, lifeboat: &Path, rescue: &Path) -> anyhow::Result<PathBuf> {
    let place = Path::new(TOP).join(PLACE);
    let date = fs::read_to_string(rescue.join(DATE))?;
    let date = date.trim();
    let seconds = date
        .parse()
        .with_context(|| format!("{}: {date}", rescue.join(DATE).display()))?;
    let packager = packagers::installed(form)?;
    let package = place.join(form.file_name());
    step(&format!("Writing {}", form.file_name()), || {
        let tree = contents::tree(form, &parts(lifeboat, rescue)?);
        install(&tree, &place.join(form.suffix()), seconds)?;
        let tool = Tool::new("env")
            .arg(format!("--chdir={TOP}"))
            .arg(packager)
            // The same files give the same package: it knows no other time than theirs.
            .env("SOURCE_DATE_EPOCH", date);
        let tool = match form {
            Form::Deb => tool
                .args(["deb", "--package", "lifeboat", "--no-build", "--no-strip"])
                // It warns of units that it did not find by itself; they are in the tree.
                .arg("--quiet")
                // Debian's own compressor, for what is compressed already the quick one.
                .args(["--compress-system", "--fast"]),
            Form::Rpm => tool
                .args(["generate-rpm", "--package", "tools/cli"])
                // Every rpm reads gzip; most of the payload is compressed already.
                .args(["--auto-req", "no", "--payload-compress", "gzip"]),
        };
        tool.args(["--target", TARGET, "--output"])
            .arg(&package)
            .run()?;
        Ok(package)
    })
}

/// All that the packages are made of.
fn parts(lifeboat: &Path, rescue: &Path) -> anyhow::Result<Parts> {
    let collected = collect::packages(false)?;
    let work = tempfile::tempdir().at("create", "a temporary directory")?;
    let (cd, docs) = (work.path().join("cd"), work.path().join("docs"));
    iso::tree(&collected.root, rescue, &cd)?;
    docs::build(&docs)?;
    Ok(Parts {
        program: rescue::own_program(lifeboat)?,
        core: own_core::build(&collected.root)?,
        cd: contents::files_below(&cd)?,
        docs: contents::files_below(&docs)?,
        table: providers::table(&collected)?,
        versions: fs::read(&collected.versions)?,
    })
}

/// Writes a tree of files into an empty directory, all of this date.
fn install(tree: &Tree, directory: &Path, date: u64) -> anyhow::Result<()> {
    if directory.exists() {
        std::fs::remove_dir_all(directory).at("remove", directory)?;
    }
    fs::create_dir_all(directory)?;
    let date = UNIX_EPOCH + Duration::from_secs(date);
    for (path, node) in tree.nodes() {
        let to = directory.join(path);
        match &node.kind {
            Kind::Directory => fs::create_dir_all(&to)?,
            Kind::Symlink(target) => {
                std::os::unix::fs::symlink(target, &to).at("create", &to)?;
                continue;
            }
            Kind::File(bytes) => fs::write(&to, bytes)?,
            Kind::Character { .. } => unreachable!("packages have no devices"),
        }
        std::fs::set_permissions(&to, Permissions::from_mode(node.mode)).at("protect", &to)?;
        if matches!(node.kind, Kind::File(_)) {
            let file = File::open(&to).at("open", &to)?;
            file.set_modified(date).at("date", &to)?;
        }
    }
    Ok(())
}
