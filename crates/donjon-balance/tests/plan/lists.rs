//! What is sent to whom.

use std::fs;
use std::num::NonZeroUsize;

use donjon_balance::plan::{
    Entry, Fate, Header, Limits, ListCount, Lists, PlanError, PlanFile, PullEntry, Salt, TrashEntry,
};
use donjon_balance::runs::Budget;
use proptest::prelude::*;

use crate::given::{Given, entries, entry, hash, header, plan, pull, trashed};

const BUDGET: Budget =
    Budget { memory: 20_000, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
const ALL: Limits = Limits { pulls: u64::MAX, trashes: u64::MAX };

fn prepare<'a>(given: &Given, file: &'a PlanFile, limits: Limits) -> Result<Lists<'a>, PlanError> {
    Lists::prepare(file, limits, given.directory.path(), BUDGET)
}

fn server_of(mount: u16) -> u16 {
    header().mounts[usize::from(mount)].server
}

/// All that the plan has for a server, in the order of the plan.
fn naive(entries: &[Entry], server: u16) -> (Vec<PullEntry>, Vec<TrashEntry>) {
    let mut pulls = Vec::new();
    let mut trashes = Vec::new();
    for entry in entries {
        let block = entry.block;
        for pull in entry.pulls.iter().filter(|pull| server_of(pull.to) == server) {
            let (to, from, order) = (pull.to, pull.from.clone(), pull.order);
            pulls.push(PullEntry { block, to, from, order });
        }
        for replica in entry.replicas.iter().filter(|replica| server_of(replica.mount) == server) {
            if let Fate::Trash { order, .. } = replica.fate {
                let (mtime, mount) = (replica.mtime, replica.mount);
                trashes.push(TrashEntry { block, mtime, mount, order });
            }
        }
    }
    (pulls, trashes)
}

/// Every item that was sent is one of all, none twice, in order, and none that is left is more urgent.
fn check<T: PartialEq + std::fmt::Debug>(
    sent: &[T],
    mut all: Vec<T>,
    limit: u64,
    count: ListCount,
    order: impl Fn(&T) -> u64,
) {
    assert_eq!(count.sent, sent.len() as u64);
    assert_eq!(count.sent, limit.min(all.len() as u64));
    assert_eq!(count.sent + count.deferred, all.len() as u64);
    assert!(sent.windows(2).all(|two| order(&two[0]) <= order(&two[1])));
    for item in sent {
        let place = all.iter().position(|other| other == item).unwrap();
        all.remove(place);
    }
    let last = sent.last().map_or(u64::MAX, &order);
    assert!(sent.is_empty() || all.iter().all(|left| order(left) >= last));
}

proptest! {
    #[test]
    fn lists_are_the_most_urgent_of_each_server(
        entries in entries(60),
        pulls in 0_u64..20,
        trashes in prop_oneof![0_u64..20, Just(u64::MAX)],
    ) {
        let given = plan(header(), &entries);
        let file = PlanFile::open(&given.path).unwrap();
        let limits = Limits { pulls, trashes };
        let lists = prepare(&given, &file, limits).unwrap();
        for server in 0..3 {
            let (all_pulls, all_trashes) = naive(&entries, server);
            let sent: Vec<_> = lists.pulls(server).unwrap().map(Result::unwrap).collect();
            check(&sent, all_pulls, pulls, lists.pull_count(server), |item| item.order);
            let sent: Vec<_> = lists.trashes(server).unwrap().map(Result::unwrap).collect();
            check(&sent, all_trashes, trashes, lists.trash_count(server), |item| item.order);
        }
        prop_assert_eq!(lists.trash_count(3), ListCount::default());
    }
}

/// Many blocks of the same urgency.
fn equals() -> Vec<Entry> {
    let mut entries: Vec<Entry> = (0..500)
        .map(|number| {
            let mut entry = entry(hash(number));
            entry.replicas = vec![trashed(0, 5, 1)];
            entry.pulls = vec![pull(2, &[0], 1)];
            entry
        })
        .collect();
    entries.sort_by_key(|entry| entry.block.hash);
    entries
}

fn trash_list(header: Header) -> Vec<TrashEntry> {
    let given = plan(header, &equals());
    let file = PlanFile::open(&given.path).unwrap();
    let lists = prepare(&given, &file, Limits { pulls: 0, trashes: 50 }).unwrap();
    lists.trashes(0).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_salt_chooses_among_equals() {
    let one = trash_list(header());
    assert_eq!(one, trash_list(header()));
    let other = trash_list(Header { salt: Salt(1), ..header() });
    let both = one.iter().filter(|item| other.contains(item)).count();
    assert!(both < 25, "{both} of 50 are the same under another salt");
}

#[test]
fn a_damaged_plan_has_no_lists() {
    let given = plan(header(), &equals());
    let text = fs::read_to_string(&given.path).unwrap();
    fs::write(&given.path, text.replace("\"blocks\":1000", "\"blocks\":1001")).unwrap();
    let file = PlanFile::open(&given.path).unwrap();
    assert!(matches!(prepare(&given, &file, ALL), Err(PlanError::Damaged { .. })));
}

/// Whoever looked at one plan must not send another.
#[test]
fn a_plan_in_the_place_of_another_has_no_lists() {
    let given = plan(header(), &equals());
    let mut file = PlanFile::open(&given.path).unwrap();
    let fewer = Header { mounts: header().mounts[..3].to_vec(), ..header() };
    for other in
        [plan(header(), &equals()[..1]), plan(Header { salt: Salt(2), ..fewer }, &equals())]
    {
        fs::copy(&other.path, &given.path).unwrap();
        assert!(matches!(prepare(&given, &file, ALL), Err(PlanError::Damaged { .. })));
        assert!(matches!(file.verify(), Err(PlanError::Damaged { .. })));
    }
}

#[test]
fn a_plan_that_changes_while_lists_are_sent_is_noticed() {
    let given = plan(header(), &equals());
    let file = PlanFile::open(&given.path).unwrap();
    let lists = prepare(&given, &file, ALL).unwrap();
    let text = fs::read_to_string(&given.path).unwrap();
    let changed = text.replace("\"order\":1", "\"order\":2");
    assert_eq!(changed.len(), text.len());
    fs::write(&given.path, changed).unwrap();
    assert!(matches!(lists.trashes(0).unwrap().next(), Some(Err(PlanError::Damaged { .. }))));
    assert!(matches!(lists.pulls(1).unwrap().next(), Some(Err(PlanError::Damaged { .. }))));
    fs::write(&given.path, &text[..1000]).unwrap();
    assert!(matches!(lists.trashes(0).unwrap().next(), Some(Err(PlanError::Damaged { .. }))));
}
