//! Servers by rank and mounts by order for one block, worked out as far as somebody asks.
//!
//! Most decisions look at the best few servers, and need the order of mounts only where one of several must be chosen.

use std::cmp::Reverse;

use crate::block::BlockHash;

use super::index::{MountIndex, ServerIndex};
use super::layout::Layout;
use super::weight::Weight;

/// So many servers are found one by one; whoever asks for more gets all of them sorted.
const ONE_BY_ONE: usize = 4;

/// The orders for one block at a time.
#[derive(Clone, Debug)]
pub(super) struct Ranking {
    hash: BlockHash,
    /// For each server its weight. Empty until somebody asks.
    weights: Vec<Weight>,
    /// All servers. The first `ranked` of them are the best, in order.
    servers: Vec<ServerIndex>,
    ranked: usize,
    /// All mounts, server by server. In order where `is_ordered` says so.
    mounts: Vec<MountIndex>,
    is_ordered: Vec<bool>,
    /// For each mount of such a server its place in that order.
    positions: Vec<usize>,
    mount_weights: Vec<Weight>,
}

impl Ranking {
    pub(super) fn new(layout: &Layout) -> Self {
        Ranking {
            hash: BlockHash::EMPTY,
            weights: Vec::new(),
            servers: (0..layout.servers().len()).map(ServerIndex::new).collect(),
            ranked: 0,
            mounts: (0..layout.mounts().len()).map(MountIndex::new).collect(),
            is_ordered: vec![false; layout.servers().len()],
            positions: vec![0; layout.mounts().len()],
            mount_weights: Vec::new(),
        }
    }

    /// Forgets all orders, and is about another block from now on.
    pub(super) fn begin(&mut self, hash: BlockHash) {
        self.hash = hash;
        self.weights.clear();
        self.ranked = 0;
        self.is_ordered.fill(false);
    }

    /// For each server its weight: the best server has the largest.
    pub(super) fn weights(&mut self, layout: &Layout) -> &[Weight] {
        if self.weights.is_empty() {
            layout.server_weights().weigh(self.hash, &mut self.weights);
        }
        &self.weights
    }

    /// The server of this rank; 0 is best.
    pub(super) fn server(&mut self, layout: &Layout, rank: usize) -> Option<ServerIndex> {
        self.weights(layout);
        let Ranking { weights, servers, ranked, .. } = self;
        let weight = |server: &ServerIndex| weights[server.place()];
        while *ranked <= rank && *ranked < servers.len() {
            let rest = &mut servers[*ranked..];
            if *ranked < ONE_BY_ONE {
                let mut best = 0;
                for at in 1..rest.len() {
                    if is_better(&rest[at], &rest[best], weight) {
                        best = at;
                    }
                }
                rest.swap(0, best);
                *ranked += 1;
            } else {
                rest.sort_unstable_by_key(|server| (Reverse(weight(server)), *server));
                *ranked = servers.len();
            }
        }
        servers.get(rank).copied()
    }

    /// The mounts of a server in the order in which blocks are put there.
    pub(super) fn mounts(&mut self, layout: &Layout, server: ServerIndex) -> &[MountIndex] {
        let range = layout.server(server).mount_range();
        let Ranking { mounts, is_ordered, positions, mount_weights, .. } = self;
        let mounts = &mut mounts[range.clone()];
        if !is_ordered[server.place()] {
            layout.mount_weights(server).weigh(self.hash, mount_weights);
            if mounts.len() > 1 {
                mounts.sort_unstable_by_key(|mount| {
                    (mount_weights[mount.place() - range.start], *mount)
                });
            }
            for (position, mount) in mounts.iter().enumerate() {
                positions[mount.place()] = position;
            }
            is_ordered[server.place()] = true;
        }
        mounts
    }

    /// Puts mounts in order: best server first, and of one server in the order of its mounts.
    pub(super) fn sort(&mut self, layout: &Layout, mounts: &mut [MountIndex]) {
        if mounts.len() < 2 {
            return;
        }
        let server = |mount: &MountIndex| layout.mount(*mount).server();
        let weights = self.weights(layout);
        mounts.sort_unstable_by_key(|mount| (Reverse(weights[server(mount).place()]), *mount));
        for of_one_server in mounts.chunk_by_mut(|one, other| server(one) == server(other)) {
            if of_one_server.len() > 1 {
                self.mounts(layout, server(&of_one_server[0]));
                of_one_server.sort_unstable_by_key(|mount| self.positions[mount.place()]);
            }
        }
    }
}

/// Equal weights are left to the index, and so to the UUID.
fn is_better(
    one: &ServerIndex,
    other: &ServerIndex,
    weight: impl Fn(&ServerIndex) -> Weight,
) -> bool {
    weight(one) > weight(other) || (weight(one) == weight(other) && one < other)
}
