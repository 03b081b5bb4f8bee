//! From a plan to the nodes: checked again, pulls before trash, and remembered (`spec/keep-balance.md` sections 2.5, 8.2).

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use keep_protocol::list::{PullItem, TrashItem};
use keep_protocol::status::ListName;
use keep_rules::Timestamp;
use keep_rules::brake::{Brake, RunSize, brakes, source_brakes};
use serde_json::Value;

use crate::alone::{Alone, NotAlone};
use crate::durable::StateError;
use crate::history::{Asked, Ended, Journal, RunRecord};
use crate::keep::{KeepError, Plans};
use crate::last_run::LastRun;
use crate::layout::{MountsError, layout};
use crate::outbox::{Draft, ListFile};
use crate::phase::{Phase, Timer, Took};
use crate::plan::{Header, Lists, PlanError, PlanFile, ReferenceInput, Sha256Digest};
use crate::planning;
use crate::runs::Budget;
use crate::send::{Answer, NotSent, send_all};
use crate::sent::{Doomed, Sent, SentPulls, SentTrash};
use crate::servers::{Server, ServersError, census};
use crate::settings::Settings;

pub use crate::applied::{Applied, AppliedTo, Sending};

/// Memory for the order of lists.
const MEMORY: usize = 64 << 20;

/// Whether the brakes hold for this plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BrakesFor {
    /// A run that would change too much stops.
    #[default]
    Everything,
    /// A person has looked at this plan and means it; what nobody may release holds all the same.
    NotThisPlan,
}

/// The plan that is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meant<'m> {
    /// Where it is.
    pub(crate) path: &'m Path,
    /// What it is known by.
    pub(crate) digest: &'m str,
    /// Whether the brakes hold for it.
    pub(crate) brakes_for: BrakesFor,
}

