//! The confirmed columns after a run.

use crate::arvados::{Arvados, uuid};
use crate::cluster::{Block, blocks, wait_for};
use crate::running::Service;

const CONFIRMED: &str = "SELECT right(uuid, 1), replication_confirmed, storage_classes_confirmed
    FROM collections ORDER BY uuid";
/// What an UPDATE changes in any case.
const VERSIONS: &str = "SELECT uuid, xmin, * FROM collections ORDER BY uuid";

#[test]
fn the_copies_of_the_block_that_has_the_fewest_are_confirmed() {
    let arvados = Arvados::start(2);
    let [both, one, other, lost, typo] = ["both", "one", "other", "lost", "typo"].map(Block::new);
    arvados.cluster.plant(0, &[both.clone(), one.clone(), other.clone(), typo.clone()]);
    arvados.cluster.plant(1, &[both.clone(), typo.clone()]);
    arvados.insert(1, &[both.clone(), both.clone()], 2);
    arvados.insert(2, &[both.clone(), one], 2);
    arvados.insert(3, &[other], 1);
    arvados.insert(4, &[both.clone(), lost], 1);
    arvados.insert(5, &[typo], 2);
    arvados.update(5, r#"storage_classes_desired = '["default", "typo"]'"#);
    arvados.insert(6, &[], 2);
    arvados.insert(7, &[both], 2);
    // Its blocks may be newer than what was read of the nodes.
    arvados.update(7, "modified_at = now() AT TIME ZONE 'UTC' + interval '1 day'");

    let said = arvados.cluster.once();
    let default = r#"["default"]"#;
    let others = format!("3|1|{default}\n4|0|[]\n5|0|[]\n6|0|[]\n7||[]");
    let first = format!("1|2|{default}\n2|1|{default}\n{others}");
    assert_eq!(arvados.database.sql(CONFIRMED), first);
    assert_eq!(said["confirmed"]["written"], 6, "{said}");
    assert_eq!(said["confirmed"]["too_new"], 1, "{said}");
    let odd_times = arvados.database.sql(
        "SELECT count(*) FROM collections WHERE replication_confirmed_at <> storage_classes_confirmed_at
         OR abs(extract(epoch FROM now() AT TIME ZONE 'UTC' - replication_confirmed_at)) > 3600",
    );
    assert_eq!(odd_times, "0", "the server is in Auckland, the columns are UTC");

    // The copy that was missing is made.
    arvados.cluster.settle();
    let said = arvados.cluster.once();
    assert_eq!(said["confirmed"]["written"], 1, "{said}");
    let second = format!("1|2|{default}\n2|2|{default}\n{others}");
    assert_eq!(arvados.database.sql(CONFIRMED), second);

    arvados.cluster.settle();
    let before = arvados.database.sql(VERSIONS);
    let said = arvados.cluster.once();
    assert_eq!(said["confirmed"]["written"], 0, "{said}");
    assert_eq!(said["confirmed"]["unchanged"], 6, "{said}");
    assert_eq!(arvados.database.sql(VERSIONS), before, "no row changed");
}

#[test]
fn a_replica_that_is_on_a_trash_list_is_not_confirmed() {
    let arvados = Arvados::start(2);
    let block = Block::new("block");
    for node in 0..2 {
        arvados.cluster.plant(node, std::slice::from_ref(&block));
        arvados.cluster.on(node, &["list", "pause", "trash"]).ends_with(0);
    }
    arvados.insert(1, std::slice::from_ref(&block), 1);
    arvados.cluster.once();
    arvados.update(1, "replication_desired = 2");
    arvados.cluster.once();
    assert_eq!(arvados.database.sql(CONFIRMED), r#"1|1|["default"]"#);
    assert_eq!(arvados.cluster.copies(&block), 2, "one of them may go at any moment");
}

#[test]
fn a_row_that_is_refused_is_a_warning() {
    let arvados = Arvados::start(1);
    for (block, number) in blocks("block", 3).into_iter().zip(1..) {
        arvados.cluster.plant(0, std::slice::from_ref(&block));
        arvados.insert(number, &[block], 1);
    }
    let refused = uuid(2);
    arvados.database.sql(&format!(
        "ALTER TABLE collections ADD CHECK (uuid <> '{refused}' OR replication_confirmed IS NULL)"
    ));
    let ran = arvados.cluster.balance(&["once", "--json"]).ends_with(0);
    assert!(ran.stderr.contains(&format!("Collection {refused} was not confirmed")), "{ran:?}");
    let confirmed = &ran.json()["confirmed"];
    assert_eq!((&confirmed["written"], &confirmed["failed"]), (&2.into(), &1.into()));
    let default = r#"["default"]"#;
    let expected = format!("1|1|{default}\n2||[]\n3|1|{default}");
    assert_eq!(arvados.database.sql(CONFIRMED), expected);
}

#[test]
fn a_run_that_cannot_confirm_has_failed_and_its_lists_were_sent() {
    let (arvados, garbage) = Arvados::with_garbage();
    arvados.database.sql("ALTER TABLE collections DROP COLUMN storage_classes_confirmed_at");
    let ran = arvados.cluster.balance(&["once"]).ends_with(1);
    assert!(ran.stderr.contains("the lists were sent; the confirmed columns"), "{}", ran.stderr);
    assert!(ran.stderr.contains("storage_classes_confirmed_at"), "{}", ran.stderr);
    arvados.cluster.settle();
    assert_eq!(arvados.cluster.copies(&garbage), 0);
}

#[test]
fn a_plan_confirms_nothing() {
    let (arvados, _garbage) = Arvados::with_garbage();
    let before = arvados.database.sql(VERSIONS);
    arvados.cluster.balance(&["plan", "-o", &arvados.cluster.arg("the.plan")]).ends_with(0);
    assert_eq!(arvados.database.sql(VERSIONS), before);
}

#[test]
fn an_apply_confirms_nothing() {
    let (arvados, garbage) = Arvados::with_garbage();
    let before = arvados.database.sql(VERSIONS);
    let plan = arvados.cluster.arg("the.plan");
    let made = arvados.cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(0).json();
    let digest = made["digest"].as_str().unwrap();
    arvados.cluster.balance(&["apply", &plan, "--digest", digest]).ends_with(0);
    arvados.cluster.settle();
    assert_eq!(arvados.cluster.copies(&garbage), 0);
    assert_eq!(arvados.database.sql(VERSIONS), before);
}

#[test]
fn an_update_limit_of_nought_writes_no_column() {
    let (arvados, garbage) = Arvados::with_garbage();
    arvados.cluster.configure_collections("BalanceUpdateLimit", 0.into());
    let before = arvados.database.sql(VERSIONS);
    let said = arvados.cluster.once();
    assert!(said["confirmed"].is_null(), "{said}");
    assert_eq!(arvados.database.sql(VERSIONS), before);
    arvados.cluster.settle();
    assert_eq!(arvados.cluster.copies(&garbage), 0, "lists are sent all the same");

    // A lower one than there are rows leaves the rest to the next run.
    for number in 2..=4 {
        arvados.insert(number, &[Block::new("wanted")], 1);
    }
    arvados.cluster.configure_collections("BalanceUpdateLimit", 3.into());
    let said = arvados.cluster.once();
    assert_eq!(said["confirmed"]["written"], 3, "{said}");
    assert_eq!(said["confirmed"]["limit_reached"], true, "{said}");
    assert_eq!(arvados.cluster.once()["confirmed"]["written"], 1);
}

#[test]
fn metrics_say_what_became_of_the_confirmed_columns() {
    let (arvados, _garbage) = Arvados::with_garbage();
    arvados.insert(2, &[Block::new("wanted")], 1);
    arvados.update(2, "modified_at = now() AT TIME ZONE 'UTC' + interval '1 day'");
    let service = Service::start(&arvados.cluster);
    let metric = |outcome: &str| {
        service.metric(&format!("donjon_balance_confirmed_collections{{outcome=\"{outcome}\"}}"))
    };
    wait_for("a run", || metric("written").is_some());
    let outcomes = ["written", "unchanged", "changed_since", "too_new", "failed"].map(metric);
    assert_eq!(outcomes, [1.0, 0.0, 0.0, 1.0, 0.0].map(Some));
    assert_eq!(service.metric("arvados_keepbalance_update_collections_seconds_count"), Some(1.0));
    wait_for("a line in the log", || service.log().contains("confirmed columns"));
}

#[test]
fn a_small_directory_that_went_back_holds_the_plan_beside_a_large_table() {
    let arvados = Arvados::start(1);
    let table = blocks("table", 20);
    arvados.cluster.plant(0, &table);
    for (block, number) in table.into_iter().zip(1..) {
        arvados.insert(number, &[block], 1);
    }
    let (old, new) = (Block::new("old"), Block::new("new"));
    arvados.cluster.plant(0, &[old.clone(), new.clone()]);
    arvados.cluster.publish("old", &[old], Some(1));
    arvados.cluster.back_up_manifests();
    arvados.cluster.publish("new", std::slice::from_ref(&new), Some(1));
    arvados.cluster.once();
    arvados.cluster.restore_manifests();
    let ran = arvados.cluster.balance(&["once"]).ends_with(4);
    assert!(ran.stderr.contains("was it restored from a backup?"), "{}", ran.stderr);
    arvados.cluster.settle();
    assert_eq!(arvados.cluster.copies(&new), 1);
}
