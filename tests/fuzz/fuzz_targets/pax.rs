//! Members of a tar stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lifeboat_archive::fuzzing::pax(data));
