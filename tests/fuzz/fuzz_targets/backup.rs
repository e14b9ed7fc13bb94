//! A whole backup, opened and verified.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lifeboat_archive::fuzzing::backup(data));
