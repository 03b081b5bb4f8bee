//! One run, whole: from the lock to the lists (`spec/keep-balance.md` sections 2.1 and 8.2).

mod error;
mod made;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keep_rules::Timestamp;
use keep_rules::brake::Brake;

use crate::alone::Alone;
use crate::apply::{BrakesFor, Meant, carry_out, held};
use crate::confirm::confirm;
use crate::foreign::foreign;
use crate::history::{Asked, Ended, Journal, RunRecord};
use crate::keep::Plans;
use crate::layout;
use crate::missing;
use crate::observe::{Enrol, ObserveError, Observed, References, observe};
use crate::outcomes::{self, Outcomes};
use crate::phase::{Phase, Timer, Took};
use crate::planning::{PlanName, Planned, PlanningError, write_plan};
use crate::postgres::Database;
use crate::progress::Progress;
use crate::send::clear_all;
use crate::sent::{Doomed, DoomedPlan, Sent};
use crate::servers::Server;
use crate::setbacks::Setbacks;
use crate::settings::Settings;

pub use error::RunError;
pub use made::{Done, Made};

/// How long to wait for what nodes were told before to end, when nobody knows what that was.
const CLEARED_WITHIN: Duration = Duration::from_secs(600);

/// Everything that a run works with.
pub struct Run<'r> {
    /// What it needs to know.
    pub settings: &'r Settings,
    /// The nodes.
    pub servers: &'r [Server],
    /// Where references come from.
    pub sources: Vec<Arc<dyn References>>,
    /// Whether nobody else balances.
    pub alone: &'r Alone,
    /// Is told how far the run is.
    pub progress: Arc<dyn Progress>,
    /// The clock.
    pub now: &'r (dyn Fn() -> Timestamp + Sync),
    /// A random number for the run.
    pub salt: u64,
}

