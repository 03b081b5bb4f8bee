//! One block of many.

use donjon_balance::plan::{Entry, PlanFile, Verification};
use keep_rules::BlockHash;

use crate::given::{entry, hash, header, plan};

/// Entries for the even numbers below twice the count. Some have long lines.
fn even(count: u64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = (0..count)
        .map(|number| {
            let mut entry = entry(hash(2 * number));
            if number % 97 == 0 {
                let class = "x".repeat(20_000);
                entry.wanted = [(class, 2)].into();
            }
            entry
        })
        .collect();
    entries.sort_by_key(|entry| entry.block.hash);
    entries
}

#[test]
fn every_block_of_a_plan_is_found_and_no_other() {
    for count in [0, 1, 2, 3, 50, 1000] {
        let entries = even(count);
        let given = plan(header(), &entries);
        let file = PlanFile::open(&given.path).unwrap();
        for entry in &entries {
            let found = file.explain(entry.block.hash).unwrap();
            assert_eq!(found.entry.as_ref(), Some(entry));
            assert_eq!(found.verification, Verification::Ends);
        }
        for number in 0..count {
            assert_eq!(file.explain(hash(2 * number + 1)).unwrap().entry, None);
        }
        for end in [BlockHash::from_bytes([0; 16]), BlockHash::from_bytes([255; 16])] {
            let expected = entries.iter().find(|entry| entry.block.hash == end);
            assert_eq!(file.explain(end).unwrap().entry.as_ref(), expected);
        }
    }
}

#[test]
fn what_is_found_in_a_verified_plan_says_so() {
    let given = plan(header(), &even(3));
    let mut file = PlanFile::open(&given.path).unwrap();
    file.verify().unwrap();
    assert_eq!(file.explain(hash(2)).unwrap().verification, Verification::Whole);
    assert_eq!(file.explain(hash(3)).unwrap().verification, Verification::Whole);
}
