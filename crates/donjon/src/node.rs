//! Which node a command talks to, and what it may show it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use donjon_node::config::{Config, PeerTrust};
use keep_protocol::client::{KeepClient, ServerCheck};
use keep_rules::{Locator, SigningKey, Timestamp, Token};
use url::Url;

use crate::failure::Failure;
use crate::manifests::load_config;

/// Where a node listens unless told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:25107/";

/// The longest first line of a token file.
const TOKEN_LINE_MAX: u64 = 4096;

/// Which node, and the token to show it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Node")]
pub(crate) struct NodeArgs {
    /// The node's address; http://127.0.0.1:25107 if nothing names another
    #[arg(long, value_name = "URL", env = "DONJON_URL", value_parser = url)]
    url: Option<Url>,

    /// The token to show. Other users can see it in the process list: prefer the variable or a file
    #[arg(long, value_name = "TOKEN", env = "DONJON_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// A file whose first line is the token. Goes before --token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// The data directory of a node on this machine: its address, token and signing key are taken from there
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,

    /// An Arvados config.yml: the address, token and signing key are taken from it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Accept any certificate of an https node
    #[arg(long)]
    insecure: bool,
}

/// The token for metrics and health, which are not the admin's.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ManagementArgs {
    /// The management token, for what a plain keepstore tells in its metrics
    #[arg(long, value_name = "TOKEN", env = "DONJON_MANAGEMENT_TOKEN", hide_env_values = true)]
    management_token: Option<String>,
}

/// A node to talk to.
pub(crate) struct Connection {
    pub(crate) client: KeepClient,
    pub(crate) signer: Option<Signer>,
    management: Option<Token>,
}

/// Makes the signatures that the node wants to see, if we know its key.
pub(crate) struct Signer {
    key: SigningKey,
    ttl: Duration,
    token: Token,
}

impl NodeArgs {
    /// Finds the node. Sends nothing yet.
    pub(crate) fn connect(self) -> Result<Connection, Failure> {
        let config = self.load_config()?;
        let token = self.token(config.as_ref())?;
        let url = self.address(config.as_ref())?;
        let accept_any = self.insecure
            || config.as_ref().is_some_and(|config| config.peer_trust == PeerTrust::AcceptAny);
        let check = if accept_any { ServerCheck::None } else { ServerCheck::Certificate };
        let client = KeepClient::with_check(url.clone(), token.clone(), check)
            .map_err(|error| Failure::Usage(format!("{url}: {error}")))?;
        let signer = config.as_ref().and_then(|config| Signer::new(config, token?));
        Ok(Connection {
            client,
            signer,
            management: config.and_then(|config| config.tokens.management),
        })
    }

    fn load_config(&self) -> Result<Option<Config>, Failure> {
        let loaded = load_config(self.config.as_deref(), self.data.as_deref())?;
        Ok(loaded.map(|loaded| loaded.config))
    }

    fn token(&self, config: Option<&Config>) -> Result<Option<Token>, Failure> {
        if let Some(file) = &self.token_file {
            return token_in(file).map(Some);
        }
        match &self.token {
            Some(text) => Token::new(text.trim()).map(Some).ok_or_else(|| {
                Failure::Usage("the token (--token or DONJON_TOKEN) is empty".to_owned())
            }),
            None => Ok(config.map(|config| config.tokens.system_root.clone())),
        }
    }

    fn address(&self, config: Option<&Config>) -> Result<Url, Failure> {
        match (&self.url, config) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(config)) => address_in(config),
            (None, None) => Ok(DEFAULT_URL.parse().expect("the default is a URL")),
        }
    }
}

/// An address on the command line. `HOST:PORT` is a URL too, of the scheme `HOST`, or none at all; neither message would help.
pub(crate) fn url(text: &str) -> Result<Url, String> {
    let with_scheme = format!("http://{text}");
    if !text.contains("://") && !text.starts_with('/') && Url::parse(&with_scheme).is_ok() {
        return Err(format!("it has no scheme; write {with_scheme}"));
    }
    Url::parse(text).map_err(|error| error.to_string())
}

