#![no_main]
#![allow(dead_code, reason = "each target uses some of the promises")]

#[path = "../../crates/keep-protocol/tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::list::pull_list(input));
