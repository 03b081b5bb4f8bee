//! From a configuration to a running node (spec section 8).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::config::{Candidate, Config, Driver, Loaded, Mistake, Scheme, ServiceUrl, VolumeConfig};
use crate::health::CHECK_TIMEOUT;
use crate::known_volumes::KnownVolumes;
use crate::lists::resume;
use crate::lists::sweep;
use crate::logging;
use crate::mounts::{Mount, Mounts, sentence};
use crate::node::{ConfigText, Node, NodeNotMade, NodeParts};
use crate::run::run_with_tls;
use crate::state_dir::{self, Chosen};
use crate::tls::{Tls, TlsError};
use crate::volumes::{self, VolumeNotOpened, unavailable};

/// How often the certificate files are read again (spec section 8).
const TLS_RELOAD_PERIOD: Duration = Duration::from_secs(3600);

/// Why a node does not start. The process ends with status 1.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// None of the addresses is one of this machine's and free.
    #[error("cannot listen on {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; nor on "))]
    CannotListen(Vec<NotBound>),
    /// The volumes of this node are not configured rightly.
    #[error("the configuration gives this node no usable volumes: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Volumes(Vec<Mistake>),
    /// No volume could be opened.
    #[error("none of the volumes of this node can be used; the first")]
    NoVolume(#[source] VolumeNotOpened),
    /// TLS was asked for and cannot be offered.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The configuration says https but names no certificate.
    #[error("the address is https, but TLS.Certificate and TLS.Key are not set")]
    NoCertificate,
    /// The parts do not go together.
    #[error(transparent)]
    Node(#[from] NodeNotMade),
    /// The directory for the node's own state cannot be made.
    #[error(
        "cannot make the state directory {path}; set Donjon.StateDir to a directory that this node may write"
    )]
    StateDir {
        /// The directory.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not do what every system does.
    #[error("cannot {doing}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// An address at which a node cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {source}{}", advice(.source.kind()))]
pub struct NotBound {
    address: ServiceUrl,
    source: io::Error,
}

/// What to do about an address at which the system refuses to listen.
const ADVICE: [(io::ErrorKind, &str); 3] = [
    (
        io::ErrorKind::AddrInUse,
        ": another program, perhaps another node, listens there; stop it, or choose another address, with \
         --listen HOST:PORT beside --data, else in Services.Keepstore.InternalURLs",
    ),
    (
        io::ErrorKind::AddrNotAvailable,
        ": the address is not one of this machine; correct --listen, or Services.Keepstore.InternalURLs",
    ),
    (io::ErrorKind::PermissionDenied, ": ports below 1024 are for root alone; choose a higher one"),
];

fn advice(kind: io::ErrorKind) -> &'static str {
    ADVICE.iter().find(|(of, _)| *of == kind).map_or("", |(_, advice)| advice)
}

/// Finds out whether a node could listen at `address` now. Nothing listens there when this returns.
///
/// # Errors
/// [`StartError::CannotListen`]
///
/// # Blocking
/// Looks the host up.
pub fn try_address(address: &ServiceUrl) -> Result<(), StartError> {
    let bound = std::net::TcpListener::bind(to_bind(address));
    bound.map(drop).map_err(|source| {
        StartError::CannotListen(vec![NotBound { address: address.clone(), source }])
    })
}

/// An empty host means every address of the machine.
fn to_bind(address: &ServiceUrl) -> (&str, u16) {
    let host = if address.host().is_empty() { "::" } else { address.host() };
    (host, address.port())
}

