//! An image.data, up to the plan.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lifeboat_layout::fuzzing::image_data(data));
