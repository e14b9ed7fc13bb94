//! Damage is always seen, named, and costs no more than it must.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{OPTIONS, assert_same, file_of, noise, open, pack, rich_tree, unpack};
use lifeboat_archive::{Backup, EntryKind, ExtractReport, Finding, OpenError, Trouble};
use proptest::prelude::*;

/// A backup of little more than nothing.
fn small() -> Vec<u8> {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("file"), "content").unwrap();
    pack(tree.path(), &OPTIONS).0
}

fn rich() -> Vec<u8> {
    let tree = tempfile::tempdir().unwrap();
    rich_tree(tree.path());
    pack(tree.path(), &OPTIONS).0
}

/// What opening and verifying say against these bytes.
fn objections(bytes: &[u8]) -> Vec<String> {
    match Backup::open(file_of(bytes).path()) {
        Err(error) => vec![error.to_string()],
        Ok(backup) => {
            let report = backup.verify(&mut |_| {});
            report.damaged.iter().map(ToString::to_string).collect()
        }
    }
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn every_prefix_is_rejected() {
    let bytes = small();
    let file = file_of(&bytes);
    for length in 0..bytes.len() as u64 {
        let error = Backup::open_region(file.path(), 0, length).unwrap_err();
        match error {
            OpenError::NotABackup { .. } => assert!(length < 4, "{length}"),
            OpenError::Truncated { length: told, .. } => assert_eq!(told, length),
            other => panic!("{length}: {other}"),
        }
    }
    let file = file_of(&[&bytes[..], b"\0"].concat());
    assert!(Backup::open(file.path()).is_err());
}

#[test]
fn a_flipped_bit_in_any_byte_is_seen() {
    let bytes = small();
    assert_eq!(objections(&bytes), [""; 0]);
    for byte in 0..bytes.len() {
        let bit = byte * 8 + byte % 8;
        assert_ne!(objections(&flip(&bytes, bit)), [""; 0], "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_flipped_bit_of_a_larger_backup_is_seen(at: prop::sample::Index) {
        let bytes = rich();
        let bit = at.index(bytes.len() * 8);
        prop_assert!(!objections(&flip(&bytes, bit)).is_empty());
    }

    #[test]
    fn any_prefix_of_a_larger_backup_is_rejected(at: prop::sample::Index) {
        let bytes = rich();
        let error = Backup::open(file_of(&bytes[..at.index(bytes.len())]).path()).unwrap_err();
        let expected = matches!(error, OpenError::NotABackup { .. } | OpenError::Truncated { .. });
        prop_assert!(expected, "{}", error);
    }
}

#[test]
fn what_is_wrong_is_told_precisely() {
    let bytes = small();
    let backup = open(&bytes);
    let table = usize::try_from(backup.totals().bytes_compressed).unwrap();
    let told = |bytes: &[u8]| Backup::open(file_of(bytes).path()).unwrap_err();
    let flipped = |at: usize| told(&flip(&bytes, at * 8));
    assert!(matches!(flipped(20), OpenError::DamagedSummary { .. }));
    for at in [table, table + 4, table + 9] {
        assert!(matches!(flipped(at), OpenError::DamagedSeekTable { .. }));
    }
    assert!(matches!(
        flipped(bytes.len() - 1),
        OpenError::DamagedEndMark { .. }
    ));
    let text = told(&bytes[..bytes.len() / 2]).to_string();
    let told_length = format!("only {} bytes, and no end mark", bytes.len() / 2);
    assert!(
        text.starts_with("0590-131 ") && text.ends_with(&told_length),
        "{text}"
    );

    let foreign = zstd::encode_all(&noise(9000)[..], 3).unwrap();
    for other in [
        &b""[..],
        b"text",
        &[0x1f, 0x8b, 8, 0, 0],
        &[0; 4096],
        &foreign,
    ] {
        assert!(
            matches!(told(other), OpenError::NotABackup { .. }),
            "{:?}",
            told(other)
        );
    }
    assert!(matches!(
        Backup::open(Path::new("/no/such/backup")),
        Err(OpenError::File(_))
    ));
}

/// A tree of files that fill frames, and its backup.
fn row_of_files() -> (tempfile::TempDir, Vec<u8>) {
    let tree = tempfile::tempdir().unwrap();
    for number in 0..20 {
        let name = format!("d{}/f{number:02}", number / 5);
        fs::create_dir_all(tree.path().join(&name).parent().unwrap()).unwrap();
        fs::write(tree.path().join(&name), noise(1000 + 300 * number)).unwrap();
    }
    fs::hard_link(tree.path().join("d1/f08"), tree.path().join("last")).unwrap();
    let bytes = pack(tree.path(), &OPTIONS).0;
    (tree, bytes)
}

/// A byte of the backup in the frame that holds this member's header, found by the
/// seek table as the format describes it.
fn place_of(bytes: &[u8], path: &[u8]) -> usize {
    let backup = open(bytes);
    let offset = backup
        .manifest()
        .unwrap()
        .find(path)
        .unwrap()
        .offset
        .unwrap();
    let table = usize::try_from(backup.totals().bytes_compressed).unwrap() + 8;
    let (mut at, mut raw_end) = (0, 0);
    for entry in bytes[table..].chunks(32) {
        let number = |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().unwrap());
        raw_end += u64::from(number(4));
        if offset < raw_end {
            return at + number(0) as usize / 2;
        }
        at += number(0) as usize;
    }
    panic!("no frame holds {offset}");
}

#[test]
fn damage_in_the_middle_costs_only_the_files_there() {
    let (tree, bytes) = row_of_files();
    let at = place_of(&bytes, b"./d1/f08");
    let bad = flip(&bytes, at * 8);
    let dest = tempfile::tempdir().unwrap();
    let report = unpack(&bad, dest.path());
    let lost: Vec<&Path> = report
        .damaged
        .iter()
        .map(|finding| finding.path.as_path())
        .collect();
    assert!(
        lost.contains(&Path::new("./d1/f08")) && lost.len() <= 5,
        "{lost:?}"
    );
    // The other name of a lost file is lost too, although its own header is sound.
    let link = report
        .damaged
        .iter()
        .find(|finding| finding.path == Path::new("./last"));
    assert!(
        matches!(link.unwrap().trouble, Trouble::LinkTarget { .. }),
        "{report:?}"
    );
    // What verify names is what extraction lost.
    let verified = open(&bad).verify(&mut |_| {}).damaged;
    let paths = |findings: &[Finding]| findings.iter().map(|f| f.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&verified), paths(&report.damaged)[..lost.len() - 1]);
    for entry in open(&bytes)
        .manifest()
        .unwrap()
        .entries()
        .filter(|e| e.kind == EntryKind::File)
    {
        let path = PathBuf::from(String::from_utf8(entry.path).unwrap());
        let (old, new) = (tree.path().join(&path), dest.path().join(&path));
        if !old.exists() {
            continue;
        }
        if lost.contains(&path.as_path()) {
            assert!(!new.exists(), "{path:?} is damaged and must not stay");
        } else {
            assert_eq!(fs::read(old).unwrap(), fs::read(new).unwrap(), "{path:?}");
        }
    }
}

