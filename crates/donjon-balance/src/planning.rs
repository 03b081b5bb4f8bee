//! From all that was learnt to a plan: every block is judged, and those with anything to do or to report are written down.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use keep_rules::BlockHash;
use keep_rules::balance::{
    Action, ClassCounts, Layout, Place, Policy, Reach, Sizes, Standing, Statistics, Urgency,
    WishBook, WishError,
};
use keep_rules::brake::RunSize;
use serde_json::{Map, Value, json};

use crate::join::{Facts, Join, JoinError, in_order_with};
use crate::judge::{Judge, Judged};
use crate::observe::Observed;
use crate::orders::{Orders, SetbackCounts, order, orders};
use crate::plan::{
    Batch, BlockName, Considered, Entry, FORMAT, Fate, Header, IndexInput, Inputs, Limits, Mount,
    MountAccess, PlanError, PlanWriter, ReferenceInput, Replica, Salt, Server, Sha256Digest, Slug,
};
use crate::progress::Progress;
use crate::runs::Span;
use crate::servers::ServerFacts;
use crate::setbacks::{OnLayout, Setbacks};
use crate::settings::Settings;
use crate::statistics;

/// Records in a part of the key space, about. Few enough that the results of a few parts fit into memory, even if there
/// is something to say of every block: some 2 MiB each. Enough that going from part to part costs little.
const PART_RECORDS: u64 = 1 << 14;
/// The fewest and the most parts: each step of progress is one, and each has a place in a list.
const PARTS: RangeInclusive<u64> = 64..=1 << 20;

/// Why a replica of another size stays.
const SIZE_DIFFERS: Slug = Slug::of("size_differs");
/// Reports: what else is to be known of a block.
const SIZES_DIFFER: Slug = Slug::of("sizes_differ");
const UNACHIEVABLE: Slug = Slug::of("unachievable");
const UNKNOWN_CLASS: Slug = Slug::of("unknown_class");
/// Why a block is lost.
const NO_REPLICA: Slug = Slug::of("no_replica");

/// Lost blocks that are named wherever a run is shown: enough to begin with. The plan has all of them.
pub const LOST_SHOWN: usize = 5;

/// A plan that was written.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What it is known by.
    pub digest: Sha256Digest,
    /// How large the run is.
    pub size: RunSize,
    /// What was counted.
    pub statistics: Statistics,
    /// The first lost blocks, at most [`LOST_SHOWN`].
    pub lost: Vec<BlockHash>,
    /// Blocks that are not lost, and cannot have as many copies as wanted.
    pub short_of_mounts: u64,
    /// Distinct blocks that collections name.
    pub referenced_blocks: u64,
    /// Their bytes.
    pub referenced_bytes: u64,
    /// What failed before and was decided again.
    pub setbacks: SetbackCounts,
    /// What was read of each source of references, as the plan has it.
    pub sources: Vec<ReferenceInput>,
}

