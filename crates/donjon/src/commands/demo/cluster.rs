//! A cluster of two nodes on loopback, with an Arvados configuration in a temporary directory.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use keep_protocol::client::KeepClient;
use keep_rules::{Locator, SigningKey, Timestamp, Token};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use super::process::Process;
use super::story::Story;
use crate::failure::Failure;

/// A free port may be taken by somebody else before the node has it.
const TRIES: u32 = 3;

/// The names of the two nodes in directories and in the story.
const NAMES: [&str; 2] = ["first", "second"];

/// Two nodes, and what it takes to talk to them.
pub(super) struct Cluster {
    pub(super) nodes: [Node; 2],
    secrets: Secrets,
    ttl: Duration,
    directory: TempDir,
}

/// One node.
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) url: Url,
    pub(super) mount_uuid: String,
    pub(super) client: KeepClient,
    process: Process,
}

/// Made anew for each demonstration.
struct Secrets {
    root: Token,
    management: Token,
    signing: String,
    key: SigningKey,
}

/// Where a node is, before it runs.
struct Place {
    name: &'static str,
    url: Url,
    mount_uuid: String,
    root: PathBuf,
}

impl Cluster {
    /// Starts both nodes and waits until they answer.
    pub(super) async fn start(ttl: Duration, story: &mut Story) -> Result<Self, Failure> {
        story.step("Two nodes start: this program, with a configuration as Arvados has it");
        let mut tries = 1;
        let cluster = loop {
            match Cluster::try_start(ttl).await {
                Ok(cluster) => break cluster,
                Err(failure) if tries == TRIES => return Err(failure),
                Err(_port_taken) => tries += 1,
            }
        };
        for node in &cluster.nodes {
            story.tell(format_args!(
                "{}: {}  process {}, mount {}",
                node.name,
                node.url,
                node.process.id(),
                node.mount_uuid
            ));
        }
        story.tell(format_args!("directory: {}", cluster.directory.path().display()));
        story.tell_prose(format_args!(
            "A replica may be trashed when it is {} s old here; in production that is two weeks.",
            ttl.as_secs()
        ));
        Ok(cluster)
    }

    async fn try_start(ttl: Duration) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("donjon-demo-").tempdir();
        let directory = directory.map_err(Failure::local("cannot make a temporary directory"))?;
        let secrets = Secrets::make()?;
        let places = [place(NAMES[0], directory.path())?, place(NAMES[1], directory.path())?];
        let config = write_config(directory.path(), &secrets, &places, ttl)?;
        let [first, second] = places;
        let nodes =
            [Node::start(first, &config, &secrets)?, Node::start(second, &config, &secrets)?];
        let mut cluster = Cluster { nodes, secrets, ttl, directory };
        for node in &mut cluster.nodes {
            let management = node.client.with_token(Some(cluster.secrets.management.clone()));
            node.process.ready(&management.map_err(Failure::node(node.name))?).await?;
        }
        Ok(cluster)
    }

    pub(super) fn first(&self) -> &Node {
        &self.nodes[0]
    }

    pub(super) fn second(&self) -> &Node {
        &self.nodes[1]
    }

    /// The locator, signed so that the nodes give out its block.
    pub(super) fn signed(&self, locator: &Locator) -> Locator {
        let expiry = Timestamp::from(SystemTime::now()).after(self.ttl);
        let Secrets { key, root, .. } = &self.secrets;
        let signed = key.sign(locator.as_str(), locator.hash(), root, expiry, self.ttl);
        signed.parse().expect("a locator with a signature is a locator")
    }

    /// The failure; if it is a node's, with what the nodes' logs say.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        if !matches!(failure, Failure::Node { .. } | Failure::Other(_)) {
            return failure;
        }
        let mut text = failure.to_string();
        for node in &self.nodes {
            text.push_str(&format!(
                "\nthe log of the {} node ends so:\n{}",
                node.name,
                node.process.log_end()
            ));
        }
        Failure::Other(text)
    }

    /// Stops both nodes as systemd would.
    pub(super) async fn stop(&mut self, story: &mut Story) -> Result<(), Failure> {
        story.step("Both nodes are told to stop (SIGTERM)");
        for node in &mut self.nodes {
            node.process.stop().await?;
            story.tell(format_args!("{}: stopped, exit status 0", node.name));
        }
        Ok(())
    }

    /// Removes the directory, or leaves it and says where it is.
    pub(super) fn leave(self, keep: bool) -> Option<PathBuf> {
        keep.then(|| self.directory.keep())
    }
}

impl Node {
    fn start(place: Place, config: &Path, secrets: &Secrets) -> Result<Self, Failure> {
        let Place { name, url, mount_uuid, root } = place;
        let process = Process::start(config, &url, root.with_extension("log"))?;
        let client = KeepClient::new(url.clone(), Some(secrets.root.clone()))
            .map_err(Failure::node(name))?;
        Ok(Node { name, url, mount_uuid, client, process })
    }
}

impl Secrets {
    fn make() -> Result<Self, Failure> {
        let (root, management, signing) = (random_text()?, random_text()?, random_text()?);
        Ok(Secrets {
            root: Token::new(root).expect("48 digits are not empty"),
            management: Token::new(management).expect("48 digits are not empty"),
            key: SigningKey::new(signing.as_bytes()).expect("48 digits are not empty"),
            signing,
        })
    }
}

/// 48 random hex digits.
fn random_text() -> Result<String, Failure> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::Other(format!("the system gives no random bytes for the tokens: {error}"))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn place(name: &'static str, directory: &Path) -> Result<Place, Failure> {
    let root = directory.join(name);
    fs::create_dir(&root).map_err(Failure::local(format!("cannot make {}", root.display())))?;
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let address = port.map_err(Failure::local("cannot find a free port on loopback"))?;
    let url = format!("http://{address}/").parse().expect("an address makes a URL");
    Ok(Place { name, url, mount_uuid: format!("demo0-nyw5e-{name:0>15}"), root })
}

/// One file for both nodes, as a cluster has it. JSON is YAML.
fn write_config(
    directory: &Path,
    secrets: &Secrets,
    places: &[Place; 2],
    ttl: Duration,
) -> Result<PathBuf, Failure> {
    let urls = places.iter().map(|place| (place.url.to_string(), json!({})));
    let volumes = places.iter().map(|place| {
        let volume = json!({
            "Driver": "Directory",
            "DriverParameters": { "Root": place.root },
            "AccessViaHosts": { place.url.as_str(): {} },
        });
        (place.mount_uuid.clone(), volume)
    });
    let config = json!({ "Clusters": { "demo0": {
        "SystemRootToken": secrets.root.as_str(),
        "ManagementToken": secrets.management.as_str(),
        "Collections": {
            "BlobSigningKey": secrets.signing,
            "BlobSigningTTL": format!("{}s", ttl.as_secs()),
        },
        "Services": { "Keepstore": { "InternalURLs": urls.collect::<serde_json::Map<_, _>>() } },
        "Volumes": volumes.collect::<serde_json::Map<_, _>>(),
    } } });
    let path = directory.join("config.yml");
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = written.and_then(|mut file| writeln!(file, "{config:#}"));
    written.map_err(Failure::local(format!("cannot write {}", path.display())))?;
    Ok(path)
}
