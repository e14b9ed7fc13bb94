//! A stanza file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lifeboat_stanza::fuzzing::document(data));
