//! What the fuzzers have found is tried again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use lifeboat_layout::fuzzing;

fn replay(target: &str, parse: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    let mut count = 0;
    for entry in fs::read_dir(corpus.join(target)).unwrap() {
        let path = entry.unwrap().path();
        // Shown when the test fails.
        println!("{}", path.display());
        parse(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 0, "{target} has no corpus");
}

#[test]
fn image_data() {
    replay("image_data", fuzzing::image_data);
}
