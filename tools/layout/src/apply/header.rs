//! Headers of encrypted devices that were saved: the device gets the one it had, with all
//! its passphrases, instead of a new one.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use lifeboat_sys::fs::PathContext as _;
use lifeboat_sys::run::RunError;

use super::crypt::{run, tool};
use super::disk::blank_node;
use super::{ApplyError, Keys};
use crate::luks::{HEAD, Header, parse};
use crate::plan::PlannedCrypt;

/// What `cryptsetup` ends with when no key slot takes the passphrase (cryptsetup(8)).
const NO_SLOT: i32 = 2;

/// Whether the header in `file` can be opened with this passphrase or key.
///
/// # Errors
/// Whatever else `cryptsetup` says: a damaged header, too little memory.
pub fn opens(file: &Path, key: &[u8]) -> Result<bool, RunError> {
    let test = ["open", "--type=luks", "--test-passphrase", "--key-file=-"];
    match tool().args(test).arg(file).stdin(key).run() {
        Ok(_) => Ok(true),
        Err(RunError::Failed { status, .. }) if status.code() == Some(NO_SLOT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a saved header is the one that the backup's system had, and the key opens
/// it. Nothing is written.
pub(super) fn check(crypt: &PlannedCrypt, keys: &Keys) -> Result<(), ApplyError> {
    let (Some(file), Some(key)) = (keys.header(&crypt.name), keys.get(&crypt.name)) else {
        return Ok(());
    };
    let foreign = |why: String| ApplyError::ForeignHeader {
        file: file.to_owned(),
        name: crypt.name.clone(),
        why,
    };
    match parse(&head(file)?) {
        None => return Err(foreign("it is no LUKS header".to_owned())),
        Some(header) => differs(crypt, &header).map_or(Ok(()), |why| Err(foreign(why)))?,
    }
    match opens(file, key) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ApplyError::WrongKey {
            file: file.to_owned(),
            name: crypt.name.clone(),
        }),
        Err(source) => Err(ApplyError::Header {
            file: file.to_owned(),
            source,
        }),
    }
}

fn head(file: &Path) -> Result<Vec<u8>, ApplyError> {
    let mut head = Vec::new();
    let limit = HEAD as u64;
    File::open(file)
        .and_then(|opened| opened.take(limit).read_to_end(&mut head))
        .at("read", file)
        .map_err(ApplyError::Read)?;
    Ok(head)
}

/// In what a header is not the recorded one.
fn differs(crypt: &PlannedCrypt, header: &Header) -> Option<String> {
    let fields = [
        ("UUID", header.uuid.clone(), crypt.old_uuid.clone()),
        (
            "version",
            header.version.to_string(),
            crypt.version.to_string(),
        ),
        ("cipher", header.cipher.clone(), crypt.cipher.clone()),
        (
            "sector size",
            header.sector.to_string(),
            crypt.sector.to_string(),
        ),
        (
            "offset",
            header.offset.to_string(),
            crypt.offset.to_string(),
        ),
    ];
    fields
        .into_iter()
        .find(|(_, found, recorded)| found != recorded)
        .map(|(what, found, recorded)| {
            format!("its {what} is {found}, that of the backup's device is {recorded}")
        })
}

/// Writes a saved header to the device that had it.
pub(super) fn restore(crypt: &PlannedCrypt, file: &Path) -> Result<(), ApplyError> {
    // cryptsetup would compare it with one that is there.
    blank_node(&crypt.under)?;
    let write = tool()
        .args([
            "luksHeaderRestore",
            "--batch-mode",
            &crypt.under,
            "--header-backup-file",
        ])
        .arg(file);
    run(&write, || {
        format!("restore the header of encrypted device {}", crypt.name)
    })?;
    if crypt.uuid == crypt.old_uuid {
        return Ok(());
    }
    let renew = tool().args([
        "luksUUID",
        "--batch-mode",
        &crypt.under,
        "--uuid",
        &crypt.uuid,
    ]);
    run(&renew, || {
        format!("give encrypted device {} its new UUID", crypt.name)
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::crypt::tests::crypt;
    use super::*;

    /// The header that the device had.
    fn same(crypt: &PlannedCrypt) -> Header {
        Header {
            version: crypt.version,
            uuid: crypt.old_uuid.clone(),
            cipher: crypt.cipher.clone(),
            sector: crypt.sector,
            offset: crypt.offset,
            ..Header::default()
        }
    }

    #[test]
    fn the_header_of_another_device_is_named() {
        let mut crypt = crypt();
        crypt.old_uuid = "1111".to_owned();
        assert_eq!(differs(&crypt, &same(&crypt)), None);
        let mut other = same(&crypt);
        other.uuid = "2222".to_owned();
        let why = differs(&crypt, &other).unwrap();
        assert_eq!(why, "its UUID is 2222, that of the backup's device is 1111");
        let mut moved = same(&crypt);
        moved.offset += 512;
        assert!(differs(&crypt, &moved).unwrap().starts_with("its offset"));
    }

    #[test]
    fn what_is_no_header_is_refused_before_anything_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("luks-home.header");
        std::fs::write(&file, "a letter to the editor").unwrap();
        let crypt = crypt();
        let mut keys = Keys::new();
        keys.insert(&crypt.name, b"secret".to_vec());
        // A new header is made.
        check(&crypt, &keys).unwrap();
        keys.keep_header(&crypt.name, file.clone());
        let refused = check(&crypt, &keys).unwrap_err();
        assert!(
            matches!(refused, ApplyError::ForeignHeader { .. }),
            "{refused}"
        );
        assert!(!refused.wrote());
        std::fs::remove_file(&file).unwrap();
        let missing = check(&crypt, &keys).unwrap_err();
        assert!(!missing.wrote() && missing.to_string().contains("luks-home.header"));
    }
}
