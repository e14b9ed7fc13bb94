//! Seek table, end mark, one frame.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lifeboat_archive::fuzzing::frame(data));