/// Names a plan, and says how it was made.
#[derive(Clone, Debug)]
pub struct PlanName {
    /// No other plan has it.
    pub id: String,
    /// Orders entries of the same urgency.
    pub salt: u64,
    /// The epoch of the plan whose lists were in force while this one was made.
    pub after_epoch: u64,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The facts cannot be read.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// What is wanted cannot be noted.
    #[error(transparent)]
    Wish(#[from] WishError),
    /// It cannot be written, or would say what no plan may.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Judges every block and writes the plan at `path`. What failed before is ordered as `setbacks` has it. Blocks the thread.
///
/// # Errors
/// [`PlanningError`]; there is no plan then.
pub fn write_plan(
    observed: &Observed,
    setbacks: &Setbacks,
    settings: &Settings,
    name: &PlanName,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Planned, PlanningError> {
    let mut writer = PlanWriter::create(path, header(observed, settings, name))?;
    let header = writer.header().clone();
    let spans = Span::split(parts(&observed.facts));
    progress.begin("decide", spans.len() as u64);
    let sums = Mutex::new(Sums::default());
    let threads = NonZeroUsize::new(settings.threads).unwrap_or(NonZeroUsize::MIN);
    let setbacks = setbacks.on(&observed.layout);
    let start = || Worker::new(observed, setbacks.clone(), settings.policy);
    let judge_part = |worker: &mut Worker<'_>, span: &Span| -> Result<Batch, PlanningError> {
        let mut part = Part { batch: Batch::new(&header), sums: Sums::default() };
        worker.run(*span, &mut part)?;
        progress.step(1);
        progress.note(part.sums.considered.blocks);
        let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.add(&part.sums);
        Ok(part.batch)
    };
    in_order_with(&spans, threads, start, judge_part, |batch| Ok(writer.append(&batch)?))?;
    let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    let collections = observed.references.iter().map(|read| read.collections).sum();
    let size = RunSize { collections, ..sums.size };
    let mut statistics = statistics::as_json(&sums.statistics, &observed.book, &size);
    if !sums.setbacks.is_empty() {
        statistics.insert("setbacks".to_owned(), json!(sums.setbacks));
    }
    let digest = writer.finish(sums.considered, statistics)?;
    Ok(Planned {
        digest,
        size,
        statistics: sums.statistics,
        lost: sums.lost,
        short_of_mounts: sums.short_of_mounts,
        referenced_blocks: sums.considered.referenced_blocks,
        referenced_bytes: sums.referenced_bytes,
        setbacks: sums.setbacks,
        sources: header.inputs.references.clone(),
    })
}

/// So many that each has about [`PART_RECORDS`].
fn parts(facts: &Facts) -> NonZeroU32 {
    let records = facts.replicas.records_max().saturating_add(facts.references.records_max());
    let parts = (records / PART_RECORDS).clamp(*PARTS.start(), *PARTS.end());
    u32::try_from(parts).ok().and_then(NonZeroU32::new).expect("it is in the range")
}

/// What is counted over all blocks.
#[derive(Clone, Debug, Default)]
struct Sums {
    statistics: Statistics,
    considered: Considered,
    referenced_bytes: u64,
    size: RunSize,
    setbacks: SetbackCounts,
    /// The lowest hashes, in their order.
    lost: Vec<BlockHash>,
    short_of_mounts: u64,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.statistics += &other.statistics;
        self.considered.blocks += other.considered.blocks;
        self.considered.referenced_blocks += other.considered.referenced_blocks;
        self.referenced_bytes += other.referenced_bytes;
        self.size.wanted_blocks += other.size.wanted_blocks;
        self.size.replicas += other.size.replicas;
        self.size.bytes += other.size.bytes;
        self.size.trashed += other.size.trashed;
        self.size.trashed_bytes += other.size.trashed_bytes;
        self.setbacks.add(&other.setbacks);
        self.short_of_mounts += other.short_of_mounts;
        // Parts end in any order, and the same blocks are named all the same.
        self.lost.extend(&other.lost);
        self.lost.sort_unstable();
        self.lost.truncate(LOST_SHOWN);
    }

    fn count(&mut self, judged: &Judged<'_>) {
        self.statistics.count(judged.size.into(), &judged.facts(), judged.decision);
        if judged.decision.is_lost() && self.lost.len() < LOST_SHOWN {
            self.lost.push(judged.hash);
        }
        self.short_of_mounts += u64::from(is_short_of_mounts(judged));
        self.considered.blocks += 1;
        self.considered.referenced_blocks += u64::from(judged.wish.is_referenced());
        self.size.wanted_blocks += u64::from(judged.wish.wants_copies());
        let size = u64::from(judged.size);
        if judged.wish.is_referenced() {
            self.referenced_bytes += size;
        }
        let others: u64 = judged.others.iter().map(|other| u64::from(other.size)).sum();
        self.size.replicas += (judged.replicas.len() + judged.others.len()) as u64;
        self.size.bytes += size * judged.replicas.len() as u64 + others;
        let trashed = judged.decision.actions().iter();
        let trashed =
            trashed.filter(|action| matches!(action, Action::Trash { .. })).count() as u64;
        self.size.trashed += trashed;
        self.size.trashed_bytes += trashed * size;
    }
}

/// What came of one part of the key space.
struct Part {
    batch: Batch,
    sums: Sums,
}

/// What one thread has: what its judge has learnt of wishes, and what its join has read ahead, serve the next part.
struct Worker<'o> {
    observed: &'o Observed,
    setbacks: OnLayout<'o>,
    judge: Judge<'o>,
    /// None before the first part.
    join: Option<Join>,
}

