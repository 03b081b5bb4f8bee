#![no_main]

#[path = "../../crates/donjon-node/tests/properties/config.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    properties::config(input);
});
