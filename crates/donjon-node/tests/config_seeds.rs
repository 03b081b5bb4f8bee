//! The promise that fuzzing checks of configs, over its seeds.

#[path = "properties/config.rs"]
mod properties;

use std::path::Path;

#[test]
fn configs_keep_their_promise() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/config");
    let mut accepted = 0;
    for seed in std::fs::read_dir(&seeds).expect("the seeds are there") {
        let path = seed.expect("the seeds are readable").path();
        let judged = properties::config(&std::fs::read(&path).expect("the seed is readable"));
        eprintln!("{}: {judged:?}", path.display());
        accepted += usize::from(judged == properties::Judged::Accepted);
    }
    assert!(accepted >= 4, "{accepted} accepted seeds in {}", seeds.display());
}
