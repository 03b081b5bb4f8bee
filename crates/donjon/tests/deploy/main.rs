//! What lies in `deploy/` fits the program: every metric and label that the dashboard and the alert rules name is emitted
//! by a real node or a real balancer, and the units start them with arguments that they take.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[path = "../balance/balancer.rs"]
mod balancer;
#[expect(dead_code, reason = "shared with the tests of the balancer, which use more of it")]
#[path = "../balance/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "shared with the tests of lists, which use more of it")]
#[path = "../lists/node.rs"]
mod node;
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
#[path = "../cli/program.rs"]
mod program;
mod promql;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use balancer::Service;
use cluster::{Block, Cluster, wait_for};
use node::Node;
use program::donjon;
use promql::{Selector, selectors};

const ALERTS: &str = include_str!("../../../../deploy/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana-dashboard.json");
const UNIT: &str = include_str!("../../../../deploy/donjon.service");
const BALANCE_UNIT: &str = include_str!("../../../../deploy/donjon-balance.service");

/// What Prometheus adds to everything that it collects.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

/// The expression of every alert.
fn alert_expressions() -> Vec<String> {
    let rules: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect()
}

/// Every expression of the dashboard, those of its annotations and variables among them.
fn dashboard_expressions() -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("expr", Value::String(expression)) => found.push(expression.clone()),
                        ("query", Value::String(query)) => found.extend(label_values(query)),
                        (_, value) => walk(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_str(DASHBOARD).unwrap(), &mut found);
    found
}

/// The metric in `label_values(metric, label)`.
fn label_values(query: &str) -> Option<String> {
    let (metric, _) = query.strip_prefix("label_values(")?.split_once(',')?;
    Some(metric.to_owned())
}

/// What a node emits once it has worked off a list, refused another, and met an error of a volume: names, each with the
/// names of its labels.
fn emitted() -> BTreeMap<String, BTreeSet<String>> {
    let node = Node::start(json!({}));
    let mut blocks = node.plant(3);
    blocks[0].mtime -= 1;
    node.work_off(&blocks);
    node.run(&["block", "get", &format!("{}+12", blocks[1].hash)]).ends_with(3);
    node.run_with_input(&["list", "put", "trash", "-"], b"[rubbish").ends_with(1);
    std::fs::write(node.path("keep/fff"), "a file where a directory should be").unwrap();
    node.run(&["block", "get", "ffffffffffffffffffffffffffffffff+12"]).ends_with(1);
    let page = node.curl(&[], "/metrics");
    let (_, samples) = page.split_once("\r\n\r\n").unwrap();
    metrics(samples)
}

/// What a balancer emits once it has sent lists.
fn emitted_by_the_balancer() -> BTreeMap<String, BTreeSet<String>> {
    let cluster = Cluster::start(1, json!({}));
    let block = [Block::new("wanted")];
    cluster.plant(0, &block);
    cluster.publish("a", &block, Some(1));
    let service = Service::start(&cluster);
    let runs = "donjon_balance_runs_total{outcome=\"succeeded\"}";
    wait_for("a run", || service.metric(runs) == Some(1.0));
    let mut metrics = metrics(&service.page("/metrics"));
    // Of columns in a database, which this one has not.
    metrics.insert(
        "donjon_balance_confirmed_collections".to_owned(),
        BTreeSet::from(["outcome".to_owned()]),
    );
    metrics
}

/// The metrics of a page: names, each with the names of its labels.
fn metrics(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut metrics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (series, _value) = sample.rsplit_once(' ').unwrap();
        for Selector { metric, labels } in selectors(series) {
            metrics.entry(metric).or_default().extend(labels);
        }
    }
    metrics
}

#[test]
fn every_metric_and_label_that_is_named_is_emitted() {
    let mut emitted = emitted();
    emitted.append(&mut emitted_by_the_balancer());
    let expressions = [alert_expressions(), dashboard_expressions()].concat();
    let mut used = BTreeSet::new();
    for expression in &expressions {
        for Selector { metric, labels } in selectors(expression) {
            // Made by Prometheus itself.
            if metric == "up" {
                continue;
            }
            let Some(known) = emitted.get(&metric) else {
                panic!("nothing emits {metric}, which is in: {expression}");
            };
            for label in labels.iter().filter(|label| !OF_PROMETHEUS.contains(&label.as_str())) {
                assert!(known.contains(label), "{metric} has no label {label}: {expression}");
            }
            used.insert(metric);
        }
    }
    assert!(used.len() > 20, "the expressions were not read: {used:?}");
    let unseen: Vec<&String> = emitted
        .keys()
        .filter(|metric| metric.starts_with("donjon_") && !used.contains(*metric))
        .collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}: put them into the dashboard");
}

#[test]
fn every_alert_says_what_it_means_and_what_to_do() {
    let rules: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let mut names = BTreeSet::new();
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let name = rule["alert"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} twice");
            for text in ["summary", "description"] {
                assert!(rule["annotations"][text].is_string(), "{name} has no {text}");
            }
            let severity = rule["labels"]["severity"].as_str().unwrap();
            assert!(["warning", "critical"].contains(&severity), "{name}: {severity}");
        }
    }
    for wanted in [
        "DonjonListHeld",
        "DonjonFrozen",
        "DonjonListStuck",
        "DonjonLedgerErrors",
        "DonjonVolumeNotOk",
        "DonjonItemsFail",
        "DonjonTrashHit",
        "DonjonStalledRequests",
        "DonjonBlocksLost",
        "DonjonBalanceHeld",
    ] {
        assert!(names.contains(wanted), "no alert {wanted}");
    }
}

#[test]
fn the_panels_of_the_dashboard_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{} is too wide", panel["title"]);
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
    }
}

#[test]
fn the_units_start_the_program_with_arguments_that_it_takes() {
    for (unit, says, lines) in [
        (UNIT, "Run a node", ["Type=notify", "UMask=0077"]),
        (BALANCE_UNIT, "Run after run", ["RestartPreventExitStatus=2", "Nice=19"]),
    ] {
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "/usr/bin/donjon");
        let help = donjon(&[&words[1..], &["--help"]].concat()).ends_with(0).text();
        assert!(help.contains(says), "{help}");
        let hardening = ["NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="];
        for wanted in hardening.iter().chain(&lines) {
            assert!(unit.lines().any(|line| line == *wanted), "no {wanted}");
        }
    }
}
