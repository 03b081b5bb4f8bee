//! A cluster of three nodes on loopback, with an Arvados configuration in a temporary directory.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keep_protocol::client::{IndexScope, KeepClient};
use keep_rules::{BlockHash, HashPrefix, Token};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use super::process::Process;
use super::story::Story;
use crate::failure::Failure;

/// A free port may be taken by somebody else before the node has it.
const TRIES: u32 = 3;

/// The names of the nodes in directories and in the story.
const NAMES: [&str; 3] = ["first", "second", "third"];
/// The node whose disk dies, among the cluster's.
pub(super) const THIRD: usize = 2;

/// The configuration's name in the demonstration's directory.
pub(super) const CONFIG: &str = "config.yml";
const MANIFESTS: &str = "manifests";

/// Three nodes, and what it takes to talk to them.
pub(super) struct Cluster {
    pub(super) nodes: Vec<Node>,
    secrets: Secrets,
    ttl: Duration,
    directory: TempDir,
}

/// One node.
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) url: Url,
    pub(super) client: KeepClient,
    disk: Disk,
    process: Process,
}

/// Where a node keeps its blocks.
#[derive(Clone)]
struct Disk {
    mount_uuid: String,
    root: PathBuf,
}

/// Made anew for each demonstration.
struct Secrets {
    root: Token,
    management: Token,
    signing: String,
}

/// Where a node is, whether it runs or not.
struct Place {
    name: &'static str,
    url: Url,
    disk: Disk,
}

impl Cluster {
    /// Starts the nodes and waits until they answer.
    pub(super) async fn start(ttl: Duration, story: &mut Story) -> Result<Self, Failure> {
        story.step("Three nodes start: this program, with a configuration as Arvados has it");
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
                node.disk.mount_uuid
            ));
        }
        story.tell(format_args!("directory: {}", cluster.directory.path().display()));
        story.tell_prose(format_args!(
            "Signatures are valid for {} s here; in production for two weeks. No replica that is younger is ever trashed.",
            ttl.as_secs()
        ));
        Ok(cluster)
    }

    async fn try_start(ttl: Duration) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("donjon-demo-").tempdir();
        let directory = directory.map_err(Failure::local("cannot make a temporary directory"))?;
        let secrets = Secrets::make()?;
        let places: Result<Vec<Place>, Failure> =
            NAMES.iter().map(|name| Place::new(name, directory.path())).collect();
        let places = places?;
        let manifests = directory.path().join(MANIFESTS);
        fs::create_dir(&manifests)
            .map_err(Failure::local(format!("cannot make {}", manifests.display())))?;
        let config = write_config(directory.path(), &secrets, &places, ttl)?;
        let nodes: Result<Vec<Node>, Failure> =
            places.into_iter().map(|place| Node::start(place, &config, &secrets)).collect();
        let mut cluster = Cluster { nodes: nodes?, secrets, ttl, directory };
        for number in 0..cluster.nodes.len() {
            cluster.ready(number).await?;
        }
        Ok(cluster)
    }

    async fn ready(&mut self, number: usize) -> Result<(), Failure> {
        let node = &mut self.nodes[number];
        let management = node.client.with_token(Some(self.secrets.management.clone()));
        node.process.ready(&management.map_err(Failure::node(node.name))?).await
    }

    /// Kills a node and deletes all that it had.
    pub(super) async fn lose_disk(&mut self, number: usize) -> Result<(), Failure> {
        let node = &mut self.nodes[number];
        node.process.kill().await?;
        let root = &node.disk.root;
        fs::remove_dir_all(root)
            .map_err(Failure::local(format!("cannot delete {}", root.display())))
    }

    /// Starts a node again, with a new disk.
    pub(super) async fn start_with_new_disk(&mut self, number: usize) -> Result<(), Failure> {
        let name = self.nodes[number].name;
        self.nodes[number].disk = Disk::new(&format!("{name}-new"), self.directory.path())?;
        let places: Vec<Place> = self.nodes.iter().map(Node::place).collect();
        let config = write_config(self.directory.path(), &self.secrets, &places, self.ttl)?;
        self.nodes[number] = Node::start(self.nodes[number].place(), &config, &self.secrets)?;
        self.ready(number).await
    }

    /// The demonstration's directory: volumes, manifests, configuration, and what commands leave.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of manifests.
    pub(super) fn manifests(&self) -> PathBuf {
        self.directory.path().join(MANIFESTS)
    }

    /// The address of the node of this name.
    pub(super) fn url_of(&self, name: &str) -> &str {
        let node = self.nodes.iter().find(|node| node.name == name);
        node.expect("the name came from a node").url.as_str()
    }

    /// The blocks that a node has.
    pub(super) async fn index(&self, number: usize) -> Result<BTreeSet<BlockHash>, Failure> {
        let node = &self.nodes[number];
        let failed = || Failure::node(format!("the index of the {} node", node.name));
        let mut blocks = BTreeSet::new();
        let index = node.client.index(IndexScope::Node, HashPrefix::ALL).await;
        let mut index = index.map_err(failed())?;
        while let Some(line) = index.next().await {
            blocks.insert(line.map_err(failed())?.hash);
        }
        Ok(blocks)
    }

    /// The blocks that each node has.
    pub(super) async fn indexes(&self) -> Result<Vec<BTreeSet<BlockHash>>, Failure> {
        let mut indexes = Vec::new();
        for number in 0..self.nodes.len() {
            indexes.push(self.index(number).await?);
        }
        Ok(indexes)
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

    /// Stops the nodes as systemd would.
    pub(super) async fn stop(&mut self, story: &mut Story) -> Result<(), Failure> {
        story.step("The nodes are told to stop (SIGTERM)");
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
        let Place { name, url, disk } = place;
        let process = Process::start(config, &url, disk.root.with_extension("log"))?;
        let client = KeepClient::new(url.clone(), Some(secrets.root.clone()))
            .map_err(Failure::node(name))?;
        Ok(Node { name, url, client, disk, process })
    }

    fn place(&self) -> Place {
        Place { name: self.name, url: self.url.clone(), disk: self.disk.clone() }
    }
}

