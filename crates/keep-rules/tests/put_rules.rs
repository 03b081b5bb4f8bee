//! What a PUT does, rule by rule (spec section 4.2).

use keep_rules::put::{Action, Failure, PutMount, PutOutcome, PutPlan, Replica, Step};
use keep_rules::{ClassSet, Replication};

fn mount(classes: &str, copies: i64, replica: Replica) -> PutMount {
    PutMount {
        classes: ClassSet::from_header(classes),
        replication: Replication::from_config(copies),
        replica,
    }
}

fn absent(classes: &str) -> PutMount {
    mount(classes, 1, Replica::Absent)
}

fn present(classes: &str) -> PutMount {
    mount(classes, 1, Replica::Present)
}

/// Carries out a plan as a server does that does all it can side by side. A script names what becomes of steps, such as
/// `write 0 full`; all others succeed. Gives the steps in the order handed out, and the outcome.
fn run(mounts: Vec<PutMount>, wanted: &str, script: &str) -> (String, PutOutcome) {
    let mut plan = PutPlan::new(mounts, ClassSet::from_header(wanted));
    let mut steps = Vec::new();
    while !plan.is_settled() {
        let batch: Vec<Step> = std::iter::from_fn(|| plan.next()).collect();
        assert!(!batch.is_empty(), "not settled, and nothing to do");
        for Step { mount, action } in batch {
            let step =
                format!("{} {mount}", if action == Action::Confirm { "confirm" } else { "write" });
            match script.split(", ").find_map(|line| line.strip_prefix(&step)).map(str::trim) {
                None => plan.succeeded(mount),
                Some("full") => plan.failed(mount, Failure::Full),
                Some("damaged") => plan.failed(mount, Failure::Damaged),
                Some(_) => plan.failed(mount, Failure::Other),
            }
            steps.push(step);
        }
    }
    assert_eq!(plan.next(), None);
    (steps.join(", "), plan.outcome())
}

#[track_caller]
fn check(mounts: Vec<PutMount>, wanted: &str, script: &str, steps: &str, outcome: &str) {
    let (seen, came_to) = run(mounts, wanted, script);
    assert_eq!(seen, steps);
    let came_to = match came_to {
        PutOutcome::Full => "full".to_owned(),
        PutOutcome::Unavailable => "unavailable".to_owned(),
        PutOutcome::Stored { replicas, classes } => {
            let classes: Vec<_> =
                classes.iter().map(|(class, copies)| format!("{class}={copies}")).collect();
            format!("{replicas}: {}", classes.join(", "))
        }
    };
    assert_eq!(came_to, outcome);
}

#[test]
fn without_classes_one_mount_is_enough() {
    check(vec![absent("default"), absent("default")], "", "", "write 0", "1: default=1");
}

#[test]
fn a_replica_that_is_there_is_confirmed_first() {
    check(vec![absent("default"), present("default")], "", "", "confirm 1", "1: default=1");
}

#[test]
fn a_damaged_replica_is_written_over_in_its_turn() {
    check(vec![present("default")], "", "confirm 0 damaged", "confirm 0, write 0", "1: default=1");
    check(
        vec![absent("default"), present("default")],
        "",
        "confirm 1 damaged",
        "confirm 1, write 0",
        "1: default=1",
    );
}

#[test]
fn every_class_wanted_is_served() {
    let mounts = || vec![absent("default"), mount("foo", 2, Replica::Absent)];
    check(mounts(), "foo", "", "write 1", "2: foo=2");
    check(mounts(), "default, foo", "", "write 0, write 1", "3: default=1, foo=2");
}

#[test]
fn all_classes_of_a_mount_count() {
    check(
        vec![mount("a, b", 3, Replica::Absent), absent("b")],
        "a, b",
        "",
        "write 0",
        "3: a=3, b=3",
    );
}

#[test]
fn unknown_classes_are_left_out() {
    check(vec![absent("default"), absent("foo")], "foo, unknown", "", "write 1", "1: foo=1");
    check(vec![absent("default")], "unknown", "", "", "full");
}

#[test]
fn a_full_mount_makes_way_for_the_next() {
    check(
        vec![absent("default"), absent("default")],
        "",
        "write 0 full",
        "write 0, write 1",
        "1: default=1",
    );
    check(
        vec![absent("a, b"), absent("a"), absent("b")],
        "a, b",
        "write 0 full",
        "write 0, write 1, write 2",
        "2: a=1, b=1",
    );
}

#[test]
fn when_every_candidate_is_full_the_answer_is_full() {
    check(
        vec![absent("default"), absent("default")],
        "",
        "write 0 full, write 1 full",
        "write 0, write 1",
        "full",
    );
    check(vec![], "", "", "", "full");
}

#[test]
fn one_failure_of_another_kind_makes_it_unavailable() {
    check(
        vec![absent("default"), absent("default")],
        "",
        "write 0 full, write 1 broken",
        "write 0, write 1",
        "unavailable",
    );
    check(
        vec![present("default")],
        "",
        "confirm 0 damaged, write 0 full",
        "confirm 0, write 0",
        "full",
    );
}

#[test]
fn some_classes_met_is_stored() {
    check(vec![absent("a"), absent("b")], "a, b", "write 1 broken", "write 0, write 1", "1: a=1");
}

#[test]
fn a_mount_needed_only_after_a_failure_waits_for_it() {
    let mut plan = PutPlan::new(vec![absent("a, b"), absent("b")], ClassSet::from_header("a, b"));
    assert_eq!(plan.next(), Some(Step { mount: 0, action: Action::Write }));
    assert_eq!(plan.next(), None);
    assert!(!plan.is_settled());
    plan.failed(0, Failure::Other);
    assert_eq!(plan.next(), Some(Step { mount: 1, action: Action::Write }));
}

#[test]
#[should_panic(expected = "nothing is pending for mount 0")]
fn only_what_was_handed_out_can_come_back() {
    PutPlan::new(vec![absent("a")], ClassSet::none()).succeeded(0);
}
