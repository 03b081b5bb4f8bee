//! Two plans, side by side.

use std::collections::BTreeMap;
use std::fs;

use donjon_balance::plan::{Diff, Difference, Entry, Fate, Header, PlanError, PlanReader};
use proptest::prelude::*;

use crate::given::{Given, entries, entry, hash, header, kept, plan, pull, trashed};

/// All differences, and how many blocks there are of which both say the same.
fn diff(a: &Given, b: &Given) -> Result<(Vec<Difference>, u64), PlanError> {
    let mut diff = Diff::new(PlanReader::open(&a.path)?, PlanReader::open(&b.path)?)?;
    let mut differences = Vec::new();
    while let Some(difference) = diff.next_difference()? {
        differences.push(difference);
    }
    Ok((differences, diff.unchanged()))
}

/// The entry with an order that does not count, and replicas and pulls by their mounts.
fn plain(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    for replica in &mut entry.replicas {
        if let Fate::Trash { order, .. } = &mut replica.fate {
            *order = 0;
        }
    }
    entry.pulls.iter_mut().for_each(|pull| pull.order = 0);
    entry.replicas.sort_by_key(|replica| format!("{replica:?}"));
    entry.pulls.sort_by_key(|pull| pull.to);
    entry
}

fn naive(a: &[Entry], b: &[Entry]) -> (Vec<Difference>, u64) {
    let by_hash = |entries: &[Entry]| -> BTreeMap<_, _> {
        entries.iter().map(|entry| (entry.block.hash, entry.clone())).collect()
    };
    let (a, b) = (by_hash(a), by_hash(b));
    let mut hashes: Vec<_> = a.keys().chain(b.keys()).copied().collect();
    hashes.sort_unstable();
    hashes.dedup();
    let mut unchanged = 0;
    let differences = hashes.iter().filter_map(|hash| match (a.get(hash), b.get(hash)) {
        (Some(a), Some(b)) if plain(a) == plain(b) => {
            unchanged += 1;
            None
        }
        (Some(a), Some(b)) => Some(Difference::Changed { a: a.clone(), b: b.clone() }),
        (Some(a), None) => Some(Difference::OnlyInA(a.clone())),
        (None, Some(b)) => Some(Difference::OnlyInB(b.clone())),
        (None, None) => None,
    });
    (differences.collect(), unchanged)
}

/// What is done to an entry on its way from the first plan to the second.
fn change(mut entries: Vec<Entry>, changes: &[u8]) -> Vec<Entry> {
    for (entry, change) in entries.iter_mut().zip(changes.iter().cycle()) {
        match change {
            0 => entry.lost = Some("changed".parse().unwrap()),
            1 => entry.replicas.reverse(),
            2 => entry.pulls.iter_mut().for_each(|pull| pull.order += 7),
            3 => entry.replicas.push(kept(0, 1)),
            _ => {}
        }
    }
    entries.retain(|entry| entry.block.size % 5 != 4);
    entries
}

proptest! {
    #[test]
    fn differences_are_those_of_maps(
        common in entries(30),
        other in entries(10),
        changes in prop::collection::vec(0_u8..8, 1..8),
    ) {
        let mut b = change(common.clone(), &changes);
        b.extend(other);
        b.sort_by_key(|entry| entry.block.hash);
        b.dedup_by_key(|entry| entry.block.hash);
        let found = diff(&plan(header(), &common), &plan(header(), &b)).unwrap();
        prop_assert_eq!(found, naive(&common, &b));
    }
}

/// A header that names the same servers and mounts in another order.
fn reordered() -> Header {
    let mut header = header();
    header.servers.reverse();
    header.mounts.reverse();
    for mount in &mut header.mounts {
        mount.server = 2 - mount.server;
    }
    for index in &mut header.inputs.indexes {
        index.via = 2 - index.via;
    }
    header
}

#[test]
fn mounts_and_servers_are_compared_by_their_names() {
    let mut a = entry(hash(1));
    a.replicas = vec![kept(0, 5), trashed(3, 6, 1)];
    a.pulls = vec![pull(1, &[0, 2], 1)];
    let mut b = entry(hash(1));
    b.replicas = vec![kept(5, 5), trashed(2, 6, 9)];
    b.pulls = vec![pull(4, &[2, 0], 1)];
    let same = diff(&plan(header(), &[a.clone()]), &plan(reordered(), &[b])).unwrap();
    assert_eq!(same, (vec![], 1));
    let (changed, same) = diff(&plan(header(), &[a.clone()]), &plan(reordered(), &[a])).unwrap();
    assert_eq!((changed.len(), same), (1, 0));
}

#[test]
fn a_damaged_plan_is_not_compared() {
    let entries = [entry(hash(0)), entry(hash(3))];
    let (a, b) = (plan(header(), &entries), plan(header(), &entries));
    let text = fs::read_to_string(&b.path).unwrap();
    fs::write(&b.path, text.replace("\"blocks\":1000", "\"blocks\":1001")).unwrap();
    for (one, other) in [(&a, &b), (&b, &a)] {
        assert!(matches!(diff(one, other), Err(PlanError::Damaged { .. })));
    }
    let reader = |given: &Given| PlanReader::open(&given.path).unwrap();
    let mut diff = Diff::new(reader(&a), reader(&b)).unwrap();
    assert!(diff.next_difference().is_err());
    assert!(matches!(diff.next_difference(), Err(PlanError::Failed)));
}
