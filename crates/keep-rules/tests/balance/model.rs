//! The rules of spec section 3 once more, word for word and slowly, with D1 to D4, D7 and D8: what the decider must agree with.
//!
//! Shares nothing with it: ranks by the MD5 crate, lists instead of tables, no quick ways.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use keep_rules::balance::{Category, Policy, Sizes};
use md5::{Digest, Md5};

use crate::cluster::{Block, Cluster, MIN_MTIME, View};

/// A decision in plain words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// For each replica the server through which it is trashed, if it is.
    pub(crate) trash: Vec<Option<usize>>,
    /// Server and device, best rank first.
    pub(crate) pulls: Vec<(usize, usize)>,
    /// Servers, best rank first.
    pub(crate) sources: Vec<usize>,
    pub(crate) category: Category,
    /// Needed, unneeded, pulling: counted by device.
    pub(crate) counts: [u32; 3],
}

struct Slot {
    view: View,
    rank: usize,
    /// Place among all slots: by rank, then by mount.
    position: usize,
    replica: Option<usize>,
    want: bool,
}

struct Model<'m> {
    cluster: &'m Cluster,
    block: &'m Block,
    policy: Policy,
    slots: Vec<Slot>,
    protected: BTreeSet<i64>,
    short: bool,
}

fn weight(block: &Block, name: &str) -> [u8; 16] {
    Md5::new().chain_update(block.hash.to_hex()).chain_update(name).finalize().into()
}

pub(crate) fn decide(cluster: &Cluster, block: &Block, policy: Policy) -> Verdict {
    let mut model = Model {
        cluster,
        block,
        policy,
        slots: slots(cluster, block),
        protected: BTreeSet::new(),
        short: false,
    };
    let mut wish = block.wish.clone();
    wish.sort_unstable(); // classes in alphabetical order
    let all: u32 = cluster.devices.iter().map(|device| device.replication).sum();
    for (class, wanted) in wish {
        if wanted > 0 {
            model.plan(class, wanted.min(all + 1));
        }
    }
    model.act()
}

/// All mounts by rank and mount order.
fn slots(cluster: &Cluster, block: &Block) -> Vec<Slot> {
    let mut ranked: Vec<usize> = (0..cluster.servers.len()).collect();
    ranked.sort_by_cached_key(|server| {
        let uuid = &cluster.servers[*server].uuid;
        Reverse(weight(block, if uuid.len() == 27 { &uuid[12..] } else { uuid }))
    });
    let views = cluster.clean();
    let mut slots: Vec<Slot> = Vec::new();
    for (rank, server) in ranked.into_iter().enumerate() {
        let mut here: Vec<View> =
            views.iter().filter(|view| view.server == server).copied().collect();
        here.sort_by_cached_key(|view| weight(block, &cluster.devices[view.device].uuid));
        for view in here {
            let replica = block.copies.iter().position(|held| held.device == view.device);
            let want = replica.is_some() && !view.trash;
            slots.push(Slot { view, rank, position: slots.len(), replica, want });
        }
    }
    slots
}

