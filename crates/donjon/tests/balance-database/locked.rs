//! One balancer at a time, whoever it is.

use std::io::{BufRead, BufReader, Read};

use crate::arvados::Arvados;
use crate::cluster::wait_for;

/// The advisory locks of this database with the key of a run.
const SWEEP: &str = "FROM pg_locks WHERE locktype = 'advisory' AND objid = 10004
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Sessions that wait for the table.
const WAITING: &str =
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'collections'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[test]
fn a_run_waits_for_the_lock_says_who_has_it_and_goes_on() {
    let (arvados, garbage) = Arvados::with_garbage();
    let mut other = arvados.database.session();
    other.sql("SELECT pg_advisory_lock(10004)");
    let mut run = arvados.begin_once();
    let mut lines = BufReader::new(run.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("advisory lock 10004") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
    }
    assert!(said.contains("Waiting for") && said.contains("program psql"), "{said}");
    assert!(run.try_wait().unwrap().is_none());
    arvados.nothing_was_sent(&garbage);
    drop(other);
    lines.read_to_string(&mut said).unwrap();
    assert!(run.wait().unwrap().success(), "{said}");
    arvados.cluster.settle();
    assert_eq!(arvados.cluster.copies(&garbage), 0);
}

#[test]
fn a_run_whose_lock_is_lost_sends_nothing() {
    let (arvados, garbage) = Arvados::with_garbage();
    let mut other = arvados.database.session();
    other.sql("BEGIN; LOCK TABLE collections IN ACCESS EXCLUSIVE MODE");
    let mut run = arvados.begin_once();
    wait_for("a run that reads the table", || arvados.database.sql(WAITING) == "1");
    let killed = arvados.database.sql(&format!("SELECT pg_terminate_backend(pid) {SWEEP}"));
    assert_eq!(killed, "t");
    drop(other);
    let mut said = String::new();
    run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("advisory lock 10004"), "{said}");
    arvados.nothing_was_sent(&garbage);
}