/// Why a plan is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file is no plan, or is damaged.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It is another plan than was meant.
    #[error(
        "the plan's digest is {found}, not {wanted}; look at the plan again before you apply it"
    )]
    OtherDigest {
        /// The digest that was asked for.
        wanted: String,
        /// The plan's.
        found: Sha256Digest,
    },
    /// The world has moved on.
    #[error(
        "the plan is {age_s} s old, more than {max_s} s (Donjon.Balance.PlanMaxAge); make a new one"
    )]
    TooOld {
        /// How old it is.
        age_s: u64,
        /// What is allowed.
        max_s: u64,
    },
    /// It was made with another signature TTL.
    #[error("the plan was made with another signature TTL than is configured now; make a new one")]
    OtherTtl,
    /// It was made with other wishes.
    #[error(
        "the plan was made with another DefaultReplication or ClassFirst than is configured now; make a new one"
    )]
    OtherPolicy,
    /// Lists were sent since it was made: it does not know what is doomed.
    #[error("lists were sent since this plan was made, or it was sent already; make a new one")]
    Overtaken,
    /// It would change too much.
    #[error("the brakes hold this plan: {}", shown(.0))]
    Brakes(Vec<Brake>),
    /// Nodes or mounts are not what they were.
    #[error("{0} changed since the plan was made; make a new one")]
    Changed(&'static str),
    /// A node does not answer.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// Mounts cannot be balanced.
    #[error(transparent)]
    Mounts(#[from] MountsError),
    /// Another balancer may be at work.
    #[error(transparent)]
    NotAlone(#[from] NotAlone),
    /// What is sent cannot be remembered, so it is not sent.
    #[error(transparent)]
    Sent(#[from] StateError),
    /// The plan cannot be kept, so it is not sent.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// A list cannot be written to a file.
    #[error("a list cannot be written in the state directory: {0}")]
    Outbox(#[from] io::Error),
    /// Some node did not take its list. After a pull list that was not taken no trash list is sent.
    #[error("{}", said(.0))]
    NotSent(Vec<NotSent>),
    /// A thread of ours ended badly.
    #[error("making the lists ended badly: {0}")]
    Thread(String),
}

impl ApplyError {
    /// Whether it is the plan that will not do, so that nobody was sent anything.
    fn refuses_the_plan(&self) -> bool {
        use ApplyError::{OtherDigest, OtherPolicy, OtherTtl, Overtaken, Plan, TooOld};
        matches!(
            self,
            Plan(_) | OtherDigest { .. } | TooOld { .. } | OtherTtl | OtherPolicy | Overtaken
        )
    }
}

fn shown(brakes: &[Brake]) -> String {
    let reasons: Vec<String> = brakes.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

fn said(failures: &[NotSent]) -> String {
    let said: Vec<String> = failures.iter().map(ToString::to_string).collect();
    said.join("; ")
}

/// Sends the lists of the plan at `path`, if it is the one with this digest and nothing has changed since it was made. It is
/// noted in the history of runs, unless the plan itself is refused: a mistyped digest is no run.
///
/// # Errors
/// [`ApplyError`]. Before [`ApplyError::NotSent`] nothing was sent; with it, [`Sent`] says who has what.
pub async fn apply(
    path: &Path,
    digest: &str,
    brakes_for: BrakesFor,
    settings: &Settings,
    servers: &[Server],
    alone: &Alone,
    now: impl Fn() -> Timestamp,
) -> Result<Applied, ApplyError> {
    let begun = Instant::now();
    let mut run = RunRecord::begin(Asked::Apply, now());
    run.digest = Some(digest.chars().take(64).collect());
    let journal = Journal::begin(&settings.state_dir, &run);
    let meant = Meant { path, digest, brakes_for };
    let applied = carry_out(meant, settings, servers, alone, now, &mut run).await;
    match &applied {
        Ok(_) => run.end(Ended::Sent, []),
        Err(ApplyError::Brakes(held)) => {
            run.end(Ended::Held, held.iter().map(ToString::to_string));
        }
        Err(error) if error.refuses_the_plan() => {
            journal.forget();
            return applied;
        }
        Err(error) => run.end(Ended::Failed, [error.to_string()]),
    }
    journal.end(run, begun.elapsed());
    applied
}

/// [`apply`], for a run that is noted already. What nodes took is noted in `run`, also if others did not.
pub(crate) async fn carry_out(
    Meant { path, digest, brakes_for }: Meant<'_>,
    settings: &Settings,
    servers: &[Server],
    alone: &Alone,
    now: impl Fn() -> Timestamp,
    run: &mut RunRecord,
) -> Result<Applied, ApplyError> {
    let plan = open(path.to_owned()).await?;
    let mut sent = Sent::load(&settings.state_dir)?;
    check(&plan, digest, brakes_for, settings, &sent, now())?;
    check_world(plan.header(), settings, servers, &now).await?;
    let plans = Plans::in_state(&settings.state_dir)?;
    // From here on it is the copy in the state directory, which nobody changes, that counts.
    let kept = plans.adopt(&plan.header().id, path)?;
    let plan = open(kept).await?;
    check(&plan, digest, brakes_for, settings, &sent, now())?;
    let servers = in_order_of(plan.header(), servers)?;
    let lists = write_lists(Arc::clone(&plan), settings).await?;

    let mut applied = Applied {
        servers: servers
            .iter()
            .map(|server| AppliedTo { url: server.url.to_string(), ..AppliedTo::default() })
            .collect(),
        plan: plan.header().id.clone(),
        took: Took::new(),
    };
    let epoch = epoch(plan.header());
    if settings.limits.pulls > 0 {
        alone.check().await?;
        let timer = Timer::start(Phase::SendPullLists);
        let answers =
            send_all(&servers, ListName::Pull, &lists.pulls, epoch, settings.patience).await;
        timer.end(&mut applied.took);
        for (server, answer) in servers.iter().zip(&answers) {
            if let Ok(receipt) = answer {
                let list_id = receipt.as_ref().map(|receipt| receipt.id);
                let plan = plan.header().id.clone();
                sent.accepted_pulls(&server.uuid, SentPulls { plan, list_id });
            }
        }
        let taken = note(&mut applied, ListName::Pull, answers, &lists.pull_counts);
        run.applied(&applied);
        sent.store(&settings.state_dir)?;
        taken?;
    }
    if settings.limits.trashes > 0 {
        alone.check().await?;
        for server in &servers {
            sent.sending(&server.uuid, now());
        }
        sent.epoch = epoch;
        sent.store(&settings.state_dir)?;
        let timer = Timer::start(Phase::SendTrashLists);
        let answers =
            send_all(&servers, ListName::Trash, &lists.trashes, epoch, settings.patience).await;
        timer.end(&mut applied.took);
        for (server, answer) in servers.iter().zip(&answers) {
            if let Ok(receipt) = answer {
                let trash = SentTrash::Plan {
                    plan: plan.header().id.clone(),
                    digest: plan.digest().to_string(),
                    list_id: receipt.as_ref().map(|receipt| receipt.id),
                };
                sent.accepted(&server.uuid, trash, now());
            }
        }
        if answers.iter().any(Result::is_ok) {
            sent.last_run = Some(run_of(&plan));
        }
        let taken = note(&mut applied, ListName::Trash, answers, &lists.trash_counts);
        run.applied(&applied);
        sent.store(&settings.state_dir)?;
        taken?;
    }
    plans.prune(&[plan.header().id.clone()]);
    Ok(applied)
}

/// Notes what each node took; an error with everybody who did not.
fn note(
    applied: &mut Applied,
    list: ListName,
    answers: Vec<Answer>,
    counts: &[(u64, u64)],
) -> Result<(), ApplyError> {
    let mut failures = Vec::new();
    for ((to, answer), (sent, deferred)) in applied.servers.iter_mut().zip(answers).zip(counts) {
        let of = match list {
            ListName::Pull => &mut to.pulls,
            ListName::Trash => &mut to.trashes,
        };
        match answer {
            Ok(receipt) => *of = Some(Sending { sent: *sent, deferred: *deferred, receipt }),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(ApplyError::NotSent(failures)) }
}

/// Opens a plan and finds every byte right.
async fn open(path: PathBuf) -> Result<Arc<PlanFile>, ApplyError> {
    let opened = tokio::task::spawn_blocking(move || {
        let mut plan = PlanFile::open(&path)?;
        plan.verify()?;
        Ok::<_, PlanError>(plan)
    });
    let plan = opened.await.map_err(|error| ApplyError::Thread(error.to_string()))??;
    Ok(Arc::new(plan))
}

/// Everything that can be said without asking anybody.
fn check(
    plan: &PlanFile,
    digest: &str,
    brakes_for: BrakesFor,
    settings: &Settings,
    sent: &Sent,
    now: Timestamp,
) -> Result<(), ApplyError> {
    if plan.digest().to_string() != digest {
        return Err(ApplyError::OtherDigest { wanted: digest.to_owned(), found: plan.digest() });
    }
    let header = plan.header();
    let age = now.since(header.made_at).max(header.made_at.since(now));
    if age > settings.plan_age_max {
        return Err(ApplyError::TooOld {
            age_s: age.as_secs(),
            max_s: settings.plan_age_max.as_secs(),
        });
    }
    if u128::from(header.signature_ttl) != settings.signature_ttl.as_nanos() {
        return Err(ApplyError::OtherTtl);
    }
    let as_now = planning::policy(settings, sent.epoch);
    if ["class_first", "default_replication"]
        .iter()
        .any(|key| header.policy.get(*key) != as_now.get(*key))
    {
        return Err(ApplyError::OtherPolicy);
    }
    if header.policy.get("after_epoch").and_then(Value::as_u64) != Some(sent.epoch)
        || epoch(header) <= sent.epoch
    {
        return Err(ApplyError::Overtaken);
    }
    let servers = header.servers.iter().map(|server| (server.uuid.as_str(), server.url.as_str()));
    if matches!(sent.doomed(servers, now), Doomed::Unknown { .. }) {
        return Err(ApplyError::Overtaken);
    }
    let held = held(&size_of(plan), &header.inputs.references, settings, sent, brakes_for);
    if held.is_empty() { Ok(()) } else { Err(ApplyError::Brakes(held)) }
}

/// What holds a run of this size that read these sources.
pub(crate) fn held(
    size: &RunSize,
    sources: &[ReferenceInput],
    settings: &Settings,
    sent: &Sent,
    brakes_for: BrakesFor,
) -> Vec<Brake> {
    let before = sent.last_run.as_ref();
    let mut held = brakes(size, before.map(LastRun::size).as_ref(), settings.brakes);
    let now = LastRun::new(size, &[], sources).source_sizes();
    let then = before.map(LastRun::source_sizes).unwrap_or_default();
    let doubts = source_brakes(&now, &then, settings.brakes);
    // A doubt stays until a person has looked: who writes on in a restored directory makes it look newer.
    let old = before.map(LastRun::sources_in_doubt).unwrap_or_default();
    let is_told = |of: &String| doubts.iter().any(|brake| brake.source() == Some(of));
    held.extend(old.into_iter().filter(|of| !is_told(of)).map(|of| Brake::SourceInDoubt { of }));
    held.extend(doubts);
    held.retain(|brake| brakes_for == BrakesFor::Everything || !brake.can_be_released());
    held
}

/// What later runs are compared with.
fn run_of(plan: &PlanFile) -> LastRun {
    let header = plan.header();
    LastRun::new(&size_of(plan), &header.servers, &header.inputs.references)
}

/// The size of the run, from the plan's last line.
fn size_of(plan: &PlanFile) -> RunSize {
    let footer = plan.footer();
    let count = |name: &str| footer.statistics.get(name).and_then(Value::as_u64).unwrap_or(0);
    RunSize {
        collections: count("collections"),
        wanted_blocks: count("wanted_blocks"),
        replicas: count("replicas"),
        bytes: count("bytes"),
        trashed: footer.work.trashes,
        trashed_bytes: footer.work.trash_bytes,
    }
}

/// Later plans have larger ones.
pub(crate) fn epoch(header: &Header) -> u64 {
    u64::try_from(header.t0.as_nanos()).unwrap_or(0)
}

/// Nodes and mounts must be what the plan was made for.
async fn check_world(
    header: &Header,
    settings: &Settings,
    servers: &[Server],
    now: impl Fn() -> Timestamp,
) -> Result<(), ApplyError> {
    let facts = census(servers, settings.patience, settings.clock_skew_max, now).await?;
    let layout = layout(&facts)?;
    if planning::servers(&layout) != header.servers {
        return Err(ApplyError::Changed("nodes"));
    }
    if planning::mounts(&layout) != header.mounts {
        return Err(ApplyError::Changed("mounts"));
    }
    Ok(())
}

/// The nodes as the plan numbers them.
fn in_order_of(header: &Header, servers: &[Server]) -> Result<Vec<Server>, ApplyError> {
    let find = |uuid: &str| servers.iter().find(|server| server.uuid == uuid).cloned();
    let found = header.servers.iter().map(|server| find(&server.uuid));
    found.collect::<Option<Vec<_>>>().ok_or(ApplyError::Changed("nodes"))
}

/// The lists of all nodes, in files.
struct Written {
    pulls: Vec<ListFile>,
    trashes: Vec<ListFile>,
    /// Sent and deferred entries.
    pull_counts: Vec<(u64, u64)>,
    trash_counts: Vec<(u64, u64)>,
}

async fn write_lists(plan: Arc<PlanFile>, settings: &Settings) -> Result<Written, ApplyError> {
    let (dir, limits) = (settings.state_dir.clone(), settings.limits);
    let written = tokio::task::spawn_blocking(move || {
        let budget =
            Budget { memory: MEMORY, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
        // No more than the plan says: what is doomed later is read from the plan.
        let of = plan.header().limits;
        let limits = crate::plan::Limits {
            pulls: limits.pulls.min(of.pulls),
            trashes: limits.trashes.min(of.trashes),
        };
        let lists = Lists::prepare(&plan, limits, &dir, budget)?;
        let mut written = Written {
            pulls: Vec::new(),
            trashes: Vec::new(),
            pull_counts: Vec::new(),
            trash_counts: Vec::new(),
        };
        for (_, place) in plan.header().servers.iter().zip(0_u16..) {
            written.pulls.push(pulls(plan.header(), &lists, place, &dir)?);
            written.trashes.push(trashes(plan.header(), &lists, place, &dir)?);
            let (pulls, trashes) = (lists.pull_count(place), lists.trash_count(place));
            written.pull_counts.push((pulls.sent, pulls.deferred));
            written.trash_counts.push((trashes.sent, trashes.deferred));
        }
        Ok::<_, ApplyError>(written)
    });
    written.await.map_err(|error| ApplyError::Thread(error.to_string()))?
}

fn pulls(
    header: &Header,
    lists: &Lists<'_>,
    server: u16,
    dir: &Path,
) -> Result<ListFile, ApplyError> {
    let mut draft = Draft::create(dir)?;
    for entry in lists.pulls(server)? {
        let entry = entry?;
        let url = |from: &u16| header.servers[usize::from(*from)].url.clone();
        draft.push(&PullItem {
            locator: entry.block.to_string(),
            servers: entry.from.iter().map(url).collect(),
            mount_uuid: header.mounts[usize::from(entry.to)].uuid.clone(),
        })?;
    }
    Ok(draft.finish()?)
}

fn trashes(
    header: &Header,
    lists: &Lists<'_>,
    server: u16,
    dir: &Path,
) -> Result<ListFile, ApplyError> {
    let mut draft = Draft::create(dir)?;
    for entry in lists.trashes(server)? {
        let entry = entry?;
        draft.push(&TrashItem {
            locator: entry.block.to_string(),
            block_mtime: entry.mtime.as_nanos(),
            mount_uuid: header.mounts[usize::from(entry.mount)].uuid.clone(),
        })?;
    }
    Ok(draft.finish()?)
}
