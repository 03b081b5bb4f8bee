//! The promises that fuzzing checks, over its seeds.

mod properties;

use std::path::Path;

#[track_caller]
fn check(target: &str, promise: impl Fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut count = 0;
    for seed in std::fs::read_dir(&seeds).expect("the seeds are there") {
        let path = seed.expect("the seeds are readable").path();
        eprintln!("{}", path.display());
        promise(&std::fs::read(&path).expect("the seed is readable"));
        count += 1;
    }
    assert!(count >= 8, "{count} seeds in {}", seeds.display());
}

#[test]
fn locators_keep_their_promises() {
    check("locator", properties::locator::locator);
}

#[test]
fn trash_lists_keep_their_promises() {
    check("trash_list", |body| {
        properties::list::trash_list(body);
        properties::list::trash_list_in_frames(body, body.chunks(7));
    });
}

#[test]
fn pull_lists_keep_their_promises() {
    check("pull_list", |body| {
        properties::list::pull_list(body);
        properties::list::pull_list_in_frames(body, body.chunks(7));
    });
}

#[test]
fn indexes_keep_their_promises() {
    check("index_line", |text| {
        properties::index::index_line(text);
        properties::index::index(text);
    });
}
