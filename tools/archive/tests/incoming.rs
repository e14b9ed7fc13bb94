//! A backup that comes as a stream says the same as one in a file.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{self, Read};
use std::path::Path;

use common::{OPTIONS, assert_same, noise, open, pack, rich_tree, source, summary, whole};
use lifeboat_archive::{
    ExtractOptions, ExtractReport, Finding, Incoming, MapFile, OpenError, ReadError, Trouble,
    create,
};
use proptest::prelude::*;

fn incoming(bytes: &[u8]) -> Result<Incoming<Dribble<'_>>, OpenError> {
    Incoming::open(Path::new("pipe"), Dribble { bytes, step: 0 })
}

/// A reader that gives a few bytes at a time, as a pipe may.
#[derive(Debug)]
struct Dribble<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.step += 1;
        if self.step.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = to.len().min(1 + self.step * 37 % 5000);
        self.bytes.read(&mut to[..most])
    }
}

fn rich() -> (tempfile::TempDir, Vec<u8>) {
    let tree = tempfile::tempdir().unwrap();
    rich_tree(tree.path());
    let bytes = pack(tree.path(), &OPTIONS).0;
    (tree, bytes)
}

fn extract(bytes: &[u8], dest: &Path) -> ExtractReport {
    let options = ExtractOptions::default();
    let incoming = incoming(bytes).unwrap();
    incoming.extract(dest, &options, &mut |_| {}).unwrap()
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_stream_is_read_like_a_file() {
    let (tree, bytes) = rich();
    let dest = tempfile::tempdir().unwrap();
    let report = extract(&bytes, dest.path());
    assert!(
        report.damaged.is_empty() && report.refused.is_empty(),
        "{report:?}"
    );
    assert_same(tree.path(), dest.path());

    let backup = open(&bytes);
    let stream = incoming(&bytes).unwrap();
    assert_eq!(stream.summary(), &summary());
    let verified = stream.verify(&mut |_| {});
    assert_eq!(texts(&verified.damaged), [""; 0]);
    assert_eq!(verified.members, backup.verify(&mut |_| {}).members);
    let manifest = incoming(&bytes).unwrap().manifest().unwrap();
    assert!(manifest.entries().eq(backup.manifest().unwrap().entries()));
}

#[test]
fn maps_come_in_the_first_frame_and_are_no_files_of_the_system() {
    let (from, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trees = whole(from.path());
    let mut source = source(&trees);
    // Longer than a frame otherwise is.
    let text = "hdisk0:1\n".repeat(100_000).into_bytes();
    source.summary.maps = ["/a.map", "/var/lib/lifeboat/maps/rootvg.hd4.map"]
        .map(|path| MapFile {
            path: path.to_owned(),
            text: text.clone(),
        })
        .to_vec();
    let mut bytes = Vec::new();
    create(&mut bytes, &source, &OPTIONS, &mut |_| {}).unwrap();
    assert_eq!(open(&bytes).summary(), &source.summary);
    assert_eq!(incoming(&bytes).unwrap().summary(), &source.summary);
    let verified = incoming(&bytes).unwrap().verify(&mut |_| {});
    assert_eq!(texts(&verified.damaged), [""; 0]);
    let report = extract(&bytes, dest.path());
    assert!(
        report.damaged.is_empty() && report.refused.is_empty(),
        "{report:?}"
    );
    assert_same(from.path(), dest.path());
}

#[test]
fn a_tape_fills_its_last_record_with_zeros() {
    let (_tree, mut bytes) = rich();
    bytes.resize(bytes.len() + 10_240, 0);
    let verify = |bytes: &[u8]| incoming(bytes).unwrap().verify(&mut |_| {});
    assert_eq!(texts(&verify(&bytes).damaged), [""; 0]);
    bytes.push(1);
    let damaged = verify(&bytes).damaged;
    assert!(
        matches!(
            damaged[..],
            [Finding {
                trouble: Trouble::Foreign { .. },
                ..
            }]
        ),
        "{damaged:?}"
    );
}

/// What opening, verifying and extracting say against a stream.
fn objections(bytes: &[u8]) -> Vec<String> {
    let stream = match incoming(bytes) {
        Err(error) => return vec![error.to_string()],
        Ok(stream) => stream,
    };
    let verified = texts(&stream.verify(&mut |_| {}).damaged);
    let dest = tempfile::tempdir().unwrap();
    let extracted = texts(&extract(bytes, dest.path()).damaged);
    assert_eq!(
        verified.is_empty(),
        extracted.is_empty(),
        "{verified:?} {extracted:?}"
    );
    verified
}

#[test]
fn every_prefix_is_truncated() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("file"), "content").unwrap();
    let bytes = pack(tree.path(), &OPTIONS).0;
    assert_eq!(objections(&bytes), [""; 0]);
    for length in 0..bytes.len() {
        match incoming(&bytes[..length]) {
            Err(OpenError::NotABackup { .. }) => assert!(length < 4),
            Err(OpenError::Truncated { length: told, .. }) => assert_eq!(told, length as u64),
            Err(other) => panic!("{other}"),
            Ok(stream) => {
                let damaged = texts(&stream.verify(&mut |_| {}).damaged);
                let told = format!(
                    "0590-172 pipe: it is truncated: it ends after {length} bytes, without an end mark"
                );
                assert_eq!(damaged[0], told);
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_any_byte_is_seen() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("file"), "content").unwrap();
    let bytes = pack(tree.path(), &OPTIONS).0;
    for byte in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[byte] ^= 1 << (byte % 8);
        assert_ne!(objections(&bad), [""; 0], "byte {byte}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_flipped_bit_of_a_larger_stream_is_seen(at: prop::sample::Index, bit in 0..8_u8) {
        let (_tree, mut bytes) = rich();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(!objections(&bytes).is_empty());
    }

    #[test]
    fn any_prefix_of_a_larger_stream_is_rejected(at: prop::sample::Index) {
        let (_tree, bytes) = rich();
        prop_assert!(!objections(&bytes[..at.index(bytes.len())]).is_empty());
    }
}

#[test]
fn other_streams_are_no_backups() {
    let foreign = zstd::encode_all(&noise(9000)[..], 3).unwrap();
    for other in [
        &b""[..],
        b"text",
        &[0x1f, 0x8b, 8, 0, 0],
        &[0; 4096],
        &foreign,
    ] {
        let error = incoming(other).unwrap_err();
        assert!(matches!(error, OpenError::NotABackup { .. }), "{error}");
    }
    let (_tree, bytes) = rich();
    let error = incoming(&bytes[..bytes.len() / 2])
        .unwrap()
        .manifest()
        .unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::Stream {
                trouble: Trouble::Truncated { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn only_what_is_wanted_is_written() {
    let (tree, bytes) = rich();
    let options = ExtractOptions {
        only: vec![b"/etc".to_vec(), b"zero".to_vec(), b"nowhere".to_vec()],
        attributes: false,
        ..ExtractOptions::default()
    };
    let dest = tempfile::tempdir().unwrap();
    let stream = incoming(&bytes).unwrap();
    let report = stream.extract(dest.path(), &options, &mut |_| {}).unwrap();
    assert_eq!(
        texts(&report.damaged),
        ["0590-170 ./nowhere: it is not in the backup"]
    );
    let mut expected = common::snapshot(tree.path());
    expected.retain(|path, _| path.starts_with("etc") || path == Path::new("zero"));
    let found = common::snapshot(dest.path());
    assert!(
        found
            .keys()
            .filter(|path| **path != Path::new(""))
            .eq(expected.keys())
    );
    assert!(found.values().all(|node| node.attributes.is_empty()));
}
