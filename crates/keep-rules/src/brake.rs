//! When a balancer stops and asks: a run that would change too much is more often a mistake than a wish
//! (`spec/keep-balance.md` section 2.4, D6).

mod source;

pub use source::{SourceSize, source_brakes};

/// How much a run may change without being told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeLimits {
    /// Share of all replicas, and of their bytes, that one run may trash, in percent. 100 never stops a run.
    pub trash_percent: u8,
    /// By how many percent collections, or referenced blocks, may be fewer than in the run before. 100 never stops a run.
    pub drop_percent: u8,
    /// So few replicas, collections or blocks never stop a run.
    pub floor: u64,
}

/// How large a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSize {
    /// Collections that were read.
    pub collections: u64,
    /// Distinct blocks that some collection wants at least one copy of.
    pub wanted_blocks: u64,
    /// Replicas, each device's counted once.
    pub replicas: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Replicas that would be trashed.
    pub trashed: u64,
    /// Their bytes.
    pub trashed_bytes: u64,
}

/// Why a run stops before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Brake {
    /// No source of references has any collection. An empty or wrong database looks like this.
    #[error(
        "no collection was found; is this the right database, or the right directory of manifests?"
    )]
    NoCollections,
    /// No collection wants any block.
    #[error(
        "no collection references a block; is this the right database, or the right directory of manifests?"
    )]
    NothingWanted,
    /// Too many replicas would go at once.
    #[error(
        "{trashed} of {all} replicas would be trashed, more than {percent} % (MaxTrashPercent)"
    )]
    ManyReplicas {
        /// Replicas that would be trashed.
        trashed: u64,
        /// Replicas there are.
        all: u64,
        /// What is allowed.
        percent: u8,
    },
    /// Too many bytes would go at once.
    #[error("{trashed} of {all} bytes would be trashed, more than {percent} % (MaxTrashPercent)")]
    ManyBytes {
        /// Bytes that would be trashed.
        trashed: u64,
        /// Bytes there are.
        all: u64,
        /// What is allowed.
        percent: u8,
    },
    /// Collections are missing.
    #[error(
        "{now} collections were found, {before} in the run before: more than {percent} % are missing (MaxDropPercent)"
    )]
    FewerCollections {
        /// How many there are.
        now: u64,
        /// How many there were.
        before: u64,
        /// What is allowed.
        percent: u8,
    },
    /// A source was put back to an earlier state: a restored backup looks like this.
    #[error(
        "{of} is at generation {now}, and had {before} in the run before: was it restored from a backup? What came later is missing"
    )]
    SourceWentBack {
        /// Which source.
        of: String,
        /// Its generation now.
        now: u64,
        /// Its generation before.
        before: u64,
    },
    /// A source has other contents at the same generation.
    #[error(
        "{of} has another content of generation {generation} than in the run before: is it the same directory?"
    )]
    SourceIsAnother {
        /// Which source.
        of: String,
        /// Its generation, now and before.
        generation: u64,
    },
    /// A source was in doubt before, and nobody has looked since.
    #[error(
        "{of} had gone back, or was another, in an earlier run, and nobody has released a plan since: what came later may be missing still"
    )]
    SourceInDoubt {
        /// Which source.
        of: String,
    },
    /// A source has nothing any more.
    #[error("{of} has no collection any more, and had {before} in the run before")]
    SourceEmpty {
        /// Which source.
        of: String,
        /// How many collections it had.
        before: u64,
    },
    /// A source lost most of what it had.
    #[error(
        "{of} has {now} collections, and had {before} in the run before: more than {percent} % are missing (MaxDropPercent, at least 50 for one source)"
    )]
    SourceShrank {
        /// Which source.
        of: String,
        /// How many collections it has.
        now: u64,
        /// How many it had.
        before: u64,
        /// What is allowed.
        percent: u8,
    },
    /// A source is not configured any more.
    #[error("{of}, which had {before} collections, was not read: it is not configured any more")]
    SourceGone {
        /// Which source.
        of: String,
        /// How many collections it had.
        before: u64,
    },
    /// What was sent before is not known any more.
    #[error(
        "the balancer's memory, sent.json of its state directory, was damaged or is gone: there is nothing to compare this run with, and nodes that left the configuration are forgotten"
    )]
    MemoryLost,
    /// A node may still trash what nobody knows.
    #[error(
        "{url} is not configured any more, and which trash list it has is not known: it may still trash copies on volumes that other nodes see too; stop it for good before you release this, or `donjon balance forget` it"
    )]
    NodeGone {
        /// Its address.
        url: String,
    },
    /// References are missing.
    #[error(
        "{now} blocks are referenced, {before} were in the run before: more than {percent} % are missing (MaxDropPercent)"
    )]
    FewerReferences {
        /// How many there are.
        now: u64,
        /// How many there were.
        before: u64,
        /// What is allowed.
        percent: u8,
    },
}

impl Brake {
    /// The source that was put back or exchanged: a doubt that does not end by itself.
    pub fn source(&self) -> Option<&String> {
        match self {
            Brake::SourceWentBack { of, .. }
            | Brake::SourceIsAnother { of, .. }
            | Brake::SourceInDoubt { of } => Some(of),
            Brake::NoCollections
            | Brake::NothingWanted
            | Brake::ManyReplicas { .. }
            | Brake::ManyBytes { .. }
            | Brake::FewerCollections { .. }
            | Brake::FewerReferences { .. }
            | Brake::SourceEmpty { .. }
            | Brake::SourceShrank { .. }
            | Brake::SourceGone { .. }
            | Brake::MemoryLost
            | Brake::NodeGone { .. } => None,
        }
    }

