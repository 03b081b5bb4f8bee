//! A balancer that goes on: a run now, then one each period, or when somebody asks (`spec/keep-balance.md` section 5.2).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keep_rules::Timestamp;
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::alone::{Alone, NotAlone};
use crate::history::History;
use crate::log::{log_confirmed, log_made};
use crate::metrics::{About, Figures, Latest, text};
use crate::observe::References;
use crate::once::{Done, Run, RunError};
use crate::pages::Shown;
use crate::phase::Took;
use crate::progress::Progress;
use crate::servers::Server;
use crate::settings::Settings;

/// What a service works with.
pub struct Service<'s> {
    /// What runs need to know.
    pub settings: &'s Settings,
    /// The nodes.
    pub servers: &'s [Server],
    /// Where references come from.
    pub sources: Vec<Arc<dyn References>>,
    /// Whether nobody else balances.
    pub alone: &'s Alone,
    /// From the start of a run to the start of the next.
    pub period: Duration,
    /// Begins the next run at once, or right after the current one.
    pub run_now: &'s Notify,
    /// The clock.
    pub now: &'s (dyn Fn() -> Timestamp + Sync),
    /// A random number for each run.
    pub salt: &'s (dyn Fn() -> u64 + Sync),
    /// The program and its configuration, for the metrics.
    pub about: About,
    /// Where the figures are shown.
    pub shown: &'s watch::Sender<Arc<Shown>>,
}

/// What a run is doing.
#[derive(Debug, Default)]
pub struct Step {
    now: std::sync::Mutex<(&'static str, u64)>,
    steps: AtomicU64,
    things: AtomicU64,
}

impl Progress for Step {
    fn begin(&self, phase: &'static str, steps: u64) {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = (phase, steps);
        self.steps.store(0, Ordering::Relaxed);
        self.things.store(0, Ordering::Relaxed);
        tracing::info!(phase, steps, "a phase begins");
    }

    fn step(&self, steps: u64) {
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }

    fn note(&self, things: u64) {
        self.things.fetch_add(things, Ordering::Relaxed);
    }
}

impl Step {
    fn json(&self) -> serde_json::Value {
        let (phase, of) = *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        json!({
            "phase": phase,
            "done": self.steps.load(Ordering::Relaxed),
            "of": of,
            "seen": self.things.load(Ordering::Relaxed),
        })
    }
}

/// Says in the log what SIGHUP does not do.
pub fn log_hangup() {
    tracing::info!(
        "SIGHUP changes nothing: the configuration is read at the start only; restart to read it again"
    );
}

impl Service<'_> {
    /// Runs until the future is dropped, or the locks are lost. A run that fails is logged, and the next one begins when its
    /// time comes.
    ///
    /// # Errors
    /// [`NotAlone`]: another balancer may have begun. Start again, and wait for the locks.
    ///
    /// # Cancel safety
    /// Dropping it in the middle of a run is as killing it: the next run clears what it does not know.
    pub async fn run(self) -> Result<(), NotAlone> {
        let last_success = self.last_success();
        let about = self.about.clone();
        let mut figures = Figures { about, last_success, ..Figures::default() };
        let step = Arc::new(Step::default());
        loop {
            let begun = Instant::now();
            self.alone.check().await?;
            let ill = self.one(&mut figures, Arc::clone(&step), begun).await;
            self.show(&figures, &step, ill);
            let next = tokio::time::Instant::from_std(begun) + self.period;
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.run_now.notified() => tracing::info!("a run was asked for"),
            }
        }
    }

    /// Of a run before the start, as the state directory remembers it.
    fn last_success(&self) -> Option<i64> {
        match History::load(&self.settings.state_dir) {
            Ok(history) => history.last_sent().map(Timestamp::as_seconds),
            Err(error) => {
                tracing::warn!(%error, "the history of runs cannot be read; the last success is not known");
                None
            }
        }
    }

    async fn one(&self, figures: &mut Figures, step: Arc<Step>, begun: Instant) -> Option<String> {
        let run = Run {
            settings: self.settings,
            servers: self.servers,
            sources: self.sources.clone(),
            alone: self.alone,
            progress: step.clone(),
            now: self.now,
            salt: (self.salt)(),
        };
        let mut work = std::pin::pin!(run.once());
        let mut look = tokio::time::interval(Duration::from_secs(1));
        let ended = loop {
            tokio::select! {
                ended = &mut work => break ended,
                _ = look.tick() => self.show(figures, &step, None),
            }
        };
        let took = begun.elapsed();
        figures.seconds += took.as_secs_f64();
        match ended {
            Ok(Done { made, applied, confirmed, took: took_last }) => {
                figures.succeeded += 1;
                figures.last_success = Some((self.now)().as_seconds());
                log_made(&made, Some(&applied));
                tracing::info!(
                    plan = made.id,
                    seconds = took.as_secs_f64(),
                    trashed = made.size.trashed,
                    "run succeeded"
                );
                if let Some(confirmed) = &confirmed {
                    log_confirmed(confirmed);
                }
                let applied = Some(applied);
                figures.note(Latest { made, applied, confirmed, took, took_last });
                None
            }
            Err(RunError::Held(made)) => {
                figures.held += 1;
                log_made(&made, None);
                let why: Vec<String> = made.held.iter().map(ToString::to_string).collect();
                let why = format!("the brakes hold the plan: {}", why.join("; "));
                tracing::error!(why, plan = %made.path.display(), digest = %made.digest, "run held: look at the plan and apply it by its digest");
                let took_last = Took::new();
                let last = Latest { made: *made, applied: None, confirmed: None, took, took_last };
                figures.note(last);
                Some(why)
            }
            Err(error) => {
                figures.failed += 1;
                tracing::error!(%error, "run failed");
                Some(error.to_string())
            }
        }
    }

    fn show(&self, figures: &Figures, step: &Step, ill: Option<String>) {
        let status = json!({
            "running": step.json(),
            "runs": { "succeeded": figures.succeeded, "failed": figures.failed, "held": figures.held },
            "last_success": figures.last_success,
            "last_plan": figures.last.as_ref().map(|last| last.made.id.clone()),
            "last_outcomes": figures.last.as_ref().map(|last| &last.made.outcomes.servers),
            "setbacks": figures.last.as_ref().map(|last| &last.made.setbacks),
            "last_error": ill,
        });
        let shown = Shown { metrics: text(figures), status: status.to_string(), ill };
        self.shown.send_replace(Arc::new(shown));
    }
}
