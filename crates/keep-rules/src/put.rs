//! Which mounts take a block that is being written (spec section 4.2).

use std::collections::BTreeMap;

use crate::mount::Replication;
use crate::storage_class::{ClassSet, StorageClass};

/// A writable mount, as far as a PUT cares.
#[derive(Clone, Debug)]
pub struct PutMount {
    /// The classes it has, those configured `true` only (spec section 11, weak point 24).
    pub classes: ClassSet,
    /// How many copies one write makes.
    pub replication: Replication,
    /// Whether the block is there already.
    pub replica: Replica,
}

/// Whether a mount has a replica of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replica {
    /// It has one, good or not.
    Present,
    /// It has none, or nobody knows.
    Absent,
}

/// Something to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The index of the mount in the vector that [`PutPlan::new`] got.
    pub mount: usize,
    /// What to do there.
    pub action: Action,
}

/// What to do with a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Compare the replica that is there with the data, then touch it.
    Confirm,
    /// Write the data, over a damaged replica if there is one.
    Write,
}

/// Why a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no room.
    Full,
    /// The replica that is there is not the block.
    Damaged,
    /// Anything else.
    Other,
}

/// What a PUT came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The block is stored, though perhaps not in every class wanted. Status 200.
    Stored {
        /// `X-Keep-Replicas-Stored`.
        replicas: u32,
        /// `X-Keep-Storage-Classes-Confirmed`: all classes of the mounts used, wanted or not.
        classes: BTreeMap<StorageClass, u32>,
    },
    /// Every candidate was full, or there was none. Status 507.
    Full,
    /// No copy could be made, at least one for another reason than a full mount. Status 503.
    Unavailable,
}

/// The course of one PUT: says what to do next, and is told what came of it.
///
/// Steps may run side by side: [`PutPlan::next`] assumes that all pending ones will succeed. A mount is written at most once, and
/// confirmed at most once.
///
/// # Examples
/// ```
/// use keep_rules::put::{Action, Failure, PutMount, PutOutcome, PutPlan, Replica};
/// use keep_rules::{ClassSet, Replication};
///
/// let disk = PutMount { classes: ClassSet::from_header("default"), replication: Replication::ONE, replica: Replica::Absent };
/// let mut plan = PutPlan::new(vec![disk.clone(), disk], ClassSet::none());
/// let first = plan.next().unwrap();
/// assert_eq!((first.mount, first.action), (0, Action::Write));
/// assert_eq!(plan.next(), None); // one mount is enough, if it works
/// plan.failed(0, Failure::Full);
/// let second = plan.next().unwrap();
/// plan.succeeded(second.mount);
/// assert!(plan.is_settled());
/// assert!(matches!(plan.outcome(), PutOutcome::Stored { replicas: 1, .. }));
/// ```
#[derive(Clone, Debug)]
pub struct PutPlan {
    wanted: ClassSet,
    mounts: Vec<(PutMount, Progress)>,
}

/// How far a mount has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Not used; this would be the first thing to do.
    Open(Action),
    /// Handed out, and not yet heard of.
    Pending(Action),
    /// Has the block.
    Done,
    /// Could not be written.
    Failed(Failure),
}

impl PutPlan {
    /// Plans a write to `mounts`, the writable ones in the order of [`sort_mounts`](crate::rendezvous::sort_mounts), in the classes
    /// `wanted`. If none is wanted, one mount is enough.
    pub fn new(mounts: Vec<PutMount>, wanted: ClassSet) -> Self {
        let open = |mount: &PutMount| match mount.replica {
            Replica::Present => Progress::Open(Action::Confirm),
            Replica::Absent => Progress::Open(Action::Write),
        };
        let mounts = mounts
            .into_iter()
            .map(|mount| {
                let progress = open(&mount);
                (mount, progress)
            })
            .collect();
        PutPlan { wanted, mounts }
    }

