//! Against a plain model, with the power going out at every step.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Publish(u8, u8, bool),
    Remove(u8),
    Restore(u8),
    Sweep,
    /// Nothing for so many seconds.
    Wait(u64),
    /// Signatures are valid for so many seconds from now on.
    SetTtl(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..3_u8, 0..4_u8, any::<bool>())
            .prop_map(|(name, content, replace)| Act::Publish(name, content, replace)),
        (0..3_u8).prop_map(Act::Remove),
        (0..3_u8).prop_map(Act::Restore),
        Just(Act::Sweep),
        // Around the end of a protection, and around the end of memory.
        prop_oneof![
            490..510_u64,
            615..635_u64,
            990..1010_u64,
            1240..1260_u64,
            1990..2010_u64,
            2490..2510_u64,
            1..10_000_u64,
            87_640..87_660_u64,
            Just(200_000)
        ]
        .prop_map(Act::Wait),
        // So short that what is forgotten, a day after its protection, would not be protected with another of them either.
        prop_oneof![Just(400), Just(1000), Just(2000)].prop_map(Act::SetTtl),
    ]
}

/// A disk that fails after so many steps, and whether the same writer goes on after that.
fn failure() -> impl Strategy<Value = (Failure, bool)> {
    let of =
        prop_oneof![Just(Fails::Changes), Just(Fails::OneChange), Just(Fails::OneChangeAndReads),];
    (0..12_u32, of, any::<bool>()).prop_map(|(after, of, goes_on)| (Failure { after, of }, goes_on))
}

/// What was removed or replaced: when, and with which TTL.
#[derive(Clone, Copy, Debug)]
struct Removed {
    name: u8,
    content: u8,
    at: u64,
    ttl: u64,
}

/// Live contents by name, and every content that may still be a reference.
#[derive(Clone, Debug)]
struct Model {
    live: BTreeMap<u8, u8>,
    removed: Vec<Removed>,
    /// How long signatures are valid now.
    ttl: u64,
}

impl Model {
    fn act(&mut self, act: &Act, now: u64) {
        match act {
            Act::Publish(name, content, replace) => {
                let old = self.live.get(name).copied();
                if old.is_some_and(|old| old != *content) && !replace {
                    return;
                }
                if let Some(old) = old.filter(|old| old != content) {
                    self.remove(*name, old, now);
                }
                self.live.insert(*name, *content);
            }
            Act::Remove(name) => {
                if let Some(old) = self.live.remove(name) {
                    self.remove(*name, old, now);
                }
            }
            Act::Restore(name) => {
                if self.live.contains_key(name) {
                    return;
                }
                // A margin before its protection ends, at the latest.
                let ttl = self.ttl;
                let can = |removed: &Removed| {
                    removed.name == *name && now < removed.at + removed.ttl.min(ttl)
                };
                let last = self.removed.iter().rposition(can);
                if let Some(place) = last {
                    let Removed { content, .. } = self.removed.remove(place);
                    self.live.insert(*name, content);
                }
            }
            Act::Sweep | Act::Wait(_) | Act::SetTtl(_) => {}
        }
    }

    fn remove(&mut self, name: u8, content: u8, at: u64) {
        self.removed.push(Removed { name, content, at, ttl: self.ttl });
    }

    /// All that must be seen: what is there, and what was removed and is protected still.
    fn references(&self, now: u64) -> Vec<Reference> {
        let live = self.live.iter().map(|(name, content)| (*name, true, *content));
        // A quarter of the TTL is the margin: all of them are shorter than four hours.
        let until = |removed: &Removed| removed.at + removed.ttl.max(self.ttl) * 5 / 4;
        let protected = self.removed.iter().filter(|removed| now < until(removed));
        let removed = protected.map(|removed| (removed.name, false, removed.content));
        let named =
            |(name, live, content): (u8, bool, u8)| (format!("n{name}"), live, manifest(content));
        let mut all: Vec<_> = live.chain(removed).map(named).collect();
        all.sort();
        all
    }
}

fn carry_out(store: &mut Store, act: &Act, now: u64, ttl: Duration) -> Result<(), StoreError> {
    let name = |name: &u8| format!("n{name}").parse::<CollectionName>().unwrap();
    let done = match act {
        Act::Publish(of, content, replace) => {
            let existing = if *replace { Existing::Replace } else { Existing::Refuse };
            let publication =
                Publication { name: name(of), ttl, ..publication("x", now, existing) };
            store.publish(publication, manifest(*content).as_bytes()).map(drop)
        }
        Act::Remove(of) => store.remove(&name(of), at(now), ttl).map(drop),
        Act::Restore(of) => store.restore(&name(of), at(now), ttl).map(drop),
        Act::Sweep => store.sweep(at(now), ttl).map(drop),
        Act::Wait(_) | Act::SetTtl(_) => Ok(()),
    };
    match done {
        Err(StoreError::Exists { .. } | StoreError::NoSuchName { .. }) => Ok(()),
        done => done,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Wherever the disk fails or the power goes out, the directory is as it was before the act, or as after it.
    #[test]
    fn a_failure_at_any_step_leaves_the_collections_before_or_after(
        acts in prop::collection::vec((act(), prop::option::weighted(0.3, failure())), 1..16),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model { live: BTreeMap::new(), removed: Vec::new(), ttl: TTL.as_secs() };
        let mut store = Store::open(dir.path(), at(0)).unwrap();
        let mut now = 0;
        for (act, failure) in &acts {
            now += if let Act::Wait(seconds) = act { *seconds } else { 1 };
            if let Act::SetTtl(ttl) = act {
                model.ttl = *ttl;
            }
            let ttl = Duration::from_secs(model.ttl);
            store.disk.failure.set(failure.map(|(failure, _)| failure));
            let done = carry_out(&mut store, act, now, ttl);
            store.disk.failure.set(None);
            let mut after = model.clone();
            after.act(act, now);
            let found = seen_with(dir.path(), at(now), ttl).unwrap();
            if done.is_ok() {
                prop_assert_eq!(&found, &after.references(now));
            }
            if found == after.references(now) {
                model = after;
            } else {
                prop_assert_eq!(&found, &model.references(now));
            }
            if done.is_err() && !failure.is_some_and(|(_, goes_on)| goes_on) {
                drop(store);
                store = Store::open(dir.path(), at(now)).unwrap();
                let found = seen_with(dir.path(), at(now), ttl).unwrap();
                prop_assert_eq!(&found, &model.references(now));
            }
        }
    }
}