impl Model<'_> {
    fn replication(&self, slot: usize) -> u32 {
        self.cluster.devices[self.slots[slot].view.device].replication
    }

    fn is_in(&self, slot: usize, class: &str) -> bool {
        self.cluster.devices[self.slots[slot].view.device].classes.contains(&class)
    }

    /// The mtime of a replica that counts (D7).
    fn sound(&self, slot: usize) -> Option<i64> {
        let held = self.block.copies[self.slots[slot].replica?];
        (!held.doomed).then_some(held.mtime)
    }

    fn plan(&mut self, class: &str, need: u32) {
        let mut order: Vec<usize> = (0..self.slots.len()).collect();
        order.sort_by_key(|at| {
            let slot = &self.slots[*at];
            (!self.is_in(*at, class), !slot.want, slot.rank, slot.replica.is_none(), slot.position)
        });
        let passes: Vec<(Vec<usize>, bool)> = match self.policy {
            Policy::ServerFirst => vec![(order.clone(), true), (order.clone(), false)],
            Policy::ClassFirst => {
                let (inside, outside): (Vec<usize>, Vec<usize>) =
                    order.iter().partition(|at| self.is_in(**at, class));
                vec![
                    (inside.clone(), true),
                    (inside, false),
                    (outside.clone(), true),
                    (outside, false),
                ]
            }
        };

        let mut planned: BTreeSet<usize> = BTreeSet::new(); // devices
        let mut servers: BTreeSet<usize> = BTreeSet::new();
        let mut counted: BTreeSet<usize> = BTreeSet::new(); // devices counted as safe (D2)
        let (mut planned_copies, mut safe_copies) = (0, 0);
        for (slots, one_per_server) in passes {
            for at in slots {
                if planned_copies >= need && safe_copies >= need {
                    break;
                }
                let view = self.slots[at].view;
                if (one_per_server && servers.contains(&view.server))
                    || planned.contains(&view.device)
                {
                    continue;
                }
                if let Some(mtime) = self.sound(at)
                    && safe_copies < need
                    && counted.insert(view.device)
                {
                    self.protected.insert(mtime);
                    safe_copies += self.replication(at);
                }
                if planned_copies < need && (self.slots[at].replica.is_some() || view.write) {
                    self.slots[at].want = true;
                    servers.insert(view.server);
                    planned.insert(view.device);
                    planned_copies += self.replication(at);
                }
            }
        }

        // Step 4 comes before D3, so that D3 knows all that stays anyway.
        for slot in &self.slots {
            if let Some(replica) = slot.replica.filter(|_| planned.contains(&slot.view.device)) {
                self.protected.insert(self.block.copies[replica].mtime);
            }
        }

        // D3
        loop {
            let secured = |at: &usize| {
                self.sound(*at).is_some_and(|mtime| {
                    planned.contains(&self.slots[*at].view.device)
                        || self.protected.contains(&mtime)
                })
            };
            let inside = || order.iter().filter(|at| self.is_in(**at, class));
            let devices: BTreeSet<usize> =
                inside().filter(|at| secured(at)).map(|at| self.slots[*at].view.device).collect();
            let copies: u32 =
                devices.iter().map(|device| self.cluster.devices[*device].replication).sum();
            let spare = inside().find(|at| self.sound(**at).is_some() && !secured(at));
            let Some(spare) = spare.filter(|_| copies < need) else { break };
            let mtime = self.sound(*spare).expect("looked for");
            self.protected.insert(mtime);
        }

        let have: BTreeSet<usize> = (0..self.slots.len())
            .filter(|at| self.is_in(*at, class) && self.sound(*at).is_some())
            .map(|at| self.slots[at].view.device)
            .collect();
        let have: u32 = have.iter().map(|device| self.cluster.devices[*device].replication).sum();
        self.short |= have < need;
    }

    fn act(mut self) -> Verdict {
        let copies = &self.block.copies;
        for slot in &mut self.slots {
            if let Some(replica) = slot.replica {
                slot.want |= self.short || self.protected.contains(&copies[replica].mtime);
            }
        }
        let mut trash = vec![None; copies.len()];
        let mut mtimes = BTreeSet::new();
        let mut pulls: Vec<(usize, usize)> = Vec::new();
        for slot in &self.slots {
            match slot.replica {
                Some(replica) => {
                    let old = copies[replica].mtime < MIN_MTIME;
                    let may_go = !slot.want && old && self.block.sizes == Sizes::Agree;
                    if may_go && mtimes.insert(copies[replica].mtime) {
                        trash[replica] = Some(slot.view.server);
                    }
                }
                None => {
                    // Ours: two views of one device are not both pulled to.
                    let twice = pulls.iter().any(|(_, device)| *device == slot.view.device);
                    if slot.want && slot.view.write && !copies.is_empty() && !twice {
                        pulls.push((slot.view.server, slot.view.device));
                    }
                }
            }
        }
        let sources = if pulls.is_empty() { vec![] } else { self.sources(&trash) };
        let counts = self.counts(&pulls);
        let category = self.category(counts);
        Verdict { trash, pulls, sources, category, counts }
    }

    /// D8; if every replica is doomed, those that stay.
    fn sources(&self, trash: &[Option<usize>]) -> Vec<usize> {
        let stays = |slot: &&Slot| slot.replica.is_some_and(|replica| trash[replica].is_none());
        let sound =
            |slot: &&Slot| slot.replica.is_some_and(|replica| !self.block.copies[replica].doomed);
        let mut servers: Vec<usize> =
            self.slots.iter().filter(stays).filter(sound).map(|slot| slot.view.server).collect();
        if servers.is_empty() {
            servers = self.slots.iter().filter(stays).map(|slot| slot.view.server).collect();
        }
        servers.dedup();
        servers
    }

    fn counts(&self, pulls: &[(usize, usize)]) -> [u32; 3] {
        let (mut needed, mut unneeded) = (0, 0);
        for replica in 0..self.block.copies.len() {
            let mut views = self.slots.iter().filter(|slot| slot.replica == Some(replica));
            // Ours: a device of which one view may be trashed is not needed because another view may not.
            if views.all(|slot| slot.want) { needed += 1 } else { unneeded += 1 }
        }
        [needed, unneeded, u32::try_from(pulls.len()).expect("few pulls")]
    }

    fn category(&self, [needed, unneeded, pulling]: [u32; 3]) -> Category {
        let wanted = self.block.wish.iter().any(|(_, copies)| *copies > 0);
        if wanted && self.block.copies.is_empty() {
            Category::Lost
        } else if pulling > 0 {
            Category::Underreplicated
        } else if unneeded > 0 && needed == 0 {
            let old = self.block.copies.iter().all(|held| held.mtime < MIN_MTIME);
            if old { Category::Garbage } else { Category::Transient }
        } else if unneeded > 0 {
            Category::Overreplicated
        } else {
            Category::Balanced
        }
    }
}
