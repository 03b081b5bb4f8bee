//! The real node has every route that `docs/api/donjon-v1.yaml` describes, guards it, and answers as described.

use serde_json::{Value, json};

use crate::node::{Node, Old};

const API: &str = include_str!("../../../../docs/api/donjon-v1.yaml");

/// A documented operation: method, path as it is asked for, and its description.
struct Operation {
    method: String,
    path: String,
    described: Value,
}

/// Every operation, about the first trash list and this block. Those that change nothing come first, and the one after
/// which a list takes no more orders comes last.
fn operations(api: &Value, block: &Old) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        let path =
            path.replace("{list}", "trash").replace("{id}", "1").replace("{hash}", &block.hash);
        for method in ["get", "put", "post", "delete"] {
            if let Some(described) = item.get(method) {
                let (method, described) = (method.to_uppercase(), described.clone());
                operations.push(Operation { method, path: path.clone(), described });
            }
        }
    }
    operations
        .sort_by_key(|operation| (operation.method != "GET", operation.path.ends_with("/cancel")));
    operations
}

/// What a `$ref` leads to, or the value itself.
fn resolved<'a>(api: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str);
    target.map_or(value, |target| api.pointer(target.trim_start_matches('#')).unwrap())
}

/// A node with a list that waits, and something in its ledger.
fn node() -> (Node, Vec<Old>) {
    let node = Node::start(json!({}));
    let blocks = node.plant(3);
    node.work_off(&blocks[..1]);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    (node, blocks)
}

#[test]
fn every_documented_route_is_there_and_answers_as_described() {
    let api: Value = serde_saphyr::from_str(API).unwrap();
    let (node, blocks) = node();
    for Operation { method, path, described } in operations(&api, &blocks[1]) {
        let body = if path == "/trash" || path == "/pull" { "[]" } else { "{}" };
        let data: &[&str] = if method == "PUT" { &["-d", body] } else { &[] };
        let answer = node.curl(&[&["-X", &method], data].concat(), &path);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        // No list is held.
        let expected = if path.ends_with("/release") { "409" } else { "200" };
        assert_eq!(status, expected, "{method} {path}: {answer}");
        let described = described["responses"].get(status);
        let described = described.unwrap_or_else(|| panic!("{method} {path}: no {status}"));
        let described = resolved(&api, described);
        for header in described["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            let sent = head.lines().any(|line| {
                line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case(header))
            });
            assert!(sent, "{method} {path}: no {header} in {head}");
        }
        for schema in ["application/json", "application/x-ndjson"] {
            let schema = &described["content"][schema]["schema"];
            if schema.is_object() {
                has_the_described_fields(&api, schema, body, &format!("{method} {path}"));
            }
        }
    }
}

#[test]
fn what_cannot_be_written_is_answered_as_described() {
    let api: Value = serde_saphyr::from_str(API).unwrap();
    let (node, blocks) = node();
    std::fs::remove_dir_all(node.path("state")).unwrap();
    let changing = operations(&api, &blocks[1]);
    for Operation { method, path, described } in changing.iter().filter(|it| it.method != "GET") {
        let body = if path == "/trash" || path == "/pull" { "[]" } else { "{}" };
        let data: &[&str] = if method == "PUT" { &["-d", body] } else { &[] };
        let answer = node.curl(&[&["-X", method], data].concat(), path);
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        assert!(described["responses"].get(status).is_some(), "{method} {path}: {answer}");
        let text_of = match (method.as_str(), path.rsplit('/').next().unwrap()) {
            ("PUT", "freeze") | ("POST", "pause") => "now, but a restart forgets it",
            ("DELETE", "freeze") | ("POST", "resume") | ("PUT", "settings") => {
                "nothing was changed"
            }
            ("PUT", "trash" | "pull") => "the list that was here before stays",
            _other => continue,
        };
        assert_eq!(status, "500", "{method} {path}: {answer}");
        assert!(text.contains(text_of), "{method} {path}: {answer}");
    }
    let books = node.books();
    assert_eq!((&books["generation"], &books["state"]), (&2.into(), &"frozen".into()), "{books}");
}

/// Every line of the answer has fields that are described, and no others.
fn has_the_described_fields(api: &Value, schema: &Value, body: &str, place: &str) {
    let properties = resolved(api, schema)["properties"].as_object().unwrap();
    for line in body.lines().filter(|line| !line.is_empty()) {
        let answer: Value = serde_json::from_str(line).unwrap();
        for field in answer.as_object().unwrap().keys() {
            assert!(properties.contains_key(field), "{place}: {field} is not described");
        }
    }
}

#[test]
fn nothing_is_told_or_done_without_the_admin_token() {
    let api: Value = serde_saphyr::from_str(API).unwrap();
    let (node, blocks) = node();
    for Operation { method, path, .. } in operations(&api, &blocks[1]) {
        let data: &[&str] = if method == "PUT" { &["-d", "[]"] } else { &[] };
        let without = node.curl_as(None, &[&["-X", &method], data].concat(), &path);
        assert!(without.starts_with("HTTP/1.1 401"), "{method} {path}: {without}");
        let wrong = node.curl_as(Some("wrong"), &[&["-X", &method], data].concat(), &path);
        assert!(wrong.starts_with("HTTP/1.1 403"), "{method} {path}: {wrong}");
    }
    assert_eq!(node.books()["waiting"], 3, "a request without a token has changed something");
    assert!(!node.run(&["status"]).ends_with(0).text().contains("FROZEN"));
}
