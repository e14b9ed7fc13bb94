//! What names are taken for.

use super::*;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

fn look(path: &Path) -> Result<Target, TargetError> {
    Target::look_at(path.as_os_str(), DEFAULT_BLOCKS)
}

fn number(path: &Path) -> String {
    let text = look(path).unwrap_err().to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn files_and_directories_are_targets() {
    let place = tempfile::tempdir().unwrap();
    let here = fs::canonicalize(place.path()).unwrap();
    let file = here.join("b.mksysb");
    assert_eq!(look(&file).unwrap(), Target::File(file.clone()));
    fs::write(&file, "").unwrap();
    assert_eq!(look(&file).unwrap(), Target::File(file.clone()));
    assert_eq!(look(&here).unwrap(), Target::Directory(here.clone()));
    let link = here.join("link");
    symlink(&file, &link).unwrap();
    assert_eq!(look(&link).unwrap(), Target::File(file));
}

#[test]
fn what_is_nothing_to_write_to_is_refused() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(number(&place.path().join("no/such")), "0590-354");
    assert_eq!(number(&place.path().join("new/")), "0590-354");
    let socket = place.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert_eq!(number(&socket), "0590-353");
    assert_eq!(number(Path::new("/dev/null")), "0590-352");
    let dangling = place.path().join("dangling");
    symlink("nowhere", &dangling).unwrap();
    assert_eq!(number(&dangling), "0590-001");
    let error = Target::look_at(OsStr::new("x"), 0).unwrap_err();
    assert!(error.to_string().starts_with("0590-356"));
}

#[test]
fn a_backups_own_files_are_known_under_all_their_names() {
    let own = OwnFiles::Of("/backup/b".into());
    for name in ["", ".partial", ".unverified", ".unverified.partial"] {
        assert!(
            own.contains(&PathBuf::from(format!("/backup/b{name}"))),
            "{name}"
        );
    }
    assert!(!own.contains(Path::new("/backup/b.old")) && !own.contains(Path::new("/b")));
    let own = OwnFiles::In("/backup".into());
    assert!(own.contains(Path::new("/backup/h-1.mksysb")));
    assert!(own.contains(Path::new("/backup/h-2.mksysb.partial")));
    assert!(!own.contains(Path::new("/backup/deeper/h.mksysb")));
    assert!(!own.contains(Path::new("/backup/notes.txt")));
}
