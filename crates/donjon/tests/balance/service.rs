//! `donjon balance run`

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::balancer::Service;
use crate::cluster::{Block, Cluster, wait_for};

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

    kill_process(Pid::from_child(&service.child), Signal::USR1).unwrap();
    wait_for("the second run", || service.metric(runs) == Some(2.0));
    assert_eq!(service.metric("arvados_keep_garbage_blocks"), Some(0.0));
    let status: serde_json::Value =
        serde_json::from_str(&service.page("/donjon/v1/balance")).unwrap();
    assert_eq!(status["runs"]["succeeded"], 2);

    kill_process(Pid::from_child(&service.child), Signal::TERM).unwrap();
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
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
    kill_process(Pid::from_child(&service.child), Signal::USR1).unwrap();
    let runs = "donjon_balance_runs_total{outcome=\"succeeded\"}";
    wait_for("a good run", || service.metric(runs) == Some(1.0));
}
