//! Two nodes with a volume each.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use donjon_crash::block::hash_of;
use donjon_crash::process::{MANAGEMENT_TOKEN, Node, ROOT_TOKEN, Settings, free_address};
use donjon_crash::wire::Client;

use crate::tree::Tree;

/// Clients at once that send a file each.
const SENDERS: usize = 8;

pub(crate) struct Nodes {
    nodes: Vec<Node>,
    settings: Vec<Settings>,
}

impl Nodes {
    pub(crate) fn start(place: &Path) -> io::Result<Self> {
        let mut nodes = Nodes { nodes: Vec::new(), settings: Vec::new() };
        for number in 0..2 {
            let at = |name: &str| place.join(format!("{name}-{number}"));
            std::fs::create_dir(at("volume"))?;
            let settings = Settings::new(free_address()?, vec![at("volume")]);
            std::fs::write(at("config"), settings.to_yaml())?;
            let binary = Path::new(env!("CARGO_BIN_EXE_donjon"));
            let mut node = Node::spawn(binary, &at("config"), settings.address, &at("log"))?;
            node.wait_until_ready().map_err(|failure| io::Error::other(failure.to_string()))?;
            nodes.nodes.push(node);
            nodes.settings.push(settings);
        }
        Ok(nodes)
    }

    /// What a command is told of them.
    pub(crate) fn arguments(&self, manifests: &str) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["--ttl", "1h", "--token", ROOT_TOKEN, "--manifests", manifests]
                .map(str::to_owned)
                .into();
        for settings in &self.settings {
            arguments.extend(["--url".to_owned(), format!("http://{}", settings.address)]);
        }
        arguments
    }

    /// GETs, PUTs and all else that they have answered.
    pub(crate) fn requests(&self) -> io::Result<u64> {
        let mut sum = 0;
        for settings in &self.settings {
            let mut client = Client::new(settings.address, MANAGEMENT_TOKEN);
            let answer = client.request("GET", "/metrics", b"")?;
            let text = answer.text();
            let blocks = text.lines().filter(|line| {
                line.starts_with("request_duration_seconds_count")
                    && (line.contains("\"put\"") || line.contains("\"get\""))
            });
            let counts = blocks.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
            sum += counts.sum::<u64>();
        }
        Ok(sum)
    }

    /// Sends so many files, each to both nodes, several at once.
    pub(crate) fn put_each(&self, tree: &Tree, count: u64) -> io::Result<Duration> {
        let count = usize::try_from(count).expect("a small number");
        let files = &tree.files[..count];
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for share in files.chunks(count.div_ceil(SENDERS)) {
                let mut clients: Vec<Client> = self.nodes.iter().map(Node::client).collect();
                threads.push(scope.spawn(move || -> io::Result<()> {
                    for file in share {
                        let data = std::fs::read(file)?;
                        let path = format!("/{}", hash_of(&data));
                        for client in &mut clients {
                            let answer = client.request("PUT", &path, &data)?;
                            if answer.status != 200 {
                                return Err(io::Error::other(answer.text()));
                            }
                        }
                    }
                    Ok(())
                }));
            }
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("a client does not panic"))
        })?;
        Ok(begun.elapsed())
    }
}
