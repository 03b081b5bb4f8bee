//! `donjon balance run`

use rustix::process::Signal;
use serde_json::json;

use crate::cluster::{Block, Cluster, wait_for};
use crate::running::Service;

#[test]
fn it_runs_at_once_and_when_asked_and_shows_its_figures() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", std::slice::from_ref(&wanted), None);
    let mut service = Service::start(&cluster);
    let runs = "donjon_balance_runs_total{outcome=\"succeeded\"}";
    wait_for("the first run", || service.metric(runs) == Some(1.0));
    assert_eq!(service.metric("arvados_keep_garbage_blocks"), Some(1.0));
    assert_eq!(service.metric("arvados_keep_underreplicated_blocks"), Some(1.0));
    assert_eq!(service.page("/_health/ping").trim(), r#"{"health":"OK"}"#);
    cluster.settle();
    assert_eq!((cluster.copies(&garbage), cluster.copies(&wanted)), (0, 2));

    service.signal(Signal::HUP);
    wait_for("a word on SIGHUP", || {
        service.log().contains("the configuration is read at the start only")
    });
    service.signal(Signal::USR1);
    wait_for("the second run", || service.metric(runs) == Some(2.0));
    assert_eq!(service.metric("arvados_keep_garbage_blocks"), Some(0.0));
    let status: serde_json::Value =
        serde_json::from_str(&service.page("/donjon/v1/balance")).unwrap();
    assert_eq!(status["runs"]["succeeded"], 2);

    service.signal(Signal::TERM);
    assert_eq!(service.wait(), Some(0));
}

#[test]
fn a_run_that_fails_is_told_and_the_service_goes_on() {
    let mut cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    cluster.publish("a", &[Block::new("wanted")], Some(1));
    cluster.kill(0);
    let service = Service::start(&cluster);
    let failed = "donjon_balance_runs_total{outcome=\"failed\"}";
    wait_for("a failed run", || service.metric(failed) == Some(1.0));
    let health = service.page("/_health/ping");
    assert!(health.contains(cluster.url(0)) && health.contains("ERROR"), "{health}");
    cluster.begin(0);
    service.signal(Signal::USR1);
    let runs = "donjon_balance_runs_total{outcome=\"succeeded\"}";
    wait_for("a good run", || service.metric(runs) == Some(1.0));
}

/// Every name of keep-balance (`spec/keep-balance.md` section 5.4), and ours.
#[test]
fn metrics_have_the_names_of_keep_balance_and_ours() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage]);
    cluster.publish("a", std::slice::from_ref(&wanted), None);
    let service = Service::start(&cluster);
    let runs = "donjon_balance_runs_total{outcome=\"succeeded\"}";
    wait_for("the first run", || service.metric(runs) == Some(1.0));
    let page = service.page("/metrics");
    let has = |name: &str| {
        let line =
            |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        assert!(page.lines().any(line), "{name} is missing: {page}");
    };
    for what in [
        "total",
        "garbage",
        "transient",
        "overreplicated",
        "underreplicated",
        "unachievable",
        "balanced",
        "desired",
        "lost",
    ] {
        for unit in ["blocks", "bytes", "replicas"] {
            has(&format!("arvados_keep_{what}_{unit}"));
        }
    }
    for name in [
        "dedup_byte_ratio",
        "dedup_block_ratio",
        "collection_bytes",
        "referenced_bytes",
        "reference_count",
        "referenced_blocks",
        "pull_entries_sent_count",
        "pull_entries_deferred_count",
        "trash_entries_sent_count",
        "trash_entries_deferred_count",
        "replicated_block_count",
        "usage_blocks",
        "usage_bytes",
        "usage_replicas",
    ] {
        has(&format!("arvados_keep_{name}"));
    }
    for phase in [
        "sweep",
        "get_state",
        "changeset_compute",
        "send_pull_lists",
        "send_trash_lists",
        "update_collections",
    ] {
        for of in ["sum", "count"] {
            has(&format!("arvados_keepbalance_{phase}_seconds_{of}"));
        }
    }
    for name in [
        "arvados_version_running",
        "arvados_config_source_timestamp_seconds",
        "arvados_config_load_timestamp_seconds",
        "donjon_balance_last_success_timestamp_seconds",
        "donjon_balance_unknown_classes",
        "donjon_balance_held",
        "donjon_balance_last_run_seconds",
        "donjon_balance_outcomes",
        "donjon_balance_setbacks",
    ] {
        has(name);
    }
    assert_eq!(service.metric("arvados_keepbalance_send_trash_lists_seconds_count"), Some(1.0));
    let needed = "arvados_keep_usage_blocks{storage_class=\"default\",status=\"needed\"}";
    assert_eq!(service.metric(needed), Some(1.0));
    cluster.settle();
    service.signal(Signal::USR1);
    wait_for("the second run", || service.metric(runs) == Some(2.0));
    let done =
        |list| format!("donjon_balance_outcomes{{list=\"{list}\",outcome=\"done\",reason=\"\"}}");
    assert_eq!(["trash", "pull"].map(|list| service.metric(&done(list))), [Some(1.0); 2]);
    let one = "arvados_keep_replicated_block_count{replicas=\"1\"}";
    assert_eq!(service.metric(one), Some(0.0), "a series that was there is set to nought");
}