/// Runs a node until SIGTERM or SIGINT.
///
/// # Errors
/// [`StartError`] if it cannot start. Once it serves, it only ends when it is told to.
pub async fn serve(loaded: Loaded) -> Result<(), StartError> {
    let Loaded { config, warnings, source } = loaded;
    logging::start(&config.logs, config.cluster_id.as_str(), Clock::system());
    for warning in &warnings {
        tracing::warn!(config = source.name, "{warning}");
    }
    raise_file_limit();
    let mut stop = std::pin::pin!(stop_signal()?);
    let config_text = ConfigText { sha256: source.sha256, modified: source.modified };
    let prepared = tokio::select! {
        () = &mut stop => {
            tracing::info!("stopped before it served");
            return Ok(());
        }
        prepared = prepare(config, config_text) => prepared?,
    };
    let Prepared { node, candidate, listener, tls } = prepared;
    announce(&candidate, &listener);
    let reload = tls.clone().map(|tls| tokio::spawn(reload_tls(tls)));
    let stop = async {
        stop.await;
        notify(sd_notify::NotifyState::Stopping);
    };
    run_with_tls(node, listener, tls, stop).await;
    if let Some(reload) = reload {
        reload.abort();
    }
    Ok(())
}

/// As many files as the system allows: the soft limit is there for old programs that number files in a small table. A Go
/// program does this too.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit on open files");
    }
}

/// All that is needed to serve.
struct Prepared {
    node: Arc<Node>,
    candidate: Candidate,
    listener: TcpListener,
    tls: Option<Tls>,
}

/// May take minutes: the volumes are opened and swept, and the lists loaded. To be cut short at any point is as harmless
/// as a crash there.
async fn prepare(config: Config, config_text: ConfigText) -> Result<Prepared, StartError> {
    let (candidate, listener) = listen(config.candidates.clone()).await?;
    let volumes = config.volumes.served_by(&candidate.internal_url).map_err(StartError::Volumes)?;
    let (mounts, volumes, known) = open_all(volumes, &config, &candidate).await?;
    let Chosen { dir: state_dir, doubt } = choose_state_dir(&config, &candidate, &volumes)?;
    state_dir.as_deref().map_or(Ok(()), |dir| known.keep(dir)).map_err(|source| {
        StartError::System { doing: "write the node's list of volumes", source }
    })?;
    let tls = tls(&config, &candidate.listen)?;
    let node = Node::new(NodeParts {
        config,
        config_text,
        name: candidate.internal_url.to_string(),
        state_dir,
        doubt,
        mounts: Mounts::new(mounts),
        clock: Clock::system(),
    })?;
    prepare_mounts(&node).await;
    resume(&node).await;
    Ok(Prepared { node, candidate, listener, tls })
}

/// The first of the addresses, in random order, that can be bound is this node's.
async fn listen(mut candidates: Vec<Candidate>) -> Result<(Candidate, TcpListener), StartError> {
    shuffle(&mut candidates);
    let mut failures = Vec::new();
    for candidate in candidates {
        match TcpListener::bind(to_bind(&candidate.listen)).await {
            Ok(listener) => return Ok((candidate, listener)),
            Err(source) => failures.push(NotBound { address: candidate.listen, source }),
        }
    }
    Err(StartError::CannotListen(failures))
}

fn shuffle(candidates: &mut [Candidate]) {
    for last in (1..candidates.len()).rev() {
        let mut random = [0; 8];
        // Without randomness the order is that of the file, which is as good.
        if getrandom::fill(&mut random).is_ok() {
            let choice = u64::from_le_bytes(random) % (last as u64 + 1);
            candidates.swap(last, usize::try_from(choice).unwrap_or(last));
        }
    }
}

