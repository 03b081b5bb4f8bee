//! `donjon balance decide`

use serde_json::Value;

use crate::program::{donjon, donjon_with_input};

const CASES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../keep-rules/tests/vectors/balance-cases.json");

#[test]
fn the_cases_of_the_specification_are_decided() {
    let decided = donjon(&["balance", "decide", CASES]).ends_with(0).json_lines();
    assert_eq!(decided.len(), 66);
    let of = |id: &str| decided.iter().find(|case| case["id"] == id).unwrap();
    assert_eq!(of("kb-070")["trash"].as_array().unwrap().len(), 2, "unreferenced");
    assert_eq!(of("kb-110")["trash"], Value::Array(Vec::new()), "an unknown class keeps all");
    assert_eq!(of("kb-078")["lost"], true, "lost though no mount can be written");
}

#[test]
fn what_is_no_file_of_cases_is_refused_with_its_place() {
    donjon_with_input(&["balance", "decide", "-"], b"{\"cases\":[{}]}")
        .ends_with(1)
        .complains("line 1 column 12");
    donjon(&["balance", "decide", "/nonexistent"]).ends_with(1).complains("/nonexistent");
}
