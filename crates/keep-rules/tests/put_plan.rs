//! Properties of put plans: whatever fails, in whatever order answers come.

use std::collections::BTreeMap;

use keep_rules::put::{Action, Failure, PutMount, PutOutcome, PutPlan, Replica, Step};
use keep_rules::{ClassSet, Replication, StorageClass};
use proptest::prelude::*;

/// What becomes of a mount's two possible steps.
#[derive(Clone, Copy, Debug)]
struct Luck {
    confirm: Option<Failure>,
    write: Option<Failure>,
}

fn classes(most: usize) -> impl Strategy<Value = ClassSet> {
    proptest::collection::vec(
        "[a-d]".prop_map(|text| text.parse::<StorageClass>().expect("not empty")),
        0..=most,
    )
    .prop_map(|classes| classes.into_iter().collect())
}

fn mount() -> impl Strategy<Value = PutMount> {
    let replica = prop_oneof![Just(Replica::Present), Just(Replica::Absent)];
    (classes(3), 1..4_i64, replica).prop_map(|(classes, copies, replica)| PutMount {
        classes,
        replication: Replication::from_config(copies),
        replica,
    })
}

fn result() -> impl Strategy<Value = Option<Failure>> {
    let failure = prop_oneof![Just(Failure::Full), Just(Failure::Damaged), Just(Failure::Other)];
    proptest::option::of(failure)
}

fn mounts_and_luck() -> impl Strategy<Value = Vec<(PutMount, Luck)>> {
    let luck = (result(), result()).prop_map(|(confirm, write)| Luck { confirm, write });
    proptest::collection::vec((mount(), luck), 0..7)
}

/// A plan that was carried out: the steps as they ended.
struct Ended {
    steps: Vec<(Step, Option<Failure>)>,
    plan: PutPlan,
}

/// Carries out a plan: at each turn, `turns` says whether to begin one more step or to end a pending one, and which.
fn carry_out(mounts: &[(PutMount, Luck)], wanted: &ClassSet, turns: &[u8]) -> Ended {
    let mut plan =
        PutPlan::new(mounts.iter().map(|(mount, _)| mount.clone()).collect(), wanted.clone());
    let mut pending: Vec<Step> = Vec::new();
    let mut steps = Vec::new();
    let mut turns = turns.iter().copied().cycle();
    while !plan.is_settled() {
        assert!(
            steps.len() <= 2 * mounts.len(),
            "a plan ends: each mount is confirmed once and written once at most"
        );
        let turn = usize::from(turns.next().unwrap_or(0));
        let begun = if turn.is_multiple_of(2) || pending.is_empty() { plan.next() } else { None };
        if let Some(step) = begun {
            pending.push(step);
            continue;
        }
        assert!(
            !pending.is_empty(),
            "a plan that is not settled has something pending or something to do"
        );
        let step = pending.swap_remove(turn / 2 % pending.len());
        let luck = mounts[step.mount].1;
        let failure = if step.action == Action::Confirm { luck.confirm } else { luck.write };
        match failure {
            None => plan.succeeded(step.mount),
            Some(failure) => plan.failed(step.mount, failure),
        }
        steps.push((step, failure));
    }
    assert!(pending.is_empty(), "a settled plan has nothing pending");
    Ended { steps, plan }
}

impl Ended {
    fn used(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().filter(|(_, failure)| failure.is_none()).map(|(step, _)| step.mount)
    }

    fn writes(&self) -> impl Iterator<Item = (usize, Option<Failure>)> {
        self.steps
            .iter()
            .filter(|(step, _)| step.action == Action::Write)
            .map(|(step, failure)| (step.mount, *failure))
    }
}

fn offers<'a>(mounts: impl IntoIterator<Item = &'a PutMount>, class: &StorageClass) -> bool {
    mounts.into_iter().any(|mount| mount.classes.contains(class))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_step_is_taken_twice(mounts in mounts_and_luck(), wanted in classes(4), turns: [u8; 16]) {
        let ended = carry_out(&mounts, &wanted, &turns);
        let mut steps: Vec<_> = ended.steps.iter().map(|(step, _)| (step.mount, step.action == Action::Write)).collect();
        steps.sort_unstable();
        let taken = steps.len();
        steps.dedup();
        prop_assert_eq!(steps.len(), taken);
        let mut used: Vec<_> = ended.used().collect();
        used.sort_unstable();
        let successes = used.len();
        used.dedup();
        prop_assert_eq!(used.len(), successes, "a mount that has the block is left alone");
    }

    #[test]
    fn the_outcome_counts_what_succeeded(mounts in mounts_and_luck(), wanted in classes(4), turns: [u8; 16]) {
        let ended = carry_out(&mounts, &wanted, &turns);
        let mut replicas = 0;
        let mut classes = BTreeMap::new();
        for used in ended.used() {
            let copies = mounts[used].0.replication.get();
            replicas += copies;
            for class in &mounts[used].0.classes {
                *classes.entry(class.clone()).or_insert(0) += copies;
            }
        }
        let expected = if replicas > 0 {
            PutOutcome::Stored { replicas, classes }
        } else if ended.writes().all(|(_, failure)| failure == Some(Failure::Full)) {
            PutOutcome::Full
        } else {
            PutOutcome::Unavailable
        };
        prop_assert_eq!(ended.plan.outcome(), expected);
    }

    #[test]
    fn nothing_that_would_help_is_left_untried(mounts in mounts_and_luck(), wanted in classes(4), turns: [u8; 16]) {
        let ended = carry_out(&mounts, &wanted, &turns);
        let used: Vec<&PutMount> = ended.used().map(|used| &mounts[used].0).collect();
        let failed: Vec<usize> = ended.writes().filter(|(_, failure)| failure.is_some()).map(|(mount, _)| mount).collect();
        let untried = || (0..mounts.len()).filter(|mount| !failed.contains(mount)).map(|mount| &mounts[mount].0);
        if wanted.is_empty() {
            prop_assert_eq!(used.is_empty(), untried().next().is_none());
        }
        for class in &wanted {
            prop_assert_eq!(offers(used.iter().copied(), class), offers(untried(), class), "{}", class);
        }
    }

    #[test]
    fn if_all_works_every_available_class_is_served_and_nothing_is_written_in_vain(
        mounts in proptest::collection::vec(mount(), 0..7), wanted in classes(4), turns: [u8; 16],
    ) {
        let lucky = Luck { confirm: None, write: None };
        let mounts: Vec<_> = mounts.into_iter().map(|mount| (mount, lucky)).collect();
        let ended = carry_out(&mounts, &wanted, &turns);
        let all = || mounts.iter().map(|(mount, _)| mount);
        let used: Vec<usize> = ended.used().collect();
        for class in &wanted {
            prop_assert_eq!(offers(used.iter().map(|used| &mounts[*used].0), class), offers(all(), class));
        }
        if wanted.is_empty() {
            prop_assert_eq!(used.len(), mounts.len().min(1));
        } else {
            prop_assert!(used.len() <= wanted.len(), "each mount used serves a class that no earlier one did");
        }
        let present = |mount: usize| mounts[mount].0.replica == Replica::Present;
        prop_assert!(ended.writes().all(|(mount, _)| !present(mount)), "what is there and good is not written");
    }
}