#[test]
fn a_damaged_manifest_loses_no_file() {
    let (tree, bytes) = row_of_files();
    let backup = open(&bytes);
    let end = usize::try_from(backup.totals().bytes_compressed).unwrap();
    let bad = flip(&bytes, (end - 50) * 8);
    assert!(open(&bad).manifest().is_err());
    let dest = tempfile::tempdir().unwrap();
    let ExtractReport { damaged, files, .. } = unpack(&bad, dest.path());
    assert!(
        matches!(
            &damaged[..],
            [Finding {
                trouble: Trouble::ManifestDamaged,
                ..
            }]
        ),
        "{damaged:?}"
    );
    assert_eq!(files, 20);
    assert_same(tree.path(), dest.path());
}

#[test]
fn without_a_manifest_damage_is_told_without_names() {
    let (_tree, bytes) = row_of_files();
    let end = usize::try_from(open(&bytes).totals().bytes_compressed).unwrap();
    let bad = flip(
        &flip(&bytes, (end - 50) * 8),
        place_of(&bytes, b"./d1/f08") * 8,
    );
    let damaged = unpack(&bad, tempfile::tempdir().unwrap().path()).damaged;
    let text: Vec<_> = damaged.iter().map(ToString::to_string).collect();
    assert!(
        text[0].starts_with("0590-156 ./.lifeboat/manifest: "),
        "{text:?}"
    );
    assert!(
        text[1].starts_with("0590-150 (unknown): it lies in frame "),
        "{text:?}"
    );
}

#[test]
fn a_backup_that_shrinks_while_it_is_read_is_damaged() {
    let (_tree, bytes) = row_of_files();
    let file = file_of(&bytes);
    let backup = Backup::open(file.path()).unwrap();
    file.as_file().set_len(bytes.len() as u64 / 2).unwrap();
    let damaged = backup.verify(&mut |_| {}).damaged;
    let unreadable = damaged
        .iter()
        .filter(|f| matches!(f.trouble, Trouble::UnreadableFrame { .. }));
    assert!(unreadable.count() > 0, "{damaged:?}");
}
