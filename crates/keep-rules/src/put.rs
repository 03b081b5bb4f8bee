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

    /// The mounts that have the block now: their indices in the vector that [`PutPlan::new`] got.
    pub fn stored_on(&self) -> impl Iterator<Item = usize> + '_ {
        let mounts = self.mounts.iter().enumerate();
        mounts.filter(|(_, (_, progress))| *progress == Progress::Done).map(|(mount, _)| mount)
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
