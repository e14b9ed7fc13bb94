//! What opens encrypted devices. It is never part of a plan, a log or a message.

use std::collections::BTreeMap;
use std::fmt;

/// Passphrases or the contents of key files, by the name of the encrypted device.
#[derive(Default)]
pub struct Keys(BTreeMap<String, Key>);

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
        self.0.insert(name.to_owned(), Key(key));
    }

    /// Whether there is a key for the device.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|key| key.0.as_slice())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
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
