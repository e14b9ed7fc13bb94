//! The cpio "newc" archive that the kernel unpacks as its first root.
//!
//! Source: Linux `Documentation/driver-api/early-userspace/buffer-format.rst`.
//! Entries come sorted, times are 0 and inode numbers count up, so the same
//! tree always gives the same bytes. Nothing in the image is hard linked.

use crate::tree::{Kind, Node};

/// File type bits of a mode (`S_IFMT` values of POSIX).
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// A file that the format cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("0590-803 {path} has {size} bytes; a cpio archive holds files below 4 GiB")]
pub struct TooBig {
    path: String,
    size: usize,
}

/// Writes one archive; paths are relative to the root, parents before children.
///
/// # Errors
/// [`TooBig`] names the file that does not fit the format.
pub fn archive<'a>(
    nodes: impl IntoIterator<Item = (&'a str, &'a Node)>,
) -> Result<Vec<u8>, TooBig> {
    let mut out = Vec::new();
    let mut inode = 0;
    for (path, node) in nodes {
        inode += 1;
        let (kind, body, device): (u32, &[u8], (u32, u32)) = match &node.kind {
            Kind::Directory => (DIRECTORY, &[], (0, 0)),
            Kind::File(bytes) => (REGULAR, bytes, (0, 0)),
            Kind::Symlink(target) => (SYMLINK, target.as_bytes(), (0, 0)),
            Kind::Character { major, minor } => (CHARACTER, &[], (*major, *minor)),
        };
        let size = u32::try_from(body.len()).map_err(|_| TooBig {
            path: path.to_owned(),
            size: body.len(),
        })?;
        let links = if kind == DIRECTORY { 2 } else { 1 };
        header(
            &mut out,
            path,
            [inode, kind | node.mode, links, size, device.0, device.1],
        );
        out.extend(body);
        pad(&mut out);
    }
    header(&mut out, "TRAILER!!!", [0, 0, 1, 0, 0, 0]);
    Ok(out)
}

/// One header with its name. The format's other fields (owner, time, device of
/// the file itself, checksum) are 0 for every entry here.
fn header(out: &mut Vec<u8>, path: &str, [inode, mode, links, size, major, minor]: [u32; 6]) {
    // The length counts the NUL that ends the name; kernel paths are short.
    let name = u32::try_from(path.len() + 1).unwrap_or(u32::MAX);
    out.extend(b"070701");
    for field in [
        inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, name, 0,
    ] {
        out.extend(format!("{field:08x}").bytes());
    }
    out.extend(path.bytes());
    out.push(0);
    pad(out);
}

/// Headers and contents start at multiples of four bytes.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lifeboat_sys::run::Tool;

    use super::*;

    fn sample() -> BTreeMap<String, Node> {
        BTreeMap::from([
            ("dev".into(), Node::new(0o755, Kind::Directory)),
            (
                "dev/console".into(),
                Node::new(0o600, Kind::Character { major: 5, minor: 1 }),
            ),
            (
                "dev/null".into(),
                Node::new(0o666, Kind::Character { major: 1, minor: 3 }),
            ),
            (
                "init".into(),
                Node::new(0o755, Kind::File(b"hello".to_vec())),
            ),
            (
                "lib".into(),
                Node::new(0o777, Kind::Symlink("usr/lib".into())),
            ),
        ])
    }

    fn write(nodes: &BTreeMap<String, Node>) -> Vec<u8> {
        archive(nodes.iter().map(|(p, n)| (p.as_str(), n))).unwrap()
    }

    #[test]
    fn cpio_reads_back_what_was_written() {
        let listing = Tool::new("cpio")
            .args(["-itv", "--quiet"])
            .stdin(write(&sample()))
            .run();
        let listing = listing.unwrap().text();
        let lines: Vec<&str> = listing.lines().collect();
        let expected: [(&str, &str); 5] = [
            ("drwxr-xr-x   2", " dev"),
            ("crw-------   1", " 5,   1 Jan  1  1970 dev/console"),
            ("crw-rw-rw-   1", " 1,   3 Jan  1  1970 dev/null"),
            ("-rwxr-xr-x   1", " 5 Jan  1  1970 init"),
            ("lrwxrwxrwx   1", " lib -> usr/lib"),
        ];
        assert_eq!(lines.len(), expected.len(), "{listing}");
        for (line, (start, end)) in lines.iter().zip(expected) {
            assert!(line.starts_with(start) && line.ends_with(end), "{line}");
        }
    }

    #[test]
    fn the_same_tree_gives_the_same_bytes_in_words_of_four() {
        let bytes = write(&sample());
        assert_eq!(bytes, write(&sample()));
        assert_eq!(bytes.len() % 4, 0);
    }

    proptest::proptest! {
        /// Walking the archive by its own lengths finds every name and body.
        #[test]
        fn lengths_lead_from_entry_to_entry(
            files in proptest::collection::btree_map("[a-z]{1,9}", proptest::collection::vec(0u8.., 0..40), 0..8)
        ) {
            let nodes: BTreeMap<String, Node> = files.iter()
                .map(|(p, b)| (p.clone(), Node::new(0o644, Kind::File(b.clone())))).collect();
            let bytes = write(&nodes);
            let mut rest = &bytes[..];
            for (path, body) in files.iter().map(|(p, b)| (p.as_str(), b.as_slice())).chain([("TRAILER!!!", &[][..])]) {
                let number = |at: usize| usize::from_str_radix(std::str::from_utf8(&rest[at..at + 8]).unwrap(), 16).unwrap();
                let (size, name) = (number(54), number(94));
                proptest::prop_assert_eq!(&rest[110..110 + name - 1], path.as_bytes());
                let from = (110 + name).next_multiple_of(4);
                proptest::prop_assert_eq!(&rest[from..from + size], body);
                rest = &rest[(from + size).next_multiple_of(4)..];
            }
            proptest::prop_assert!(rest.is_empty());
        }
    }
}
