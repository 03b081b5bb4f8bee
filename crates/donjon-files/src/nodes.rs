//! All nodes of a store, and who comes first.

use keep_rules::BlockHash;
use keep_rules::rendezvous::{Client, sort_services};

/// A node with its names.
#[derive(Clone, Debug)]
pub struct Server<N> {
    /// What its place in the order of nodes is made from: the UUID that all clients and the balancer know it by.
    pub uuid: String,
    /// What people know it by: its address.
    pub name: String,
    /// How to reach it.
    pub node: N,
}

/// The nodes of a store.
#[derive(Clone, Debug)]
pub struct Nodes<N> {
    servers: Vec<Server<N>>,
}

impl<N> Nodes<N> {
    /// These nodes. Without any, nothing can be stored and nothing be found.
    pub fn new(servers: Vec<Server<N>>) -> Self {
        Nodes { servers }
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
