//! What the table says is kept, and nothing is done if it cannot be believed.

use crate::arvados::{Arvados, uuid};
use crate::cluster::Block;

#[test]
fn blocks_of_rows_stay_also_of_trashed_ones_and_old_versions() {
    let arvados = Arvados::start(1);
    let blocks = ["live", "trashed", "expired", "old version", "garbage"].map(Block::new);
    arvados.cluster.plant(0, &blocks);
    for (block, number) in blocks[..4].iter().zip(1..) {
        arvados.insert(number, std::slice::from_ref(block), 1);
    }
    let past = "now() AT TIME ZONE 'UTC' - interval '20 days'";
    arvados.update(2, &format!("is_trashed = true, trash_at = {past}"));
    arvados.update(3, &format!("is_trashed = true, trash_at = {past}, delete_at = {past}"));
    arvados.update(4, &format!("version = 1, current_version_uuid = '{}'", uuid(1)));
    arvados.cluster.once();
    arvados.cluster.settle();
    let copies = blocks.each_ref().map(|block| arvados.cluster.copies(block));
    assert_eq!(copies, [1, 1, 1, 1, 0]);
}

#[test]
fn a_null_manifest_ends_the_run_and_nothing_is_sent() {
    let (arvados, garbage) = Arvados::with_garbage();
    arvados.insert(2, &[Block::new("other")], 1);
    arvados.update(2, "manifest_text = NULL");
    arvados.nothing_is_sent(&garbage, &[&uuid(2), "manifest_text"]);
}

#[test]
fn a_malformed_manifest_ends_the_run_and_is_named() {
    let (arvados, garbage) = Arvados::with_garbage();
    arvados.insert(2, &[Block::new("other")], 1);
    arvados.update(2, "manifest_text = '. not-a-locator 0:3:file' || chr(10)");
    arvados.nothing_is_sent(&garbage, &[&uuid(2), "manifest"]);
}

#[test]
fn a_manifest_that_was_emptied_ends_the_run() {
    let (arvados, garbage) = Arvados::with_garbage();
    arvados.insert(2, &[Block::new("other")], 1);
    arvados.update(2, "manifest_text = ''");
    arvados.nothing_is_sent(&garbage, &[&uuid(2), "empty manifest"]);
}

#[test]
fn a_table_that_is_gone_is_not_an_empty_one() {
    let (arvados, garbage) = Arvados::with_garbage();
    arvados.database.sql("DROP TABLE collections");
    arvados.nothing_is_sent(&garbage, &["there is no table collections"]);
}
