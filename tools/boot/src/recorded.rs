//! Machines as they look in sysfs, for tests: the files in `tests/trees`.
//!
//! `PATH -> TARGET` is a link (the target counts from the root of the tree),
//! `PATH = TEXT` a file with a line, `PATH : 00 00 00 05` a file with bytes, and
//! `PATH` alone a directory. `{0-3}` stands for a line with each of the digits.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Makes the tree; it is gone when the value is.
pub fn tree(text: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for line in text.lines().flat_map(spread) {
        if !line.is_empty() && !line.starts_with('#') {
            make(root.path(), &line);
        }
    }
    root
}

fn spread(line: &str) -> Vec<String> {
    let Some(at) = line.find('{') else {
        return vec![line.to_owned()];
    };
    let range = &line[at..at + 5];
    let digit = |at: usize| range[at..=at].parse::<u32>().unwrap();
    (digit(1)..=digit(3))
        .map(|number| line.replace(range, &number.to_string()))
        .collect()
}

fn make(root: &Path, line: &str) {
    let place = |path: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    if let Some((link, target)) = line.split_once(" -> ") {
        symlink(root.join(target), place(link)).unwrap();
    } else if let Some((file, text)) = line.split_once(" = ") {
        fs::write(place(file), format!("{text}\n")).unwrap();
    } else if let Some((file, bytes)) = line.split_once(" : ") {
        let byte = |text| u8::from_str_radix(text, 16).unwrap();
        let bytes: Vec<u8> = bytes.split(' ').map(byte).collect();
        fs::write(place(file), bytes).unwrap();
    } else {
        fs::create_dir_all(root.join(line)).unwrap();
    }
}
