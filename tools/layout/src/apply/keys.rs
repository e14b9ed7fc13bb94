//! What opens encrypted devices. It is never part of a plan, a log or a message.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Passphrases or the contents of key files, by the name of the encrypted device; and
/// the headers that are kept.
#[derive(Default)]
pub struct Keys {
    keys: BTreeMap<String, Key>,
    headers: BTreeMap<String, PathBuf>,
}

/// Bytes that are blanked when nobody needs them any more.
struct Key(Vec<u8>);

impl Keys {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is to open the device called `name`: a passphrase as it will be
    /// typed, without a newline, or all bytes of a key file.
    pub fn insert(&mut self, name: &str, key: Vec<u8>) {
        self.keys.insert(name.to_owned(), Key(key));
    }

    /// The device called `name` is to have the header in this file (`cryptsetup
    /// luksHeaderBackup`) again, with all its passphrases, and no new one.
    pub fn keep_header(&mut self, name: &str, file: PathBuf) {
        self.headers.insert(name.to_owned(), file);
    }

    /// The file with the header that the device is to have again.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Path> {
        self.headers.get(name).map(PathBuf::as_path)
    }

    /// Whether there is a key for the device.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.keys.get(name).map(|key| key.0.as_slice())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.fill(0);
        // Otherwise the compiler may see that nobody reads them again.
        std::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_name_and_never_shown() {
        let mut keys = Keys::new();
        keys.insert("luks-home", b"secret".to_vec());
        assert!(keys.has("luks-home") && !keys.has("luks-root"));
        assert_eq!(keys.get("luks-home"), Some(&b"secret"[..]));
        assert_eq!(format!("{keys:?}"), "{\"luks-home\"}");
    }
}
