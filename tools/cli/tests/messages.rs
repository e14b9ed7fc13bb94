//! Every message number stands in one place of the code, and in docs/messages.md.

#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const PREFIX: &str = "0590-";

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(PREFIX).filter_map(|(at, _)| {
        let number = text.get(at + PREFIX.len()..at + PREFIX.len() + 3)?;
        number.bytes().all(|b| b.is_ascii_digit()).then_some(number)
    })
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The crate of the scenarios is called tests; other directories of that name quote numbers.
        let quotes = name == "tests" && !path.join("Cargo.toml").exists();
        let built = (["target", "build"].contains(&name.as_str()) && !path.join("mod.rs").exists())
            || name.starts_with('.');
        if path.is_dir() && !quotes && !built {
            sources(&path, found);
        } else if name.ends_with(".rs") || name.ends_with(".sh") {
            found.push(path);
        }
    }
}

/// A file that its crate declares as a test module.
fn is_test_module(file: &Path) -> bool {
    let stem = file.file_stem().unwrap().to_string_lossy();
    let declared = format!("#[cfg(test)]\nmod {stem};");
    ["lib.rs", "mod.rs", "main.rs"]
        .iter()
        .filter_map(|parent| fs::read_to_string(file.with_file_name(parent)).ok())
        .any(|text| text.contains(&declared))
}

#[test]
fn numbers_are_unique_and_documented() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    sources(&top, &mut files);
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.into_iter().filter(|file| !is_test_module(file)) {
        let text = fs::read_to_string(&file).unwrap();
        // Scenarios quote the product's numbers, tests and comments any.
        let quotes = file.starts_with(top.join("tests"));
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for number in numbers(line).filter(|number| !quotes || number.starts_with('9')) {
                places
                    .entry(number.to_owned())
                    .or_default()
                    .insert(file.display().to_string());
            }
        }
    }
    assert!(
        places.len() > 50,
        "the scan found only {} numbers",
        places.len()
    );
    let twice: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(
        twice.is_empty(),
        "numbers used in more than one place: {twice:#?}"
    );

    let catalogue = fs::read_to_string(top.join("docs/messages.md")).unwrap();
    let documented: Vec<&str> = catalogue
        .lines()
        .filter(|l| l.starts_with('|'))
        .flat_map(|line| numbers(line).next())
        .collect();
    let missing: Vec<_> = places
        .keys()
        .filter(|n| !documented.contains(&n.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "numbers that docs/messages.md lacks: {missing:?}"
    );
    let stale: Vec<_> = documented
        .iter()
        .filter(|n| !places.contains_key(**n))
        .collect();
    assert!(
        stale.is_empty(),
        "numbers that only docs/messages.md knows: {stale:?}"
    );
}