impl Secrets {
    fn make() -> Result<Self, Failure> {
        let (root, management, signing) = (random_text()?, random_text()?, random_text()?);
        Ok(Secrets {
            root: Token::new(root).expect("48 digits are not empty"),
            management: Token::new(management).expect("48 digits are not empty"),
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

impl Place {
    fn new(name: &'static str, directory: &Path) -> Result<Self, Failure> {
        let disk = Disk::new(name, directory)?;
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let address = port.map_err(Failure::local("cannot find a free port on loopback"))?;
        let url = format!("http://{address}/").parse().expect("an address makes a URL");
        Ok(Place { name, url, disk })
    }
}

impl Disk {
    /// An empty directory.
    fn new(name: &str, directory: &Path) -> Result<Self, Failure> {
        let root = directory.join(name);
        fs::create_dir(&root).map_err(Failure::local(format!("cannot make {}", root.display())))?;
        let name = name.replace('-', "");
        Ok(Disk { mount_uuid: format!("demo0-nyw5e-{name:0>15}"), root })
    }
}

/// One file for all nodes, as a cluster has it. JSON is YAML.
fn write_config(
    directory: &Path,
    secrets: &Secrets,
    places: &[Place],
    ttl: Duration,
) -> Result<PathBuf, Failure> {
    let urls = places.iter().map(|place| (place.url.to_string(), json!({})));
    let volumes = places.iter().map(|place| {
        let volume = json!({
            "Driver": "Directory",
            "DriverParameters": { "Root": place.disk.root },
            "AccessViaHosts": { place.url.as_str(): {} },
        });
        (place.disk.mount_uuid.clone(), volume)
    });
    let config = json!({ "Clusters": { "demo0": {
        "SystemRootToken": secrets.root.as_str(),
        "ManagementToken": secrets.management.as_str(),
        "Collections": {
            "BlobSigningKey": secrets.signing,
            "BlobSigningTTL": format!("{}s", ttl.as_secs()),
            "BlobTrashLifetime": "1h",
            "DefaultReplication": 2,
        },
        "Donjon": { "Balance": {
            "Manifests": directory.join(MANIFESTS),
            "StateDir": directory.join("balance"),
        } },
        "Services": { "Keepstore": { "InternalURLs": urls.collect::<serde_json::Map<_, _>>() } },
        "Volumes": volumes.collect::<serde_json::Map<_, _>>(),
    } } });
    let path = directory.join(CONFIG);
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let written = written.and_then(|mut file| writeln!(file, "{config:#}"));
    written.map_err(Failure::local(format!("cannot write {}", path.display())))?;
    Ok(path)
}