fn address_in(config: &Config) -> Result<Url, Failure> {
    let [candidate] = config.candidates.as_slice() else {
        let urls: Vec<String> =
            config.candidates.iter().map(|candidate| candidate.internal_url.to_string()).collect();
        return Err(Failure::Usage(format!(
            "the configuration is that of several nodes; choose one with --url: {}",
            urls.join(", ")
        )));
    };
    let listen = &candidate.listen;
    let host = match listen.host() {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let text = format!("{}://{host}:{}{}", listen.scheme(), listen.port(), listen.path());
    text.parse().map_err(|error| {
        Failure::Usage(format!("the configuration's address {text} is no URL: {error}"))
    })
}

fn token_in(path: &Path) -> Result<Token, Failure> {
    Ok(Token::new(first_line(path)?).expect("the first line of a secret is not empty"))
}

/// The secret that a file holds: its first line, which is not empty.
pub(crate) fn first_line(path: &Path) -> Result<String, Failure> {
    let file =
        File::open(path).map_err(Failure::local(format!("cannot open {}", path.display())))?;
    let mut line = String::new();
    BufReader::new(file.take(TOKEN_LINE_MAX))
        .read_line(&mut line)
        .map_err(Failure::local(format!("cannot read {}", path.display())))?;
    match line.trim() {
        "" => Err(Failure::Usage(format!(
            "{}: its first line is empty; it should be the secret",
            path.display()
        ))),
        secret => Ok(secret.to_owned()),
    }
}

impl Connection {
    /// The client to ask for metrics, if there is a management token or none is needed.
    pub(crate) fn management_client(&self, args: &ManagementArgs) -> Result<KeepClient, Failure> {
        let given = args.management_token.as_deref().and_then(|text| Token::new(text.trim()));
        let token = given.or_else(|| self.management.clone());
        self.client
            .with_token(token)
            .map_err(|error| Failure::Usage(format!("--management-token: {error}")))
    }

    /// The locator with a signature, if it has none and we can make one.
    pub(crate) fn signed(&self, locator: Locator) -> Locator {
        match &self.signer {
            Some(signer) if !locator.is_signed() && !locator.is_remote() => {
                signer.sign(&locator, SystemTime::now().into())
            }
            Some(_) | None => locator,
        }
    }
}

impl Signer {
    fn new(config: &Config, token: Token) -> Option<Self> {
        Some(Signer { key: config.signing.key()?.clone(), ttl: config.signing.ttl, token })
    }

    fn sign(&self, locator: &Locator, now: Timestamp) -> Locator {
        let signed = self.key.sign(
            locator.as_str(),
            locator.hash(),
            &self.token,
            now.after(self.ttl),
            self.ttl,
        );
        signed.parse().expect("a locator with a signature is a locator")
    }
}

#[cfg(test)]
mod tests {
    use donjon_node::config::{self, Environment};

    use super::*;

    const CONFIG: &str = "
Clusters:
  zzzzz:
    SystemRootToken: systemroottoken0systemroottoken0systemroottoken0
    ManagementToken: managementtoken0managementtoken0managementtoken0
    Collections: {BlobSigningKey: blobsigningkey0blobsigningkey0blobsigningkey0}
    Services: {Keepstore: {InternalURLs: {URLS}}}
    Volumes:
      zzzzz-nyw5e-000000000000000: {Driver: Directory, DriverParameters: {Root: /nonexistent}}
";

    #[track_caller]
    fn address(urls: &str, expected: Result<&str, &str>) {
        let text = CONFIG.replace("URLS", urls);
        let loaded = config::parse("test.yml", &text, &Environment::default()).unwrap();
        match (address_in(&loaded.config), expected) {
            (Ok(url), expected) => assert_eq!(Ok(url.as_str()), expected),
            (Err(failure), Err(part)) => assert!(failure.to_string().contains(part), "{failure}"),
            (Err(failure), Ok(_)) => panic!("{failure}"),
        }
    }

    #[test]
    fn the_listen_address_is_where_to_knock() {
        address(r#""http://10.0.0.1:25107": {}"#, Ok("http://10.0.0.1:25107/"));
        address(
            r#""http://keep0:25107": {ListenURL: "http://0.0.0.0:9"}"#,
            Ok("http://127.0.0.1:9/"),
        );
        address(r#""http://keep0:25107": {ListenURL: "http://[::]:9"}"#, Ok("http://[::1]:9/"));
        address(r#""http://[::1]:9": {}"#, Ok("http://[::1]:9/"));
    }

    #[test]
    fn several_nodes_are_a_choice_to_make() {
        address(
            r#""http://10.0.0.1:9": {}, "http://10.0.0.2:9": {}"#,
            Err("choose one with --url"),
        );
    }
}
