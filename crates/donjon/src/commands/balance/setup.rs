//! What a run needs, from the command line and the configuration.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use donjon_balance::alone::Alone;
use donjon_balance::collections::CollectionsTable;
use donjon_balance::lock::Lock;
use donjon_balance::manifests::ManifestDirectory;
use donjon_balance::metrics::{About, ConfigFile};
use donjon_balance::observe::References;
use donjon_balance::once::Run;
use donjon_balance::postgres::{Address, Database, Holder, LockKey, LockWait, SweepLock, Timeouts};
use donjon_balance::retry::Patience;
use donjon_balance::servers::Server;
use donjon_balance::settings::{ListLimits, Settings};
use donjon_node::config::{
    BalanceSettings, ClassOrder, DatabaseAddress, LogFormat, LogLevel, LogSettings,
};
use keep_rules::balance::Policy;
use keep_rules::brake::BrakeLimits;
use keep_rules::{Timestamp, Token};

use super::progress::Drawn;
use crate::cluster::{Cluster, ClusterArgs};
use crate::failure::Failure;

const SIX_HOURS: Duration = Duration::from_secs(6 * 3600);

/// How long another balancer's run is waited for.
const LOCK_WAIT: LockWait =
    LockWait { every: Duration::from_secs(5), longest: Duration::from_secs(3600) };

/// Where state and references are, beside the nodes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Balancer")]
pub(super) struct SetupArgs {
    /// A directory of manifests whose blocks are kept, as `donjon put` makes it; Donjon.Balance.Manifests of the
    /// configuration, or DIR/manifests with --data DIR
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,

    /// Where plans, and what was sent, are kept: the same in every run. Donjon.Balance.StateDir of the configuration, or
    /// DIR/balance with --data DIR. Made if its parent exists
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Everything that a run works with.
pub(super) struct Setup {
    pub(super) settings: Settings,
    pub(super) servers: Vec<Server>,
    pub(super) sources: Vec<Arc<dyn References>>,
    pub(super) alone: Alone,
    pub(super) salt: u64,
    /// For the service: how often, where to show, who may look, how to log.
    pub(super) period: Option<Duration>,
    pub(super) listen: Option<String>,
    pub(super) management: Option<Token>,
    pub(super) logs: LogSettings,
    pub(super) cluster_id: String,
    pub(super) about: About,
}

impl Setup {
    /// One run that a person waits for.
    pub(super) fn run(&self) -> Run<'_> {
        Run {
            settings: &self.settings,
            servers: &self.servers,
            sources: self.sources.clone(),
            alone: &self.alone,
            progress: Arc::new(Drawn::new()),
            now: &now,
            salt: self.salt,
        }
    }
}

/// What is said on standard error while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// Warnings, for whoever called.
    Warnings,
    /// A log, which the command itself begins.
    Log,
}

impl SetupArgs {
    /// Where the balancer's state is. Takes no lock and asks nobody.
    pub(super) fn state_dir(self) -> Result<PathBuf, Failure> {
        match self.state {
            Some(state) => Ok(state),
            None => state_dir(None, &self.cluster.cluster()?),
        }
    }

    /// Reads the configuration, and takes the lock.
    pub(super) async fn set_up(self, spoken: Spoken) -> Result<Setup, Failure> {
        let cluster = self.cluster.cluster()?;
        let ttl = cluster.ttl()?;
        if spoken == Spoken::Warnings {
            let logs = LogSettings { level: LogLevel::Warn, format: LogFormat::Plain };
            donjon_node::start_logging(&logs, &cluster.id);
        }
        let own = |name: &str| cluster.data.as_ref().map(|data| data.join(name));
        let balance = cluster.balance.as_ref();
        let state = state_dir(self.state, &cluster)?;
        let manifests = self
            .manifests
            .or_else(|| balance.and_then(|balance| balance.manifests.clone()))
            .or_else(|| own("manifests"));
        make(&state)?;
        let lock = Lock::take(&state).map_err(|error| Failure::Other(error.to_string()))?;
        let mut sources = sources(manifests.as_deref(), ttl);
        let database = balance.and_then(|balance| balance.database.as_ref());
        let alone = match database {
            None => Alone::by_state(lock),
            Some(address) => {
                let database = connect(address).await?;
                let place = format!("{} on {}", address.name, address.host);
                sources.push(Arc::new(CollectionsTable::new(database.clone(), place)));
                let tell = |holder: &Holder| {
                    eprintln!("Waiting for {}, held by {holder}.", LockKey::Sweep);
                };
                let sweep =
                    SweepLock::take_telling(&database, LockKey::Sweep, LOCK_WAIT, tell).await;
                Alone::by_both(lock, sweep.map_err(|error| Failure::Other(error.to_string()))?)
            }
        };
        let salt = random()?;
        let listen = balance.and_then(|balance| balance.listen.as_ref());
        Ok(Setup {
            period: balance.map_or(Some(SIX_HOURS), |balance| balance.period),
            listen: listen.map(|url| format!("{}:{}", url.host(), url.port())),
            management: cluster.management.clone(),
            logs: cluster.logs.clone(),
            cluster_id: cluster.id.clone(),
            about: about(&cluster),
            settings: settings(&cluster, ttl, state),
            servers: servers(&cluster),
            sources,
            alone,
            salt,
        })
    }
}

