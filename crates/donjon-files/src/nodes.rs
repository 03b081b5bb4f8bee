//! Which node is asked for a block, and which ones keep it: in rendezvous order, the same for every client.

use bytes::Bytes;
use keep_manifest::BlockRef;
use keep_protocol::client::{ClientError, KeepClient, PutBlock};
use keep_rules::rendezvous::{Client, sort_services};
use keep_rules::{BlockHash, Locator, SigningKey, Timestamp, Token};
use std::time::Duration;

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its UUID: it decides where blocks belong.
    pub uuid: String,
    /// Speaks to it.
    pub client: KeepClient,
}

/// All nodes, and how locators are signed for them.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The signing key, if blocks can be read with a signature only.
    pub signing: Option<Signing>,
}

/// How locators are signed.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The key.
    pub key: SigningKey,
    /// The token that will be shown.
    pub token: Token,
    /// How long a signature is valid.
    pub ttl: Duration,
}

/// What a node said.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {error}")]
pub struct NodeFailure {
    /// Its address.
    pub url: String,
    /// What happened.
    #[source]
    pub error: ClientError,
}

/// A block has fewer copies than wanted.
#[derive(Debug, thiserror::Error)]
#[error("block {hash} has {copies} of {wanted} copies: {}", said(failures))]
pub struct TooFewCopies {
    /// The block.
    pub hash: BlockHash,
    /// How many there are.
    pub copies: u64,
    /// How many are wanted.
    pub wanted: u32,
    /// What the nodes said that have none.
    pub failures: Vec<NodeFailure>,
}

/// No node gave a block.
#[derive(Debug, thiserror::Error)]
#[error("no node has a good copy of block {hash}: {}", said(failures))]
pub struct Unread {
    /// The block.
    pub hash: BlockHash,
    /// What the nodes said.
    pub failures: Vec<NodeFailure>,
}

fn said(failures: &[NodeFailure]) -> String {
    if failures.is_empty() {
        return "there are no more nodes".to_owned();
    }
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Nodes {
    /// The nodes in the order in which they are asked for a block.
    fn in_order(&self, hash: BlockHash) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = self.nodes.iter().collect();
        sort_services(hash, &mut nodes, Client::Python, |node| node.uuid.as_str());
        nodes
    }

    /// Stores a block, on as many nodes as there are to be copies; nodes that fail are passed over.
    ///
    /// # Errors
    /// [`TooFewCopies`]: some copies may be there.
    pub async fn store(
        &self,
        hash: BlockHash,
        data: Bytes,
        wanted: u32,
        classes: &[String],
        now: Timestamp,
    ) -> Result<(), TooFewCopies> {
        let mut copies = 0;
        let mut failures = Vec::new();
        for node in self.in_order(hash) {
            if copies >= u64::from(wanted) {
                break;
            }
            let block = PutBlock { hash, size: data.len() as u64, classes };
            match node.client.put_block(block, data.clone()).await {
                Ok(stored) if self.signs_as_we_do(&stored.locator, now) => {
                    copies += confirmed(&stored.classes, classes, stored.replicas);
                }
                Ok(_) => failures.push(foreign(node)),
                Err(error) => {
                    failures.push(NodeFailure { url: node.client.base().to_string(), error });
                }
            }
        }
        if copies >= u64::from(wanted) {
            return Ok(());
        }
        Err(TooFewCopies { hash, copies, wanted, failures })
    }

    /// Whether the node that gave this locator has our key, if we know one. Any keepstore takes a block from anybody: one of
    /// another cluster would keep it for nobody.
    fn signs_as_we_do(&self, locator: &Locator, now: Timestamp) -> bool {
        self.signing.as_ref().is_none_or(|signing| {
            signing.key.verify(locator.as_str(), &signing.token, now, signing.ttl).is_ok()
        })
    }

    /// Reads a block, from the first node that has a good copy.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn fetch(&self, block: BlockRef, now: Timestamp) -> Result<Bytes, Unread> {
        let hash = block.hash();
        let locator = self.locator(block, now);
        let mut failures = Vec::new();
        for node in self.in_order(hash) {
            let read = async { node.client.get_block(&locator).await?.collect().await };
            match read.await {
                Ok(data) => return Ok(data.into()),
                Err(error) => {
                    failures.push(NodeFailure { url: node.client.base().to_string(), error });
                }
            }
        }
        Err(Unread { hash, failures })
    }

    /// The locator to show: with a signature, if we can make one.
    fn locator(&self, block: BlockRef, now: Timestamp) -> Locator {
        let plain: Locator = block.to_string().parse().expect("hash and size are a locator");
        match &self.signing {
            None => plain,
            Some(signing) => {
                let signed = signing.key.sign(
                    plain.as_str(),
                    plain.hash(),
                    &signing.token,
                    now.after(signing.ttl),
                    signing.ttl,
                );
                signed.parse().expect("a locator with a signature is a locator")
            }
        }
    }
}

/// What is said of a node that signs with another key.
fn foreign(node: &Node) -> NodeFailure {
    let detail = "its locator is signed with another key, or not at all: this is no node of this cluster; see --url";
    let error = ClientError::Malformed { what: "answer to a PUT", detail: detail.to_owned() };
    NodeFailure { url: node.client.base().to_string(), error }
}

/// How many copies count: those in every class that is wanted, if the node tells of classes.
fn confirmed(told: &[(String, u64)], wanted: &[String], replicas: u64) -> u64 {
    if wanted.is_empty() || told.is_empty() {
        return replicas;
    }
    let of =
        |class: &String| told.iter().find(|(name, _)| name == class).map_or(0, |(_, count)| *count);
    wanted.iter().map(of).min().unwrap_or(replicas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_count_in_the_classes_that_are_wanted() {
        let told = [("a".to_owned(), 2), ("b".to_owned(), 1)];
        let wanted = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        assert_eq!(confirmed(&told, &wanted(&[]), 3), 3);
        assert_eq!(confirmed(&told, &wanted(&["a"]), 3), 2);
        assert_eq!(confirmed(&told, &wanted(&["a", "b"]), 3), 1);
        assert_eq!(confirmed(&told, &wanted(&["c"]), 3), 0);
        assert_eq!(confirmed(&[], &wanted(&["c"]), 1), 1);
    }
}