    /// Hands out the next thing to do: replicas that are there first. `None` if nothing is needed should all that is pending
    /// succeed, or if no mount is left that would help.
    ///
    /// Not an iterator: after a failure there may be more.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that goes on after `None` would mislead"
    )]
    pub fn next(&mut self) -> Option<Step> {
        let step = self.find_open()?;
        self.mounts[step.mount].1 = Progress::Pending(step.action);
        Some(step)
    }

    /// The step of that mount worked: the block is there, durable, its mtime fresh.
    ///
    /// # Panics
    /// If nothing is pending for that mount.
    pub fn succeeded(&mut self, mount: usize) {
        self.settle(mount);
        self.mounts[mount].1 = Progress::Done;
    }

    /// The step of that mount did not work. A mount whose replica could not be confirmed may still be written.
    ///
    /// # Panics
    /// If nothing is pending for that mount.
    pub fn failed(&mut self, mount: usize, failure: Failure) {
        self.mounts[mount].1 = match (self.settle(mount), failure) {
            (Action::Confirm, _) => Progress::Open(Action::Write),
            (Action::Write, failure) => Progress::Failed(failure),
        };
    }

    /// Nothing is pending, and nothing is left to do.
    pub fn is_settled(&self) -> bool {
        !self.mounts.iter().any(|(_, progress)| matches!(progress, Progress::Pending(_)))
            && self.find_open().is_none()
    }

    /// What the PUT came to; what it has come to so far, if it is not settled.
    pub fn outcome(&self) -> PutOutcome {
        let mut replicas = 0_u32;
        let mut classes = BTreeMap::new();
        for (mount, _) in self.mounts.iter().filter(|(_, progress)| *progress == Progress::Done) {
            let copies = mount.replication.get();
            replicas = replicas.saturating_add(copies);
            for class in &mount.classes {
                let count: &mut u32 = classes.entry(class.clone()).or_default();
                *count = count.saturating_add(copies);
            }
        }
        let is_broken = |progress: &Progress| {
            matches!(progress, Progress::Failed(Failure::Damaged | Failure::Other))
        };
        if replicas > 0 {
            PutOutcome::Stored { replicas, classes }
        } else if self.mounts.iter().any(|(_, progress)| is_broken(progress)) {
            PutOutcome::Unavailable
        } else {
            PutOutcome::Full
        }
    }

    fn settle(&self, mount: usize) -> Action {
        match self.mounts.get(mount) {
            Some((_, Progress::Pending(action))) => *action,
            Some(_) | None => panic!("nothing is pending for mount {mount}"),
        }
    }

    fn find_open(&self) -> Option<Step> {
        self.find_open_for(Action::Confirm).or_else(|| self.find_open_for(Action::Write))
    }

    fn find_open_for(&self, action: Action) -> Option<Step> {
        let is_next = |(mount, progress): &(PutMount, Progress)| {
            *progress == Progress::Open(action) && self.needs(mount)
        };
        self.mounts.iter().position(is_next).map(|mount| Step { mount, action })
    }

    /// Whether `mount` would help, assuming that all pending steps succeed.
    fn needs(&self, mount: &PutMount) -> bool {
        let mut used = self
            .mounts
            .iter()
            .filter(|(_, progress)| matches!(progress, Progress::Pending(_) | Progress::Done));
        if self.wanted.is_empty() {
            return used.next().is_none();
        }
        let served =
            |class: &StorageClass| used.clone().any(|(other, _)| other.classes.contains(class));
        self.wanted.iter().any(|class| mount.classes.contains(class) && !served(class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let step = format!(
                    "{} {mount}",
                    if action == Action::Confirm { "confirm" } else { "write" }
                );
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
        check(
            vec![present("default")],
            "",
            "confirm 0 damaged",
            "confirm 0, write 0",
            "1: default=1",
        );
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
        check(
            vec![absent("a"), absent("b")],
            "a, b",
            "write 1 broken",
            "write 0, write 1",
            "1: a=1",
        );
    }

    #[test]
    fn a_mount_needed_only_after_a_failure_waits_for_it() {
        let mut plan =
            PutPlan::new(vec![absent("a, b"), absent("b")], ClassSet::from_header("a, b"));
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
}
