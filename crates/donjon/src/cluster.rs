//! Which nodes a command talks to when it talks to all of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use donjon_files::Signing;
use donjon_node::config::{
    BalanceSettings, Config, Loaded, LogFormat, LogLevel, LogSettings, PeerTrust, Source,
};
use keep_protocol::client::{KeepClient, ServerCheck};
use keep_rules::rendezvous::{UuidMaker, service_uuid};
use keep_rules::{ClusterId, Token};
use url::Url;

use crate::failure::Failure;
use crate::manifests::load_config;
use crate::node::{first_line, url};
use crate::ttl::{self, TtlArg};

/// Which nodes, and the token to show them.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Nodes")]
pub(crate) struct ClusterArgs {
    /// An Arvados config.yml: all nodes of Services.Keepstore.InternalURLs, the token, the signing key and the TTL
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The data directory of a node on this machine: the cluster is that node
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,

    /// A node's address; repeat it for each. Goes before the addresses of --config and --data
    #[arg(long = "url", value_name = "URL", env = "DONJON_URLS", value_delimiter = ',', value_parser = url)]
    urls: Vec<Url>,

    /// The token to show. Other users can see it in the process list: prefer the variable or a file
    #[arg(long, value_name = "TOKEN", env = "DONJON_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// A file whose first line is the token. Goes before --token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Accept any certificate of https nodes
    #[arg(long)]
    insecure: bool,

    #[command(flatten)]
    ttl: TtlArg,
}

/// The nodes of a cluster, and what is known of it.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<ClusterServer>,
    pub(crate) management: Option<Token>,
    /// To sign locators with, if it is known.
    pub(crate) signing: Option<Signing>,
    /// How long signatures are valid, if somebody has said so.
    ttl: Option<Duration>,
    pub(crate) default_replication: u32,
    /// What the file says for a balancer, if there is a file.
    pub(crate) balance: Option<BalanceSettings>,
    /// The data directory, if that is what was named.
    pub(crate) data: Option<PathBuf>,
    pub(crate) logs: LogSettings,
    /// What the configuration was read from, if there is one.
    pub(crate) source: Option<Source>,
    /// Its id; `zzzzz` if nobody named it.
    pub(crate) id: String,
}

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct ClusterServer {
    pub(crate) uuid: String,
    pub(crate) url: Url,
    pub(crate) client: KeepClient,
}

impl Cluster {
    /// How long signatures are valid. Whoever decides by it what may be trashed must know it.
    pub(crate) fn ttl(&self) -> Result<Duration, Failure> {
        ttl::known(self.ttl)
    }
}

impl ClusterArgs {
    /// Those of a command that has a configuration and no options for nodes.
    pub(crate) fn of(config: Option<PathBuf>, data: Option<PathBuf>, ttl: TtlArg) -> Self {
        let (urls, token, token_file) = (Vec::new(), None, None);
        ClusterArgs { config, data, urls, token, token_file, insecure: false, ttl }
    }

    /// Finds the nodes. Sends nothing yet.
    pub(crate) fn cluster(self) -> Result<Cluster, Failure> {
        let loaded = load_config(self.config.as_deref(), self.data.as_deref())?;
        self.cluster_of(loaded)
    }

