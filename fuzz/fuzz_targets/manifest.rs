#![no_main]

#[path = "../../crates/keep-manifest/tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::manifest(input));