/// Opens the volumes. One that cannot be opened keeps its place, so that its blocks are never taken for absent.
///
/// Gives the roots of those that this node may write, too, and the volumes that it uses from now on.
async fn open_all(
    volumes: Vec<VolumeConfig>,
    config: &Config,
    own: &Candidate,
) -> Result<(Vec<Mount>, state_dir::Volumes, KnownVolumes), StartError> {
    let (configured, durability) = (config.lists.state_dir.as_deref(), config.durability);
    let places = state_dir::places(configured, &own.internal_url.to_string(), &roots(&volumes));
    let opening = tokio::task::spawn_blocking(move || {
        let mut known = KnownVolumes::read(&places);
        (volumes::open_all(volumes, durability, &mut known), known)
    });
    let (opened, known) = opening.await.expect("opening a volume does not panic");
    let mut works = false;
    let (mut mounts, mut found) = (Vec::new(), state_dir::Volumes::default());
    let mut first_failure = None;
    for (result, config) in opened {
        match result {
            Ok(mount) => {
                works = true;
                let Driver::Directory { root, .. } = &config.driver;
                let writable = mount.access.allows_write();
                let roots = if writable { &mut found.roots } else { &mut found.read_only };
                roots.push(root.clone());
                mounts.push(mount);
            }
            Err(failure) => {
                tracing::error!(mount = %config.uuid, error = sentence(&failure), "serving without this volume");
                found.missing += 1;
                mounts.push(unavailable(&config));
                first_failure.get_or_insert(failure);
            }
        }
    }
    match first_failure {
        Some(failure) if !works => Err(StartError::NoVolume(failure)),
        _some_work => Ok((mounts, found, known)),
    }
}

fn roots(volumes: &[VolumeConfig]) -> Vec<PathBuf> {
    let root = |volume: &VolumeConfig| {
        let Driver::Directory { root, .. } = &volume.driver;
        root.clone()
    };
    volumes.iter().map(root).collect()
}

fn choose_state_dir(
    config: &Config,
    own: &Candidate,
    volumes: &state_dir::Volumes,
) -> Result<Chosen, StartError> {
    let configured = config.lists.state_dir.as_deref();
    let chosen = state_dir::choose(configured, &own.internal_url.to_string(), volumes).map_err(
        |(path, source)| StartError::StateDir { path: path.display().to_string(), source },
    )?;
    if chosen.dir.is_none() {
        tracing::warn!(
            "lists, settings and the ledger are gone with this process: no volume is writable and Donjon.StateDir is not set"
        );
    }
    Ok(chosen)
}

/// Removes what a crash left behind, and finds out which volumes work.
async fn prepare_mounts(node: &Node) {
    for mount in node.mounts.iter() {
        if mount.access.allows_write() {
            sweep(mount, node.clock.now()).await;
        }
        // The mount remembers what is wrong, and says it.
        drop(mount.check(CHECK_TIMEOUT).await);
    }
}

fn tls(config: &Config, listen: &ServiceUrl) -> Result<Option<Tls>, StartError> {
    match (listen.scheme(), &config.tls) {
        (Scheme::Http, _) => Ok(None),
        (Scheme::Https, None) => Err(StartError::NoCertificate),
        (Scheme::Https, Some(files)) => Ok(Some(Tls::load(files.clone())?)),
    }
}

/// Reads the certificate again on SIGHUP and once an hour.
async fn reload_tls(tls: Tls) {
    let mut hour = interval(TLS_RELOAD_PERIOD);
    hour.set_missed_tick_behavior(MissedTickBehavior::Delay);
    hour.tick().await;
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    loop {
        tokio::select! {
            _tick = hour.tick() => {}
            _signal = hangup.recv() => {}
        }
        match tls.reload() {
            Ok(()) => tracing::info!("read the TLS certificate again"),
            Err(error) => tracing::error!(
                error = sentence(&error),
                "cannot read the TLS certificate; the old one stays"
            ),
        }
    }
}

fn announce(candidate: &Candidate, listener: &TcpListener) {
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(
        URL = %candidate.internal_url,
        Listen = address,
        Service = "keepstore",
        Version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    notify(sd_notify::NotifyState::Ready);
}

fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot notify systemd");
    }
}

/// Ends at the first SIGTERM or SIGINT. SIGHUP is taken, so that it does not end the process.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, StartError> {
    let open = |kind| {
        signal(kind).map_err(|source| StartError::System { doing: "listen for signals", source })
    };
    let mut terminate = open(SignalKind::terminate())?;
    let mut interrupt = open(SignalKind::interrupt())?;
    let mut hangup = open(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _signal = terminate.recv() => return,
                _signal = interrupt.recv() => return,
                _signal = hangup.recv() => {}
            }
        }
    })
}
