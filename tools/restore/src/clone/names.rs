//! The name of the system.

use std::fs::File;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext};

use crate::references::files;
use crate::references::lines::{Edited, each_entry, fields};

const NAME: &str = "etc/hostname";
/// SUSE's name of the same; mostly a link to it.
const OLD_NAME: &str = "etc/HOSTNAME";
const HOSTS: &str = "etc/hosts";

/// Gives the system below `root` another host name. Hands back the files that changed.
///
/// # Errors
/// [`FsError`] with the file that cannot be read or written.
pub(crate) fn rename(root: &Path, name: &str) -> Result<Vec<PathBuf>, FsError> {
    let root = File::open(root).at("open", root)?;
    let before = files::read(&root, Path::new(NAME))?.unwrap_or_default();
    let before = String::from_utf8_lossy(&before).trim().to_owned();
    let mut changed = Vec::new();
    let line = Edited {
        text: format!("{name}\n").into_bytes(),
        edits: Vec::new(),
    };
    for path in [NAME, OLD_NAME].map(Path::new) {
        if files::edit(&root, path, |_| line.clone())?.is_some() {
            changed.push(path.to_owned());
        }
    }
    if changed.is_empty() && files::create(&root, Path::new(NAME), &line.text)? {
        changed.push(NAME.into());
    }
    let hosts = files::edit(&root, Path::new(HOSTS), |text| hosts(text, &before, name))?;
    if hosts.is_some_and(|edited| !edited.edits.is_empty()) {
        changed.push(HOSTS.into());
    }
    Ok(changed)
}

/// `/etc/hosts` where it names the system by addresses that never leave it.
fn hosts(text: &[u8], old: &str, new: &str) -> Edited {
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    if old.is_empty() || short(old) == "localhost" {
        return each_entry(text, |_| None);
    }
    each_entry(text, |line| {
        let words = fields(line);
        let address = &line[words.first()?.clone()];
        if !address.starts_with("127.") && address != "::1" {
            return None;
        }
        let mut now = line.to_owned();
        for at in words.into_iter().skip(1).rev() {
            let word = &line[at.clone()];
            if short(word) == short(old) {
                let domain = word.strip_prefix(&short(old)).unwrap_or_default();
                let own = format!("{}{domain}", short(new));
                let name = if domain.is_empty() || !new.contains('.') {
                    &own
                } else {
                    new
                };
                now.replace_range(at, name);
            }
        }
        Some(now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_changes_where_it_is_the_systems_own() {
        let place = tempfile::tempdir().unwrap();
        let file = |path: &str| place.path().join(path);
        std::fs::create_dir(file("etc")).unwrap();
        std::fs::write(file(NAME), "alpha\n").unwrap();
        let text = "127.0.0.1 localhost\n127.0.1.1\talpha.example.com alpha\n10.0.0.1 alpha\n# 127.0.0.2 alpha\n";
        std::fs::write(file(HOSTS), text).unwrap();
        let changed = rename(place.path(), "beta").unwrap();
        assert_eq!(changed, [Path::new(NAME), Path::new(HOSTS)]);
        assert_eq!(std::fs::read_to_string(file(NAME)).unwrap(), "beta\n");
        assert_eq!(
            std::fs::read_to_string(file(HOSTS)).unwrap(),
            "127.0.0.1 localhost\n127.0.1.1\tbeta.example.com beta\n10.0.0.1 alpha\n# 127.0.0.2 alpha\n"
        );
        let done = hosts(
            b"::1 alpha.example.com alpha\n",
            "alpha.example.com",
            "b.other.org",
        );
        assert_eq!(done.text, b"::1 b.other.org b\n");
    }
}
