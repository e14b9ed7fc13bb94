//! `lsmksysb -L`: the packages of the system in a backup.

use anyhow::{Result, bail};
use lifeboat_archive::{Backup, ExtractOptions, ReadError, escape};
use lifeboat_sys::fs::{Scratch, read};
use serde_json::json;

use super::packages::{DPKG, RPM, from_dpkg};
use super::print::{self, Form};
use crate::input::Input;
use crate::out;

/// Prints the list.
///
/// # Errors
/// When the backup has none that can be read, and says which one it has.
pub fn print(input: Input, form: Form) -> Result<()> {
    let name = input.name().to_owned();
    let status = match input {
        Input::File(backup) => from_file(&backup)?,
        input => from_stream(input)?,
    };
    let packages = from_dpkg(&String::from_utf8_lossy(&status));
    if packages.is_empty() {
        bail!(
            "0590-737 {} in {} lists no package",
            escape(DPKG),
            name.display()
        );
    }
    match form {
        Form::Json => out::line(&json!(packages).to_string()),
        Form::Colons => out::print(&print::packages(&packages).colons()),
        Form::Aligned => out::print(&print::packages(&packages).aligned()),
    }
}

/// The list of dpkg. Only the frames that hold it are read.
fn from_file(backup: &Backup) -> Result<Vec<u8>> {
    let mut status = Vec::new();
    match backup.read_member(DPKG, &mut status) {
        Ok(_) => Ok(status),
        Err(error @ ReadError::NotThere { .. }) => {
            let manifest = backup.manifest()?;
            let found = RPM.iter().find(|path| manifest.find(path).is_some());
            let Some(database) = found else {
                return Err(error.into());
            };
            bail!(
                "0590-738 The packages are listed in rpm's database {}, which only rpm reads: \
                 restore the directory it is in (lsmksysb -r), then rpm -qa --dbpath DIRECTORY",
                escape(database)
            )
        }
        Err(error) => Err(error.into()),
    }
}

/// The same from a stream, of which everything is read: its end says whether what was
/// read is right.
fn from_stream(input: Input) -> Result<Vec<u8>> {
    let directory = Scratch::below(&std::env::temp_dir())?;
    let options = ExtractOptions {
        only: vec![DPKG.to_vec()],
        attributes: false,
        ..ExtractOptions::default()
    };
    let report = input.extract(directory.path(), &options, &mut |_| {})?;
    if let Some(finding) = report.damaged.first() {
        bail!("{finding}");
    }
    Ok(read(directory.path().join("var/lib/dpkg/status"))?)
}
