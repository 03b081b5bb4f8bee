//! `donjon balance run`

use std::sync::Arc;
use std::time::Duration;

use donjon_balance::pages::{self, Shown};
use donjon_balance::service::{self, Service};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::confirming::ConfirmArgs;
use super::setup::{SetupArgs, Spoken, now, random};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::listen;

/// Run after run: one now, then one each period
///
/// The first run begins at once, the next ones BalancePeriod after the beginning of the one before. SIGUSR1 begins a run now.
/// SIGHUP changes nothing: the configuration is read at the start only.
/// A run that fails or that the brakes hold is logged, and sends nothing; the service goes on. Metrics, health and status are
/// served at --listen: /metrics, /_health/ping, /donjon/v1/balance.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon balance run --config /etc/arvados/config.yml
  donjon balance run --data /srv/keep --period 3600 --listen 127.0.0.1:9005

The flags of keep-balance are understood: -config FILE, -once, -version, -commit-confirmed-fields;
-commit-pulls and -commit-trash if true; -dump, -chunk-prefix and -pprof are ignored.
Exit status: 0 stopped by a signal, 1 it could not start, 2 the command line is wrong")]
pub(crate) struct ServiceArgs {
    /// From the start of a run to the start of the next, in seconds; BalancePeriod of the configuration
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    period: Option<u64>,

    /// Where to serve metrics, HOST:PORT; the first of Services.Keepbalance.InternalURLs of the configuration
    #[arg(long, value_name = "ADDR", value_parser = listen::address)]
    listen: Option<String>,

    #[command(flatten)]
    setup: SetupArgs,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

pub(super) async fn run(args: ServiceArgs) -> Result<Exit, Failure> {
    // Taken first: it never ends the process, also while another balancer is waited for.
    let hangup = opened(SignalKind::hangup())?;
    let mut setup = args.setup.set_up(Spoken::Log).await?;
    args.confirm.apply(&mut setup.settings);
    let period = args.period.map(Duration::from_secs).or(setup.period).ok_or_else(|| {
        Failure::Usage(
            "BalancePeriod is 0: say --period SECONDS, or use `donjon balance once`".to_owned(),
        )
    })?;
    donjon_node::start_logging(&setup.logs, &setup.cluster_id);
    let (shown, watched) = watch::channel(Arc::new(Shown::default()));
    let stop = Arc::new(Notify::new());
    let pages = match args.listen.or(setup.listen) {
        None => None,
        Some(address) => {
            let listener = TcpListener::bind(&address).await;
            let listener =
                listener.map_err(Failure::local(format!("cannot listen at {address}")))?;
            let stopped = Arc::clone(&stop);
            let pages = pages::serve(listener, watched, setup.management, async move {
                stopped.notified().await;
            });
            Some(tokio::spawn(pages))
        }
    };
    let run_now = Notify::new();
    let service = Service {
        settings: &setup.settings,
        servers: &setup.servers,
        sources: setup.sources,
        alone: &setup.alone,
        period,
        run_now: &run_now,
        now: &now,
        salt: &|| random().unwrap_or(setup.salt),
        about: setup.about,
        shown: &shown,
    };
    let mut signals = Signals::new(hangup)?;
    let ended = tokio::select! {
        lost = service.run() => lost.map_err(|error| Failure::Other(error.to_string())),
        () = signals.ended(&run_now) => Ok(()),
    };
    stop.notify_waiters();
    if let Some(pages) = pages {
        pages.abort();
    }
    ended.map(|()| Exit::Done)
}

/// What the operator may ask for.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    run_now: Signal,
    hangup: Signal,
}

fn opened(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(Failure::local("cannot wait for signals"))
}

impl Signals {
    fn new(hangup: Signal) -> Result<Self, Failure> {
        Ok(Signals {
            terminate: opened(SignalKind::terminate())?,
            interrupt: opened(SignalKind::interrupt())?,
            run_now: opened(SignalKind::user_defined1())?,
            hangup,
        })
    }

    /// Waits for the end, and passes on what asks for a run.
    async fn ended(&mut self, run_now: &Notify) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.run_now.recv() => run_now.notify_one(),
                _ = self.hangup.recv() => service::log_hangup(),
            }
        }
    }
}
