//! Who puts a module into the kernel.
//!
//! In the rescue image PID 1 does it itself and starts no program for it. On an
//! installed system the system's own `modprobe` does: it knows the options and
//! exclusions of `/etc/modprobe.d`, and how its modules are compressed.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::run::{RunError, Tool};
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use crate::modules::Module;
use crate::normalised;

/// `MODULE_INIT_COMPRESSED_FILE` of linux/module.h: the kernel decompresses.
const COMPRESSED: u32 = 4;

/// A module was not inserted.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// Its file cannot be opened, or the kernel refused it.
    #[error(transparent)]
    File(#[from] FsError),
    /// modprobe failed.
    #[error(transparent)]
    Modprobe(#[from] RunError),
}

/// A way to insert a module whose needs are already there.
pub trait Insert: Sync {
    /// Inserts it; one that is there already is a success.
    ///
    /// # Errors
    /// [`InsertError`] with the kernel's reason.
    fn insert(&self, module: &Module) -> Result<(), InsertError>;
}

/// Insertion by system call.
#[derive(Debug)]
pub struct Kernel {
    directory: PathBuf,
    parameters: Parameters,
}

impl Kernel {
    /// `directory` is `/lib/modules/VERSION`.
    #[must_use]
    pub fn new(directory: &Path, parameters: Parameters) -> Self {
        Self {
            directory: directory.to_owned(),
            parameters,
        }
    }
}

impl Insert for Kernel {
    fn insert(&self, module: &Module) -> Result<(), InsertError> {
        let path = self.directory.join(&module.path);
        let file = File::open(&path).at("open", &path)?;
        let plain = path.extension().is_some_and(|extension| extension == "ko");
        let flags = if plain { 0 } else { COMPRESSED };
        let flags = ModuleInitFlags::from_bits_retain(flags);
        let inserted = match finit_module(file, &self.parameters.of(&module.name), flags) {
            Err(Errno::EEXIST) => Ok(()),
            other => other,
        };
        Ok(inserted.at("load", &path)?)
    }
}

/// Module parameters given on the kernel's command line.
///
/// The kernel applies `module.parameter=value` itself to what is built in; for
/// a loadable module the loader must hand it over.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters(HashMap<String, String>);

impl Parameters {
    /// Takes the parameters from a kernel command line.
    #[must_use]
    pub fn parse(cmdline: &str) -> Self {
        let mut all = HashMap::<String, String>::new();
        for word in cmdline.split_ascii_whitespace() {
            let name = word.split('=').next().unwrap_or(word);
            let Some((module, _)) = name.split_once('.') else {
                continue;
            };
            let parameters = all.entry(normalised(module)).or_default();
            if !parameters.is_empty() {
                parameters.push(' ');
            }
            parameters.push_str(&word[module.len() + 1..]);
        }
        Self(all)
    }

    fn of(&self, module: &str) -> CString {
        let text = self.0.get(module).map_or("", String::as_str);
        // A command line has no NUL; without one nothing is lost here.
        CString::new(text).unwrap_or_default()
    }
}

/// Insertion by the installed system's modprobe.
#[derive(Debug)]
pub struct Modprobe;

impl Insert for Modprobe {
    fn insert(&self, module: &Module) -> Result<(), InsertError> {
        // `-b` is --use-blacklist; busybox knows only the short form.
        let modprobe = Tool::new("modprobe").args(["-b", &module.name]);
        modprobe.deadline(Duration::from_secs(120)).run()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_reach_the_module_that_they_name() {
        let line = "quiet lifeboat.mode=menu scsi-mod.scan=sync scsi_mod.max_luns=8 usbcore.nousb";
        let parameters = Parameters::parse(line);
        assert_eq!(
            parameters.of("scsi_mod").to_str(),
            Ok("scan=sync max_luns=8")
        );
        assert_eq!(parameters.of("usbcore").to_str(), Ok("nousb"));
        assert_eq!(parameters.of("sd_mod").to_str(), Ok(""));
    }

    #[test]
    fn a_module_without_a_file_is_an_error_with_its_path() {
        let kernel = Kernel::new(Path::new("/no/such/place"), Parameters::default());
        let module = Module {
            path: "x.ko".into(),
            ..Module::default()
        };
        let error = kernel.insert(&module).unwrap_err();
        assert_eq!(
            error.to_string(),
            "0590-001 Cannot open /no/such/place/x.ko"
        );
    }
}
