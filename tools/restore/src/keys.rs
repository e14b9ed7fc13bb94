//! What is to open the encrypted devices of the restored system. A backup has neither
//! keys nor headers: they come from files beside it, keys also from a person.

use std::path::Path;

use lifeboat_layout::apply::Keys;
use lifeboat_layout::model::SAVED_HEADER;
use lifeboat_layout::plan::{Plan, Stacked};
use lifeboat_sys::fs::{FsError, read};

/// What the names of key files end with.
const KEY: &str = ".key";

/// The names of the encrypted devices that the plan makes.
#[must_use]
pub fn wanted(plan: &Plan) -> Vec<&str> {
    let crypts = plan.stack.iter().filter_map(|stacked| match stacked {
        Stacked::Crypt(crypt) => Some(crypt.name.as_str()),
        Stacked::Array(_) | Stacked::Group(_) => None,
    });
    crypts.collect()
}

/// Takes the keys and the headers that lie in a directory: of the device `luks-home` all
/// bytes of the file `luks-home.key`, a newline at its end too, and the header that
/// `cryptsetup luksHeaderBackup` wrote to `luks-home.header`.
///
/// # Errors
/// [`FsError`] when a key file is there, but cannot be read.
pub fn beside(directory: &Path, names: &[&str]) -> Result<Keys, FsError> {
    let mut keys = Keys::new();
    // A name with a slash would lead elsewhere.
    for name in names.iter().filter(|name| !name.contains('/')) {
        let key = directory.join(format!("{name}{KEY}"));
        if key.exists() {
            keys.insert(name, read(&key)?);
        }
        let header = directory.join(format!("{name}{SAVED_HEADER}"));
        if header.exists() {
            keys.keep_header(name, header);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_headers_are_found_by_the_name_of_the_device() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("luks-home.key"), "secret").unwrap();
        std::fs::write(directory.path().join("other.key"), "other").unwrap();
        std::fs::write(directory.path().join("luks-root.header"), "").unwrap();
        let names = ["luks-home", "luks-root", "../other"];
        let keys = beside(&directory.path().join("."), &names).unwrap();
        assert!(keys.has("luks-home"));
        assert!(!keys.has("luks-root") && !keys.has("../other") && !keys.has("other"));
        assert!(keys.header("luks-root").is_some() && keys.header("luks-home").is_none());
    }
}
