//! `donjon conformance`: that the command runs cases and tells of them. All cases together are another test.

use crate::deaf::Deaf;
use crate::node::Node;
use crate::program::donjon;

#[test]
fn a_few_cases_run_against_a_node_of_its_own() {
    let ran = donjon(&["conformance", "--only", "65,89", "--json"]).ends_with(0);
    let report = ran.json();
    let numbers: Vec<u64> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [65, 89]);
    assert_eq!(report["summary"]["wrong"], 0);
}

#[test]
fn a_running_server_is_tried_with_what_is_known_of_it() {
    let node = Node::start();
    let secrets = std::fs::read_to_string(node.data.path().join("donjon.yml")).unwrap();
    let token =
        secrets.lines().find_map(|line| line.trim().strip_prefix("SystemRootToken: ")).unwrap();
    let token = token.trim_matches('"');
    let ran = donjon(&["conformance", "--url", &node.url, "--token", token, "--only", "14,84"])
        .ends_with(0);
    assert!(ran.text().contains("0 wrong"), "{}", ran.text());
}

#[test]
fn a_server_that_is_none_is_wrong() {
    let deaf = Deaf::new();
    let url = deaf.url();
    donjon(&["conformance", "--url", &url, "--token", "x", "--only", "84"]).ends_with(1);
}