    /// The same, by a configuration that was loaded already.
    pub(crate) fn cluster_of(self, loaded: Option<Loaded>) -> Result<Cluster, Failure> {
        let (config, source) = match loaded {
            Some(loaded) => (Some(loaded.config), Some(loaded.source)),
            None => (None, None),
        };
        let token = self.token(config.as_ref())?;
        let accept_any = self.insecure
            || config.as_ref().is_some_and(|config| config.peer_trust == PeerTrust::AcceptAny);
        let check = if accept_any { ServerCheck::None } else { ServerCheck::Certificate };
        let named = self.named(config.as_ref())?;
        let mut servers: Vec<ClusterServer> = Vec::new();
        for (uuid, url) in named {
            let client = match servers.first() {
                Some(first) => first.client.at(url.clone()),
                None => KeepClient::with_check(url.clone(), token.clone(), check),
            };
            let client = client.map_err(|error| Failure::Usage(format!("{url}: {error}")))?;
            servers.push(ClusterServer { uuid, url, client });
        }
        if servers.is_empty() {
            return Err(Failure::Usage(
                "which nodes? Give --config FILE, --data DIR, or --url for each".to_owned(),
            ));
        }
        let default_replication =
            default_replication(config.as_ref(), self.data.as_deref(), servers.len());
        Ok(Cluster {
            servers,
            signing: config.as_ref().and_then(|config| {
                let key = config.signing.key()?.clone();
                Some(Signing { key, token: token?, ttl: config.signing.ttl })
            }),
            management: config.as_ref().and_then(|config| config.tokens.management.clone()),
            ttl: self.ttl.or(config.as_ref().map(|config| config.signing.ttl))?,
            default_replication,
            logs: config
                .as_ref()
                .map_or(LogSettings { level: LogLevel::Info, format: LogFormat::Json }, |config| {
                    config.logs.clone()
                }),
            id: cluster_id(config.as_ref()).to_string(),
            balance: config.map(|config| config.balance),
            data: self.data,
            source,
        })
    }

    /// How long signatures are valid by now, if a file says it that can be read again: not standard input, and no pipe.
    pub(crate) fn ttl_again(&self) -> Result<Option<Duration>, Failure> {
        if self.config.as_deref().is_some_and(is_read_once) {
            return Ok(None);
        }
        let loaded = load_config(self.config.as_deref(), self.data.as_deref())?;
        self.ttl.or(loaded.map(|loaded| loaded.config.signing.ttl))
    }

    fn token(&self, config: Option<&Config>) -> Result<Option<Token>, Failure> {
        if let Some(file) = &self.token_file {
            return Ok(Token::new(first_line(file)?));
        }
        match &self.token {
            Some(text) => Token::new(text.trim()).map(Some).ok_or_else(|| {
                Failure::Usage("the token (--token or DONJON_TOKEN) is empty".to_owned())
            }),
            None => Ok(config.map(|config| config.tokens.system_root.clone())),
        }
    }

    /// The UUIDs and addresses of the nodes. The UUID is what clients make of the address (spec section 10).
    fn named(&self, config: Option<&Config>) -> Result<Vec<(String, Url)>, Failure> {
        let id = cluster_id(config);
        let uuid =
            |url: &str, rendezvous: &str| service_uuid(id, url, rendezvous, UuidMaker::GoConfig);
        if !self.urls.is_empty() {
            let named = self.urls.iter().map(|url| (uuid(url.as_str(), ""), url.clone()));
            return Ok(named.collect());
        }
        let keepstores = config.map(|config| config.keepstores.as_slice()).unwrap_or_default();
        keepstores
            .iter()
            .map(|keepstore| {
                let text = keepstore.url.to_string();
                let url = text.parse().map_err(|error| {
                    Failure::Usage(format!("the configuration's address {text} is no URL: {error}"))
                })?;
                Ok((uuid(&text, &keepstore.rendezvous), url))
            })
            .collect()
    }
}

/// A node of one's own cannot hold two copies: unless a cluster's file says so, no more are wanted than there are nodes.
fn default_replication(config: Option<&Config>, data: Option<&Path>, nodes: usize) -> u32 {
    let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
    match (config, data) {
        (Some(config), None) => config.balance.default_replication,
        (Some(config), Some(_)) => config.balance.default_replication.min(nodes),
        (None, _) => nodes.min(2),
    }
}

fn is_read_once(file: &Path) -> bool {
    file.as_os_str() == "-" || file.metadata().is_ok_and(|found| !found.is_file())
}

fn cluster_id(config: Option<&Config>) -> ClusterId {
    match config {
        Some(config) => config.cluster_id,
        None => "zzzzz".parse().expect("five letters"),
    }
}
