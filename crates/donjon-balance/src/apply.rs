//! From a plan to the nodes: checked again, pulls before trash, and remembered (`spec/keep-balance.md` sections 2.5, 8.2).

mod error;
mod lists;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use keep_protocol::status::ListName;
use keep_rules::Timestamp;
use keep_rules::brake::{Brake, RunSize, brakes, source_brakes};
use serde_json::Value;

use crate::alone::Alone;
use crate::foreign::foreign;
use crate::history::{Asked, Ended, Journal, RunRecord};
use crate::keep::Plans;
use crate::last_run::LastRun;
use crate::layout::layout;
use crate::phase::{Phase, Timer, Took};
use crate::plan::{Header, PlanError, PlanFile, ReferenceInput};
use crate::planning;
use crate::send::{Answer, send_all};
use crate::sent::{Doomed, Sent, SentPulls, SentTrash};
use crate::servers::{Server, census};
use crate::settings::Settings;

pub use crate::applied::{Applied, AppliedTo, Sending};
pub use error::ApplyError;
use lists::write_lists;

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

/// Sends the lists of the plan at `path`, if it is the one with this digest and nothing has changed since it was made. It is
/// noted in the history of runs, unless the plan itself is refused: a mistyped digest is no run.
///
/// # Errors
/// [`ApplyError`]. With [`ApplyError::NotSent`], [`Sent`] says who has what; with [`ApplyError::Foreign`] and
/// [`ApplyError::Standing`] pull lists may have been sent, and no trash list. With all others nothing was.
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
        // Once more: what is in force by now may be another list than the plan knows of.
        if let Some(why) = foreign(&servers, &sent, settings.patience).await? {
            return Err(ApplyError::Foreign(why));
        }
        if brakes_for == BrakesFor::NotThisPlan {
            sent.released_for(&uuids(plan.header()));
        }
        for server in &servers {
            sent.sending(server.named(), now());
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
                    list_digest: receipt.as_ref().and_then(|receipt| receipt.digest.clone()),
                };
                sent.accepted(server.named(), trash, now());
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
    plans.prune(&sent.plans());
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
    let gone = sent.gone(&uuids(header)).unknown;
    let sources = &header.inputs.references;
    let held = held(&size_of(plan), sources, gone, settings, sent, brakes_for);
    if held.is_empty() { Ok(()) } else { Err(ApplyError::Brakes(held)) }
}

/// The UUIDs of the plan's nodes.
fn uuids(header: &Header) -> Vec<&str> {
    header.servers.iter().map(|server| server.uuid.as_str()).collect()
}

/// What holds a run of this size that read these sources, if nobody knows what the nodes `gone` still trash.
pub(crate) fn held(
    size: &RunSize,
    sources: &[ReferenceInput],
    gone: Vec<String>,
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
    // What may be in force doubles no trash if none is sent.
    if settings.limits.trashes > 0 {
        held.extend(sent.damaged.then_some(Brake::MemoryLost));
        held.extend(gone.into_iter().map(|url| Brake::NodeGone { url }));
    }
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
    if planning::mounts(&layout, &facts) != header.mounts {
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
