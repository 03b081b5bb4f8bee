//! All nodes of a store, and who comes first.

use std::time::Duration;

use keep_manifest::BlockRef;
use keep_rules::rendezvous::{Client, sort_services};
use keep_rules::{BlockHash, Locator, SigningKey, Timestamp, Token};

use crate::devices::Devices;

/// A node with its names.
#[derive(Clone, Debug)]
pub struct Server<N> {
    /// What its place in the order of nodes is made from: the UUID that all clients and the balancer know it by.
    pub uuid: String,
    /// What people know it by: its address.
    pub name: String,
    /// How to reach it.
    pub node: N,
    /// Where it writes, as far as it is known: what tells two copies from one. Only who stores more than one copy needs it.
    pub devices: Devices,
}

/// How locators are signed, if the key is known.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The key.
    pub key: SigningKey,
    /// The token that will be shown.
    pub token: Token,
    /// How long a signature is valid.
    pub ttl: Duration,
}

impl Signing {
    /// The locator of a block, with a signature that is valid from `now` on.
    pub fn sign(&self, block: BlockRef, now: Timestamp) -> Locator {
        let plain = block.to_string();
        let expiry = now.after(self.ttl);
        let signed = self.key.sign(&plain, block.hash(), &self.token, expiry, self.ttl);
        signed.parse().expect("a locator with a signature is a locator")
    }
}

/// The nodes of a store.
#[derive(Clone, Debug)]
pub struct Nodes<N> {
    servers: Vec<Server<N>>,
    signing: Option<Signing>,
}

impl<N> Nodes<N> {
    /// These nodes. Without any, nothing can be stored and nothing be found.
    pub fn new(servers: Vec<Server<N>>) -> Self {
        Nodes { servers, signing: None }
    }

    /// The same nodes, whose locators must be signed like this: a copy counts only if its node has the key.
    #[must_use]
    pub fn signed(self, signing: Option<Signing>) -> Self {
        Nodes { signing, ..self }
    }

    /// Whether the node that gave this locator has our key, if we know one. Any keepstore takes a block from anybody: one of
    /// another cluster would keep it for nobody.
    pub(crate) fn is_ours(&self, locator: &Locator, now: Timestamp) -> bool {
        self.signing.as_ref().is_none_or(|signing| {
            signing.key.verify(locator.as_str(), &signing.token, now, signing.ttl).is_ok()
        })
    }

    /// Every node.
    pub fn servers(&self) -> &[Server<N>] {
        &self.servers
    }

    /// The indices of the nodes, in the order in which they are asked for a block (spec/keep-balance.md section 3.1).
    pub(crate) fn order(&self, hash: BlockHash) -> Vec<usize> {
        let mut order: Vec<(&str, usize)> =
            std::iter::zip(self.servers.iter().map(|server| server.uuid.as_str()), 0..).collect();
        sort_services(hash, &mut order, Client::Go, |(uuid, _)| uuid);
        order.into_iter().map(|(_, index)| index).collect()
    }
}
