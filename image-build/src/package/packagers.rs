//! The programs that pack packages: built once, kept in the cache.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::{RunError, Tool};

use super::Form;
use crate::cache::{self, CacheError, Key};
use crate::progress::step;

/// Passed to the compiler: these programs work for seconds, building them for
/// best speed takes minutes.
const QUICKLY: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// A packager cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PackagerError {
    /// Cargo could not build it.
    #[error("0590-850 {name} {version} cannot be built")]
    Build {
        /// The packager.
        name: &'static str,
        /// Its version.
        version: &'static str,
        /// What cargo said.
        #[source]
        source: RunError,
    },
    /// There is no place for it.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FsError),
}

/// A packager on crates.io, with the features that are used.
struct Packager {
    name: &'static str,
    version: &'static str,
    features: &'static [&'static str],
}

fn packager(form: Form) -> Packager {
    match form {
        // It calls the system's xz.
        Form::Deb => Packager {
            name: "cargo-deb",
            version: "3.8.0",
            features: &["--no-default-features"],
        },
        Form::Rpm => Packager {
            name: "cargo-generate-rpm",
            version: "0.21.1",
            features: &[],
        },
    }
}

/// The path of the packager, which is built if it is not in the cache.
///
/// # Errors
/// [`PackagerError`] when it cannot be built.
pub fn installed(form: Form) -> Result<PathBuf, PackagerError> {
    let packager = packager(form);
    let Packager { name, version, .. } = packager;
    let key = Key::default()
        .with(name)
        .with(version)
        .with(packager.features.concat())
        .with(std::env::consts::ARCH);
    let entry = cache::entry(&cache::directory()?, name, &key, false, |entry| {
        step(
            &format!("Building {name} {version} (minutes, kept for the next time)"),
            || install(&packager, entry),
        )
    })?;
    Ok(entry.join("bin").join(name))
}

fn install(packager: &Packager, entry: &Path) -> Result<(), PackagerError> {
    let built = entry.join("built");
    let mut cargo = Tool::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["install", "--locked", "--quiet", "--root"])
        .arg(entry)
        // A directory of its own: the checkout's holds what is built from there.
        .env("CARGO_TARGET_DIR", &built)
        .arg("--version")
        .arg(packager.version)
        .args(packager.features)
        .arg(packager.name);
    for (name, value) in QUICKLY {
        cargo = cargo.env(name, value);
    }
    let Packager { name, version, .. } = *packager;
    cargo.run().map_err(|source| PackagerError::Build {
        name,
        version,
        source,
    })?;
    Ok(cache::remove(&built)?)
}