impl Run<'_> {
    /// Learns, decides and writes a plan at `path`, or under its id in the state directory. Sends no list but, if it is not
    /// known what nodes still trash, empty ones.
    ///
    /// # Errors
    /// [`RunError`]; there is no plan then.
    pub async fn plan(self, path: Option<PathBuf>) -> Result<Made, RunError> {
        let timeout = self.settings.timeout;
        let (begun, mut run, journal) = self.begin(Asked::Plan);
        let made = tokio::time::timeout(timeout, self.make(path, Enrol::Nobody, &mut run)).await;
        let made = match made {
            Ok(made) => made.map(|(made, _)| made),
            Err(_elapsed) => Err(RunError::TimedOut(timeout.as_secs())),
        };
        match &made {
            Ok(made) => run.end(Ended::Planned, made.held.iter().map(ToString::to_string)),
            Err(error) => run.end(Ended::Failed, [error.to_string()]),
        }
        journal.end(run, begun.elapsed());
        made
    }

    /// Makes a plan and, unless brakes hold it, sends its lists, and then writes the confirmed columns of the database.
    ///
    /// # Errors
    /// [`RunError`]. With [`RunError::Held`] the plan is in the state directory, to be looked at. With
    /// [`RunError::Confirming`] the lists were sent.
    pub async fn once(self) -> Result<Done, RunError> {
        let timeout = self.settings.timeout;
        let (begun, mut run, journal) = self.begin(Asked::Once);
        let done = match tokio::time::timeout(timeout, self.work(&mut run)).await {
            Ok(done) => done,
            Err(_elapsed) => Err(RunError::TimedOut(timeout.as_secs())),
        };
        match &done {
            Ok(_) => run.end(Ended::Sent, []),
            Err(RunError::Held(made)) => {
                run.end(Ended::Held, made.held.iter().map(ToString::to_string));
            }
            Err(error) => run.end(Ended::Failed, [error.to_string()]),
        }
        journal.end(run, begun.elapsed());
        done
    }

    fn begin(&self, asked: Asked) -> (Instant, RunRecord, Journal) {
        let run = RunRecord::begin(asked, (self.now)());
        let journal = Journal::begin(&self.settings.state_dir, &run);
        (Instant::now(), run, journal)
    }

    /// Everything of [`Run::once`], noted in `run` as it goes.
    async fn work(self, run: &mut RunRecord) -> Result<Done, RunError> {
        let (settings, servers) = (self.settings, self.servers);
        let (alone, now) = (self.alone, self.now);
        let progress = Arc::clone(&self.progress);
        let database = self.database_to_confirm();
        let enrol = database.as_ref().map_or(Enrol::Nobody, |_| Enrol::Collections);
        let (made, mut observed) = self.make(None, enrol, run).await?;
        if !made.held.is_empty() {
            return Err(RunError::Held(Box::new(made)));
        }
        let digest = made.digest.to_string();
        let (path, brakes_for) = (&made.path, BrakesFor::Everything);
        let meant = Meant { path, digest: &digest, brakes_for };
        let applied = carry_out(meant, settings, servers, alone, now, run).await?;
        let mut took = Took::new();
        let confirmed = match (database, observed.enrolled.take()) {
            (Some(database), Some(enrolled)) => {
                alone.check().await.map_err(RunError::ConfirmingNotAlone)?;
                let timer = Timer::start(Phase::UpdateCollections);
                let written = confirm(observed, enrolled, &database, settings, progress, now());
                let written = written.await?;
                timer.end(&mut took);
                run.confirmed(&written);
                Some(written)
            }
            (None, _) | (_, None) => None,
        };
        Ok(Done { made, applied, confirmed, took })
    }

    /// Where confirmed columns are to be written.
    fn database_to_confirm(&self) -> Option<Database> {
        let found = self.sources.iter().find_map(|source| source.database());
        found.filter(|_| self.settings.update_limit > 0).cloned()
    }

    async fn make(
        self,
        path: Option<PathBuf>,
        enrol: Enrol,
        run: &mut RunRecord,
    ) -> Result<(Made, Observed), RunError> {
        let plans = Plans::in_state(&self.settings.state_dir)?;
        let mut sent = Sent::load(&self.settings.state_dir)?;
        let (outcomes, setbacks) = self.look_back(&sent, run).await?;
        let mut took = Took::new();
        let timer = Timer::start(Phase::GetState);
        let (doomed, cleared) = self.settle(&mut sent).await?;
        run.cleared.clone_from(&cleared);
        let observed = self.observe(&plans, &doomed, &mut sent, enrol).await?;
        timer.end(&mut took);
        let (observed, cleared_late) = observed;
        let id = format!("{:020}", observed.started.as_nanos());
        let path = path.unwrap_or_else(|| plans.path(&id));
        let name = PlanName { id: id.clone(), salt: self.salt, after_epoch: sent.epoch };
        let timer = Timer::start(Phase::ChangesetCompute);
        let (planned, observed, setbacks) = self.decide(observed, setbacks, name, &path).await?;
        timer.end(&mut took);
        if let Some(report) = &self.settings.missing_report {
            missing::write(report, &path, &self.sources, self.settings).await?;
        }
        let sources = &planned.sources;
        let gone = sent.gone(&self.uuids()).unknown;
        let held = held(&planned.size, sources, gone, self.settings, &sent, BrakesFor::Everything);
        let doubted = held.iter().filter_map(Brake::source);
        let last = &mut sent.last_run;
        let is_new = |of: &String| last.as_mut().is_some_and(|last| last.doubt(of));
        if doubted.map(is_new).fold(false, |any, new| any | new) {
            sent.store(&self.settings.state_dir)?;
        }
        let unknown = observed.book.unknown_classes().map(|(_, class)| class.to_string()).collect();
        let classes = observed.book.numbered_classes();
        let classes =
            classes.map(|(class, name)| (name.to_string(), planned.statistics.class(class)));
        let made = Made {
            path,
            id,
            digest: planned.digest,
            size: planned.size,
            classes: classes.collect(),
            statistics: planned.statistics,
            lost: planned.lost,
            missing_report: self.settings.missing_report.clone(),
            short_of_mounts: planned.short_of_mounts,
            references: observed.references.clone(),
            referenced_blocks: planned.referenced_blocks,
            referenced_bytes: planned.referenced_bytes,
            held,
            unknown_classes: unknown,
            cleared: cleared.or(cleared_late),
            outcomes,
            setbacks: planned.setbacks,
            nodes_gone: self.nodes_gone(&sent),
            of_two_disks: layout::of_two_disks(&observed.servers),
            in_future: observed.indexes.iter().map(|read| read.in_future).sum(),
            setbacks_forgotten: setbacks.forgotten(),
            took,
        };
        run.made(&made);
        Ok((made, observed))
    }

    /// Asks what became of the lists of the run before, and remembers what failed.
    async fn look_back(
        &self,
        sent: &Sent,
        run: &mut RunRecord,
    ) -> Result<(Outcomes, Setbacks), RunError> {
        let outcomes = outcomes::ask(self.servers, sent, self.settings.patience).await;
        run.outcomes(&outcomes);
        let mut setbacks = Setbacks::load(&self.settings.state_dir)?;
        setbacks.note(&outcomes.failures, (self.now)());
        // Before lists are cleared or replaced: nobody may be there to ask again.
        if !outcomes.failures.is_empty() {
            setbacks.store(&self.settings.state_dir)?;
        }
        Ok((outcomes, setbacks))
    }

    /// Nodes of the run before that are not asked any more: what only they have looks lost.
    fn nodes_gone(&self, sent: &Sent) -> Vec<String> {
        let known = |uuid: &str| self.servers.iter().any(|server| server.uuid == uuid);
        let before = sent.last_run.iter().flat_map(|last| &last.nodes);
        before.filter(|node| !known(&node.uuid)).map(|node| node.url.clone()).collect()
    }

    /// Writes the plan, and forgets failures of what is not decided again.
    async fn decide(
        &self,
        observed: Observed,
        setbacks: Setbacks,
        name: PlanName,
        path: &Path,
    ) -> Result<(Planned, Observed, Setbacks), RunError> {
        let settings = self.settings.clone();
        let (to, progress) = (path.to_owned(), Arc::clone(&self.progress));
        let planned = tokio::task::spawn_blocking(move || {
            let planned = write_plan(&observed, &setbacks, &settings, &name, &to, &*progress)?;
            Ok::<_, PlanningError>((planned, observed, setbacks))
        });
        let (planned, observed, mut setbacks) =
            planned.await.map_err(|error| RunError::Thread(error.to_string()))??;
        if !setbacks.is_empty() {
            setbacks.keep_what_is_decided_again();
            setbacks.store(&self.settings.state_dir)?;
        }
        Ok((planned, observed, setbacks))
    }

    /// What may be trashed at any time; if nobody knows, all lists are cleared, so that it is nothing.
    async fn settle(&self, sent: &mut Sent) -> Result<(Vec<DoomedPlan>, Option<String>), RunError> {
        let now = (self.now)();
        let gone = sent.gone(&self.uuids()).plans;
        let why = match sent.doomed(self.servers.iter().map(Server::named), now) {
            Doomed::Plans(plans) => {
                match foreign(self.servers, sent, self.settings.patience).await? {
                    None => return Ok(([plans, gone].concat(), None)),
                    Some(why) => why,
                }
            }
            Doomed::Unknown { why } => why,
        };
        self.clear(sent, &why).await?;
        Ok((gone, Some(why)))
    }

    /// The nodes that are configured.
    fn uuids(&self) -> Vec<&str> {
        self.servers.iter().map(|server| server.uuid.as_str()).collect()
    }

    async fn clear(&self, sent: &mut Sent, why: &str) -> Result<(), RunError> {
        tracing::warn!(
            why,
            "clearing the trash lists of all nodes: it is not known what they still trash"
        );
        self.progress.begin("clear", 0);
        // Whatever is on its way still is older than this, and is refused when it arrives.
        let epoch = u64::try_from((self.now)().as_nanos()).unwrap_or_default();
        let cleared = clear_all(self.servers, epoch, self.settings.patience, CLEARED_WITHIN).await;
        let empty = cleared.map_err(|error| RunError::NotCleared { why: why.to_owned(), error })?;
        for (server, list_id) in self.servers.iter().zip(empty) {
            sent.idle(server.named(), list_id, (self.now)());
        }
        Ok(sent.store(&self.settings.state_dir)?)
    }

    /// Learns everything. If the plans in force cannot be read, lists are cleared and all is learnt without them.
    async fn observe(
        &self,
        plans: &Plans,
        doomed: &[DoomedPlan],
        sent: &mut Sent,
        enrol: Enrol,
    ) -> Result<(Observed, Option<String>), RunError> {
        match self.learn(plans, doomed, enrol).await {
            Err(ObserveError::Doomed(error)) => {
                let why = error.to_string();
                self.clear(sent, &why).await?;
                let gone = self.still_known(plans, sent)?;
                Ok((self.learn(plans, &gone, enrol).await?, Some(why)))
            }
            learnt => Ok((learnt?, None)),
        }
    }

    /// The lists of nodes that are gone, as far as their plans can still be read. The others are unknown from now on: such
    /// a node cannot be cleared.
    fn still_known(&self, plans: &Plans, sent: &mut Sent) -> Result<Vec<DoomedPlan>, RunError> {
        let gone = sent.gone(&self.uuids()).plans;
        let (known, lost): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|doomed| plans.has(&doomed.plan, &doomed.digest));
        for server in lost.iter().flat_map(|doomed| &doomed.servers) {
            sent.unknown(server);
        }
        sent.store(&self.settings.state_dir)?;
        Ok(known)
    }

    async fn learn(
        &self,
        plans: &Plans,
        doomed: &[DoomedPlan],
        enrol: Enrol,
    ) -> Result<Observed, ObserveError> {
        observe(
            self.settings,
            self.servers,
            self.sources.clone(),
            &|layout, feeder| Ok(plans.feed_doomed(doomed, layout, feeder)?),
            enrol,
            Arc::clone(&self.progress),
            self.now,
        )
        .await
    }
}
