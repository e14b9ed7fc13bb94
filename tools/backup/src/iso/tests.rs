//! Images of a few small files, read back by xorriso.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use lifeboat_sys::run::Tool;

use super::*;

/// A CD tree and a backup, all written at this time.
fn made(place: &Path, time: &str) -> (PathBuf, PathBuf) {
    let tree = place.join("tree");
    let backup = place.join("a=b\\c d.mksysb");
    let mut files: Vec<PathBuf> = FILES.iter().map(|name| tree.join(name)).collect();
    files.push(backup.clone());
    for file in &files {
        fs::create_dir_all(parent(file)).unwrap();
        fs::write(file, file.file_name().unwrap().as_bytes().repeat(999)).unwrap();
    }
    fs::write(tree.join(DATE), "1787977149\n").unwrap();
    Tool::new("touch")
        .args(["-d", time])
        .args(&files)
        .run()
        .unwrap();
    (tree, backup)
}

fn written(contents: &Contents<'_>, out: &Path) -> Result<u64, IsoError> {
    write(contents, out, &Arc::default(), &mut |_, _| {})
}

fn read_back(image: &Path, path: &str, to: &Path) -> Vec<u8> {
    Tool::new("xorriso")
        .args(["-no_rc", "-osirrox", "on", "-indev"])
        .arg(image)
        .args(["-extract", path])
        .arg(to)
        .run()
        .unwrap();
    fs::read(to).unwrap()
}

#[test]
fn the_same_files_give_the_same_image_whenever_they_were_written() {
    let place = tempfile::tempdir().unwrap();
    let image = |name: &str, time: &str| {
        let (tree, backup) = made(place.path(), time);
        let out = place.path().join(name);
        let contents = Contents {
            rescue: Some(&tree),
            backup: Some(&backup),
            bosinst: None,
        };
        let bytes = written(&contents, &out).unwrap();
        assert!(bytes <= size(&contents).unwrap());
        fs::read(out).unwrap()
    };
    let first = image("first.iso", "@1000000000");
    assert!(first == image("second.iso", "@1500000000"));
    // The MBR's only partition has type 0x96 and the volume its name.
    assert_eq!(first[450], 0x96);
    assert!(first[16 * 2048..].starts_with(b"\x01CD001"));
    assert!(first[16 * 2048 + 40..].starts_with(b"LIFEBOAT "));
}

#[test]
fn a_backup_behind_a_link_with_an_odd_name_is_on_the_cd_and_private() {
    let place = tempfile::tempdir().unwrap();
    let (_, backup) = made(place.path(), "@1000000000");
    let link = place.path().join("nightly ü");
    std::os::unix::fs::symlink(&backup, &link).unwrap();
    let out = place.path().join("x.iso");
    let contents = Contents {
        backup: Some(&link),
        ..Contents::default()
    };
    written(&contents, &out).unwrap();
    let found = read_back(
        &out,
        "/lifeboat/nightly__.mksysb",
        &place.path().join("back"),
    );
    assert_eq!(found, fs::read(backup).unwrap());
    assert_eq!(
        fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let image = fs::read(out).unwrap();
    assert!(image[16 * 2048 + 40..].starts_with(b"LIFEBOAT_DATA "));
    assert_ne!(image[450], 0x96);
}

#[test]
fn an_image_that_lost_a_files_end_is_noticed() {
    let place = tempfile::tempdir().unwrap();
    let (_, backup) = made(place.path(), "@1000000000");
    let contents = Contents {
        backup: Some(&backup),
        ..Contents::default()
    };
    let image = Image::new(&contents).unwrap();
    let out = place.path().join("x.iso");
    written(&contents, &out).unwrap();
    image.read_back(&out).unwrap();
    let mut bytes = fs::read(&backup).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&backup, bytes).unwrap();
    let noticed = image.read_back(&out).unwrap_err();
    assert!(matches!(noticed, IsoError::ReadBack(_)), "{noticed}");
}

#[test]
fn what_fails_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (tree, _) = made(place.path(), "@1000000000");
    let contents = Contents {
        rescue: Some(&tree),
        ..Contents::default()
    };
    let out = place.path().join("x.iso");
    let partial = Partial::create(&out, false).unwrap();
    let busy = written(&contents, &out).unwrap_err();
    assert!(matches!(busy, IsoError::Busy(_)), "{busy}");
    drop(partial);
    let on_directory = written(&contents, place.path()).unwrap_err();
    assert!(
        matches!(on_directory, IsoError::NotAFile(_)),
        "{on_directory}"
    );
    let stop = Arc::new(AtomicBool::new(true));
    let stopped = write(&contents, &out, &stop, &mut |_, _| {}).unwrap_err();
    assert!(matches!(stopped, IsoError::Run(RunError::Stopped { .. })));
    fs::remove_file(tree.join("boot/vmlinuz")).unwrap();
    let missing = written(&contents, &out).unwrap_err();
    assert!(
        missing.to_string().contains("tree/boot/vmlinuz is missing"),
        "{missing}"
    );
    let left: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("iso"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn too_much_is_refused_before_it_is_written() {
    let place = tempfile::tempdir().unwrap();
    let backup = place.path().join("b.mksysb");
    let file = File::create(&backup).unwrap();
    let contents = Contents {
        backup: Some(&backup),
        ..Contents::default()
    };
    // Sparse: more than any disk here has, in as few sections as there may be.
    file.set_len(MOST).unwrap();
    assert!(size(&contents).unwrap() > MOST);
    let refused = written(&contents, &place.path().join("x.iso")).unwrap_err();
    assert!(matches!(refused, IsoError::Space { .. }), "{refused}");
    file.set_len(MOST + 1).unwrap();
    assert!(matches!(size(&contents), Err(IsoError::Large { .. })));
}