impl<'o> Worker<'o> {
    fn new(observed: &'o Observed, setbacks: OnLayout<'o>, policy: Policy) -> Self {
        let book = observed.book.clone();
        let judge = Judge::new(&observed.layout, book, policy, observed.min_mtime);
        Worker { observed, setbacks, judge, join: None }
    }

    fn run(&mut self, span: Span, part: &mut Part) -> Result<(), PlanningError> {
        let Observed { facts, layout, book, .. } = self.observed;
        let join = match &mut self.join {
            Some(join) => join,
            none => none.insert(facts.join(Span { first: span.first, last: u128::MAX })?),
        };
        join.enter(span)?;
        while let Some(group) = join.next_block()? {
            let judged = self.judge.judge(&group)?;
            part.sums.count(&judged);
            let counts = &mut part.sums.setbacks;
            let orders = orders(layout, &self.setbacks, &judged, self.observed.started, counts);
            if let Some(entry) = entry(layout, book, &judged, orders) {
                part.batch.push(&entry)?;
            }
        }
        Ok(())
    }
}

/// What a plan says of the block; nothing if there is nothing to do and to report.
fn entry(layout: &Layout, book: &WishBook, judged: &Judged<'_>, orders: Orders) -> Option<Entry> {
    let decision = judged.decision;
    let mut report = report(book, judged);
    report.extend(orders.report);
    let rescued = judged.replicas.iter().zip(decision.actions()).any(|(replica, action)| {
        replica.standing == Standing::Doomed && matches!(action, Action::Keep(_))
    });
    if decision.is_settled() && !decision.is_lost() && report.is_empty() && !rescued {
        return None;
    }
    let device_view = |place: Place| match place {
        Place::Device(device) => layout.device(device).views()[0],
        Place::Mount(mount) => mount,
    };
    let matching = judged.replicas.iter().zip(decision.actions()).map(|(replica, action)| {
        let (mount, fate) = match *action {
            Action::Keep(reason) => {
                (device_view(replica.place), Fate::Keep { reason: Slug::of(reason.as_str()) })
            }
            Action::Trash { mount, reason } => {
                let order = order(Urgency::of_trash(reason));
                (mount, Fate::Trash { reason: Slug::of(reason.as_str()), order })
            }
        };
        let doomed = replica.standing == Standing::Doomed;
        Replica { mount: mount.get(), mtime: replica.mtime, size: None, doomed, fate }
    });
    let others = judged.others.iter().map(|other| {
        let device = layout.device_index(other.device).expect("a record of this layout");
        Replica {
            mount: layout.device(device).views()[0].get(),
            mtime: other.mtime,
            size: Some(other.size),
            doomed: false,
            fate: Fate::Keep { reason: SIZE_DIFFERS },
        }
    });
    let wanted = judged.wish.needs().iter();
    Some(Entry {
        block: BlockName { hash: judged.hash, size: judged.size },
        wanted: wanted.map(|need| (book.class(need.class).to_string(), need.copies)).collect(),
        replicas: matching.chain(others).collect(),
        pulls: orders.pulls,
        lost: decision.is_lost().then_some(NO_REPLICA),
        report,
    })
}

/// Whether there are too few mounts for the copies that are wanted. Of a lost block that is not what is wrong.
fn is_short_of_mounts(judged: &Judged<'_>) -> bool {
    let unachievable = |class: &ClassCounts| class.reach == Reach::Unachievable;
    judged.decision.classes().iter().any(unachievable) && !judged.decision.is_lost()
}