    /// Whether a person may say that it is meant so, for one plan. Without any reference nobody may.
    pub const fn can_be_released(&self) -> bool {
        !matches!(self, Brake::NoCollections | Brake::NothingWanted)
    }
}

/// Everything that stops this run. `before` is the last run whose lists were sent.
///
/// # Examples
/// ```
/// use keep_rules::brake::{BrakeLimits, RunSize, brakes};
/// let limits = BrakeLimits { trash_percent: 20, drop_percent: 20, floor: 100 };
/// let run = RunSize { collections: 9, wanted_blocks: 500, replicas: 1000, trashed: 300, ..RunSize::default() };
/// let why = brakes(&run, None, limits);
/// assert_eq!(why[0].to_string(), "300 of 1000 replicas would be trashed, more than 20 % (MaxTrashPercent)");
/// ```
pub fn brakes(run: &RunSize, before: Option<&RunSize>, limits: BrakeLimits) -> Vec<Brake> {
    let mut found = Vec::new();
    if run.collections == 0 {
        found.push(Brake::NoCollections);
    } else if run.wanted_blocks == 0 {
        found.push(Brake::NothingWanted);
    }
    let percent = limits.trash_percent;
    if run.trashed > limits.floor {
        if exceeds(run.trashed, run.replicas, percent) {
            found.push(Brake::ManyReplicas { trashed: run.trashed, all: run.replicas, percent });
        }
        if exceeds(run.trashed_bytes, run.bytes, percent) {
            found.push(Brake::ManyBytes { trashed: run.trashed_bytes, all: run.bytes, percent });
        }
    }
    if let Some(before) = before {
        found.extend(missing(run, before, limits));
    }
    found
}

fn missing(run: &RunSize, before: &RunSize, limits: BrakeLimits) -> impl Iterator<Item = Brake> {
    let percent = limits.drop_percent;
    let dropped = move |now: u64, then: u64| {
        let gone = then.saturating_sub(now);
        gone > limits.floor && exceeds(gone, then, percent)
    };
    let collections =
        dropped(run.collections, before.collections).then_some(Brake::FewerCollections {
            now: run.collections,
            before: before.collections,
            percent,
        });
    let references =
        dropped(run.wanted_blocks, before.wanted_blocks).then_some(Brake::FewerReferences {
            now: run.wanted_blocks,
            before: before.wanted_blocks,
            percent,
        });
    collections.into_iter().chain(references)
}

/// Whether `part` is more than `percent` of `whole`.
fn exceeds(part: u64, whole: u64, percent: u8) -> bool {
    u128::from(part) * 100 > u128::from(whole) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BrakeLimits = BrakeLimits { trash_percent: 20, drop_percent: 10, floor: 5 };
    const RUN: RunSize = RunSize {
        collections: 100,
        wanted_blocks: 1000,
        replicas: 2000,
        bytes: 2_000_000,
        trashed: 0,
        trashed_bytes: 0,
    };

    #[track_caller]
    fn check(run: RunSize, before: Option<RunSize>, expected: &[&str]) {
        let found: Vec<String> =
            brakes(&run, before.as_ref(), LIMITS).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn an_ordinary_run_goes_on() {
        check(RUN, None, &[]);
        check(RUN, Some(RUN), &[]);
        check(RunSize { trashed: 400, trashed_bytes: 400_000, ..RUN }, Some(RUN), &[]);
    }

    #[test]
    fn without_references_nothing_goes_on_and_nobody_may_release_it() {
        check(RunSize { collections: 0, wanted_blocks: 0, ..RUN }, None, &["no collection was"]);
        check(RunSize { wanted_blocks: 0, ..RUN }, None, &["no collection references"]);
        assert!(!Brake::NoCollections.can_be_released());
        assert!(!Brake::NothingWanted.can_be_released());
    }

    #[test]
    fn a_mass_deletion_stops() {
        check(RunSize { trashed: 401, ..RUN }, None, &["401 of 2000 replicas"]);
        check(
            RunSize { trashed: 6, trashed_bytes: 400_001, ..RUN },
            None,
            &["400001 of 2000000 bytes"],
        );
    }

    #[test]
    fn a_few_never_stop_a_run() {
        let small = RunSize { replicas: 6, bytes: 60, trashed: 5, trashed_bytes: 50, ..RUN };
        check(small, None, &[]);
        check(RunSize { collections: 1, ..RUN }, Some(RunSize { collections: 6, ..RUN }), &[]);
    }

    #[test]
    fn missing_collections_and_references_stop() {
        check(RunSize { collections: 90, ..RUN }, Some(RUN), &[]);
        check(RunSize { collections: 89, ..RUN }, Some(RUN), &["89 collections were found, 100"]);
        check(RunSize { wanted_blocks: 899, ..RUN }, Some(RUN), &["899 blocks are referenced"]);
        check(RunSize { collections: 200, ..RUN }, Some(RUN), &[]);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let huge = RunSize { trashed: u64::MAX, replicas: u64::MAX, ..RUN };
        check(huge, None, &["replicas would be trashed"]);
    }
}