fn state_dir(named: Option<PathBuf>, cluster: &Cluster) -> Result<PathBuf, Failure> {
    let of_config = || cluster.balance.as_ref().and_then(|balance| balance.state_dir.clone());
    let of_data = || cluster.data.as_ref().map(|data| data.join("balance"));
    named.or_else(of_config).or_else(of_data).ok_or_else(|| {
        let what =
            "where is the balancer's state? Give --state DIR, or set Donjon.Balance.StateDir";
        Failure::Usage(what.to_owned())
    })
}

/// What metrics say of the program.
fn about(cluster: &Cluster) -> About {
    let seconds = |time: Timestamp| time.as_nanos() as f64 / 1e9;
    let loaded = seconds(now());
    let config = cluster.source.as_ref().map(|source| ConfigFile {
        sha256: source.sha256.clone(),
        loaded,
        modified: source.modified.map_or(loaded, |time| seconds(time.into())),
    });
    About { version: env!("CARGO_PKG_VERSION").to_owned(), config }
}

fn sources(manifests: Option<&Path>, ttl: Duration) -> Vec<Arc<dyn References>> {
    let mut sources: Vec<Arc<dyn References>> = Vec::new();
    if let Some(dir) = manifests {
        let source = ManifestDirectory::new(dir.to_owned(), ttl, now);
        sources.push(Arc::new(source));
    }
    sources
}

async fn connect(address: &DatabaseAddress) -> Result<Database, Failure> {
    let address = Address {
        host: address.host.clone(),
        port: address.port,
        user: address.user.clone(),
        password: address.password.clone(),
        name: address.name.clone(),
    };
    let connected = Database::connect(address, Timeouts::default()).await;
    connected.map_err(|error| Failure::Other(error.to_string()))
}

fn servers(cluster: &Cluster) -> Vec<Server> {
    let servers = cluster.servers.iter().map(|server| Server {
        uuid: server.uuid.clone(),
        url: server.url.clone(),
        client: server.client.clone(),
    });
    servers.collect()
}

fn settings(cluster: &Cluster, signature_ttl: Duration, state_dir: PathBuf) -> Settings {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let of = |value: fn(&BalanceSettings) -> u64, default: u64| {
        cluster.balance.as_ref().map_or(default, value)
    };
    let balance = cluster.balance.as_ref();
    let class_first = balance.is_some_and(|balance| balance.class_order == ClassOrder::ClassFirst);
    Settings {
        signature_ttl,
        default_replication: cluster.default_replication,
        policy: if class_first { Policy::ClassFirst } else { Policy::ServerFirst },
        limits: ListLimits {
            pulls: of(|balance| balance.pull_limit, 100_000),
            trashes: of(|balance| balance.trash_limit, 100_000),
        },
        brakes: BrakeLimits {
            trash_percent: balance.map_or(20, |balance| balance.brakes.trash_percent),
            drop_percent: balance.map_or(20, |balance| balance.brakes.drop_percent),
            floor: of(|balance| balance.brakes.floor, 100),
        },
        clock_skew_max: balance.map_or(Duration::from_secs(60), |balance| balance.clock_skew_max),
        plan_age_max: balance.map_or(SIX_HOURS, |balance| balance.plan_max_age),
        timeout: balance.map_or(SIX_HOURS, |balance| balance.timeout),
        patience: Patience::default(),
        state_dir,
        memory: balance.map_or(256, |balance| balance.memory) << 20,
        threads,
        update_limit: of(|balance| balance.update_limit, 0),
        missing_report: balance.and_then(|balance| balance.missing_report.clone()),
    }
}

/// Makes the state directory, if it is new and its parent is there.
fn make(state: &Path) -> Result<(), Failure> {
    match std::fs::create_dir(state) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Failure::local(format!("cannot make {}", state.display()))(error)),
    }
}

pub(super) fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::Other(format!("no random numbers: {error}")))
}

/// The clock.
pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}
