//! One block, on as many nodes as wanted.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use keep_manifest::BlockRef;
use keep_protocol::client::{ClientError, PutBlock};
use keep_rules::{Locator, Timestamp};

use crate::failure::{self, NodeFailure};
use crate::node::Node;
use crate::nodes::Nodes;
use crate::placement::{Asking, Placement, Wish};

/// A block has fewer copies than wanted. It may have some.
#[derive(Debug, thiserror::Error)]
#[error(
    "block {block} has {copies} of {wanted} copies{}{}; {}. Nothing is published: {}, or ask for less with --replication or --classes",
    in_classes(missing_classes),
    self.beside_others(),
    why(failures, *nodes),
    self.way_out()
)]
pub struct TooFewCopies {
    /// The block.
    pub block: BlockRef,
    /// Copies that nodes have confirmed, in whatever class, on a device each.
    pub copies: u64,
    /// Copies that they have confirmed beside those, and that may be on the same devices: nodes share volumes.
    pub copies_beside_others: u64,
    /// Nodes that have confirmed one, and did not say which devices they write to.
    pub silent: Vec<String>,
    /// Copies that were wanted.
    pub wanted: u32,
    /// Storage classes that have fewer than that.
    pub missing_classes: Vec<String>,
    /// What the nodes said that did not store it.
    pub failures: Vec<NodeFailure>,
    /// How many nodes there are.
    pub nodes: usize,
}

impl TooFewCopies {
    fn beside_others(&self) -> String {
        match (self.copies_beside_others, self.silent.as_slice()) {
            (0, _) => String::new(),
            (copies, []) => format!(
                ", and {copies} more on devices that may have one already (`donjon mounts` shows them)"
            ),
            (copies, silent) => format!(
                ", and {copies} more on devices that may have one already, because it is not known which devices these nodes write to: {} (they did not answer GET /mounts)",
                silent.join(", ")
            ),
        }
    }

    /// What may help: only what can change by itself is worth another try.
    fn way_out(&self) -> &'static str {
        let shares = self.copies_beside_others > 0;
        match (self.failures.is_empty(), shares, self.silent.is_empty()) {
            (false, _, _) => "put again when the nodes can take it",
            (true, true, false) => "put again when these nodes say which devices they have",
            (true, true, true) => {
                "to put again does not help, because nodes share devices; add a node with a device of its own"
            }
            (true, false, _) => "to put again does not help; add a node",
        }
    }
}

fn why(failures: &[NodeFailure], nodes: usize) -> String {
    if failures.is_empty() {
        return format!("nodes that were asked: {nodes}, and there are no more");
    }
    failure::list(failures)
}

fn in_classes(missing: &[String]) -> String {
    if missing.is_empty() { String::new() } else { format!(" in {}", missing.join(", ")) }
}

/// Stores a block; gives the nodes that confirmed it, by their index, and the locator that one of them gave.
pub(crate) async fn store<N: Node>(
    nodes: &Nodes<N>,
    wish: &Wish,
    block: BlockRef,
    data: Bytes,
    now: Timestamp,
) -> Result<(Vec<usize>, Locator), TooFewCopies> {
    let servers = nodes.servers();
    let devices = servers.iter().map(|server| &server.devices).collect();
    let mut placement = Placement::new(wish, devices, nodes.order(block.hash()));
    let mut asked = FuturesUnordered::new();
    let mut locator = None;
    loop {
        while let Some(Asking { server, classes, not_on }) = placement.next() {
            let data = data.clone();
            asked.push(async move {
                let (hash, size) = (block.hash(), data.len() as u64);
                let put = PutBlock { hash, size, classes: &classes, not_on: &not_on };
                (server, servers[server].node.put(put, data).await)
            });
        }
        match asked.next().await {
            Some((server, Ok(stored))) if nodes.is_ours(&stored.locator, now) => {
                placement.stored(server, &stored);
                locator = Some(stored.locator);
            }
            Some((server, Ok(_))) => placement.failed(server, foreign()),
            Some((server, Err(error))) => placement.failed(server, error),
            None => match placement.again() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break,
            },
        }
    }
    let (missing, copies) = (placement.missing(), placement.copies());
    let copies_beside_others = placement.copies_beside_others();
    let missing_classes = placement.missing_classes();
    let silent = placement.silent_holders();
    let (holders, failures) = placement.into_ends();
    if let (0, Some(locator)) = (missing, locator) {
        return Ok((holders, locator));
    }
    let named =
        |(server, error): (usize, _)| NodeFailure { server: servers[server].name.clone(), error };
    Err(TooFewCopies {
        block,
        copies,
        copies_beside_others,
        silent: silent.into_iter().map(|server| servers[server].name.clone()).collect(),
        wanted: wish.replication.get(),
        missing_classes,
        failures: failures.into_iter().map(named).collect(),
        nodes: servers.len(),
    })
}

/// What is said of a node that signs with another key.
pub(crate) fn foreign() -> ClientError {
    let detail = "its locator is signed with another key, or not at all: this is no node of this cluster; see --url";
    ClientError::Malformed { what: "answer to a PUT", detail: detail.to_owned() }
}