#[test]
fn after_a_restart_the_last_success_is_the_one_that_is_remembered() {
    let mut cluster = Cluster::start(1, json!({}));
    let block = Block::new("wanted");
    cluster.plant(0, std::slice::from_ref(&block));
    cluster.publish("a", &[block], Some(1));
    let first = std::time::SystemTime::now();
    let first = first.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64().floor();
    let name = "donjon_balance_last_success_timestamp_seconds";
    let failed = "donjon_balance_runs_total{outcome=\"failed\"}";
    cluster.kill(0);
    let service = Service::start(&cluster);
    wait_for("a failed run", || service.metric(failed) == Some(1.0));
    assert_eq!(service.metric(name), None, "there was none");
    drop(service);
    cluster.begin(0);
    cluster.once();
    cluster.kill(0);
    let service = Service::start(&cluster);
    wait_for("a failed run", || service.metric(failed) == Some(1.0));
    assert!(service.metric(name) >= Some(first));
}

#[test]
fn a_run_that_is_held_shows_what_it_found() {
    let cluster = Cluster::start(1, json!({"BrakeFloor": 0}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage]);
    cluster.publish("a", &[wanted], Some(1));
    let service = Service::start(&cluster);
    let held = "donjon_balance_runs_total{outcome=\"held\"}";
    wait_for("a held run", || service.metric(held) == Some(1.0));
    assert_eq!(service.metric("arvados_keep_garbage_blocks"), Some(1.0));
    assert!(service.metric("donjon_balance_held") > Some(0.0));
}

/// The words that operators of keep-balance look for (`spec/keep-balance.md` section 5.5).
#[test]
fn the_log_has_the_words_of_keep_balance() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage]);
    cluster.publish("a", &[wanted, Block::new("lost")], Some(1));
    let service = Service::start(&cluster);
    wait_for("a run", || service.log().contains("run succeeded"));
    let log = service.log();
    for expected in [
        "get_state: start",
        "get_state: took",
        "changeset_compute: took",
        "send_pull_lists: took",
        "send_trash_lists: took",
        "(1 blocks, 4 bytes) lost (0=have<want)",
        "blocks are LOST: collections name them, and no node has them",
        "underreplicated (0<have<want)",
        "just right (have=want)",
        "overreplicated (have>want>0)",
        "unreferenced (have>want=0, new)",
        "(1 blocks, 7 bytes) garbage (have>want=0, old)",
        "storage class",
        "total commitment (excluding unreferenced)",
        "total usage",
        "ChangeSet{Pulls:0, Trashes:1} Deferred{Pulls:0, Trashes:0}",
    ] {
        assert!(log.contains(expected), "{expected} is missing: {log}");
    }
}