fn report(book: &WishBook, judged: &Judged<'_>) -> Vec<Slug> {
    let mut report = Vec::new();
    if judged.sizes == Sizes::Differ {
        report.push(SIZES_DIFFER);
    }
    if is_short_of_mounts(judged) {
        report.push(UNACHIEVABLE);
    }
    let unknown = |need: &keep_rules::balance::Need| {
        need.copies > 0 && book.unknown_classes().any(|(class, _)| class == need.class)
    };
    if judged.wish.needs().iter().any(unknown) {
        report.push(UNKNOWN_CLASS);
    }
    report
}

/// The wishes that a plan was made with.
pub(crate) fn policy(settings: &Settings, after_epoch: u64) -> Value {
    json!({
        "class_first": settings.policy == Policy::ClassFirst,
        "default_replication": settings.default_replication,
        "after_epoch": after_epoch,
    })
}

fn header(observed: &Observed, settings: &Settings, name: &PlanName) -> Header {
    let layout = &observed.layout;
    let policy = policy(settings, name.after_epoch);
    let ttl = settings.signature_ttl.as_nanos();
    Header {
        format: FORMAT,
        donjon: env!("CARGO_PKG_VERSION").to_owned(),
        id: name.id.clone(),
        made_at: observed.started,
        t0: observed.started,
        min_mtime: observed.min_mtime,
        signature_ttl: u64::try_from(ttl).unwrap_or(u64::MAX),
        policy: map(policy),
        salt: Salt(name.salt),
        limits: Limits { pulls: settings.limits.pulls, trashes: settings.limits.trashes },
        servers: servers(layout),
        mounts: mounts(layout, &observed.servers),
        inputs: inputs(observed),
    }
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => Map::from_iter([("value".to_owned(), other)]),
    }
}

pub(crate) fn servers(layout: &Layout) -> Vec<Server> {
    let servers = layout.servers().iter();
    servers
        .map(|server| Server { uuid: server.uuid().to_owned(), url: server.url().to_owned() })
        .collect()
}

pub(crate) fn mounts(layout: &Layout, facts: &[ServerFacts]) -> Vec<Mount> {
    let medium = |server: &str, mount: &str| {
        let server = facts.iter().find(|facts| facts.uuid == server)?;
        server.mounts.iter().find(|facts| facts.uuid == mount)?.medium.clone()
    };
    let mounts = layout.mounts().iter().map(|mount| {
        let device = layout.device(mount.device());
        let allows = mount.allows();
        let access = match (allows.write(), allows.trash()) {
            (true, true) => MountAccess::ReadWrite,
            (true, false) => MountAccess::ReadAndWrite,
            (false, true) => MountAccess::ReadAndTrash,
            (false, false) => MountAccess::ReadOnly,
        };
        let class = |class: &keep_rules::balance::ClassIndex| {
            layout.classes()[usize::from(class.get())].to_string()
        };
        Mount {
            uuid: mount.uuid().to_string(),
            server: mount.server().get(),
            access,
            replication: device.replication().get(),
            classes: device.classes().iter().map(class).collect(),
            medium: medium(
                layout.servers()[usize::from(mount.server().get())].uuid(),
                mount.uuid().as_str(),
            ),
        }
    });
    mounts.collect()
}

fn inputs(observed: &Observed) -> Inputs {
    let place = |uuid: &str| {
        let servers = observed.layout.servers().iter();
        let found = servers.zip(0_u16..).find(|(server, _)| server.uuid() == uuid);
        found.map_or(0, |(_, place)| place)
    };
    let indexes = observed.indexes.iter().map(|read| IndexInput {
        device: read.device.clone(),
        via: place(&read.server),
        replicas: read.blocks,
        bytes: read.bytes,
        sha256: Sha256Digest(read.digest),
        // The reader takes no other index for whole.
        end_mark: true,
    });
    let references = observed.references.iter().map(|read| ReferenceInput {
        kind: read.kind.to_owned(),
        name: read.name.clone(),
        collections: read.collections,
        references: read.references,
        sha256: read.digest.map(Sha256Digest),
        generation: read.generation,
    });
    Inputs { indexes: indexes.collect(), references: references.collect() }
}
