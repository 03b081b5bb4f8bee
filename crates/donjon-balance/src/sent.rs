//! What every node was last sent: without it nobody can say which replicas are about to go
//! (`spec/keep-balance.md` section 2.5, D7).
//!
//! Invariant: the file says `Unknown` of a node before anything is sent to it, and what it has only after it said so.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use keep_rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable::{self, StateError};
use crate::keep::Plans;
use crate::last_run::LastRun;

/// The name of the file in the state directory.
const FILE: &str = "sent.json";
/// The format we write. Another one is not understood, so that lists are cleared.
const FORMAT: u32 = 1;
/// The longest file that is read: some thousand nodes.
const LENGTH_MAX: u64 = 16 << 20;
/// For so long after a list was replaced its items may still be worked on.
const IN_HAND: Duration = Duration::from_secs(600);

/// The trash list that a node has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "list")]
pub enum SentTrash {
    /// Nobody knows: a request was on its way when the balancer ended, or its answer got lost.
    Unknown,
    /// None: it was cleared, by an empty list.
    Cleared {
        /// The node's number for the empty list; a plain keepstore gives none, nor have files of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list_id: Option<u64>,
    },
    /// That of a plan.
    Plan {
        /// The plan's id.
        plan: String,
        /// The plan's digest.
        digest: String,
        /// The node's number for the list; a plain keepstore gives none.
        list_id: Option<u64>,
        /// The SHA-256 of the list, in hex, as the node said it. Numbers begin again when a node loses its state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list_digest: Option<String>,
    },
}

/// What one node has, and had just before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentToServer {
    /// Its trash list.
    pub trash: SentTrash,
    /// When it took it, in nanoseconds since 1970.
    pub at: i64,
    /// The list that this one replaced: the last of its items may have been in hand.
    pub before: Option<SentTrash>,
    /// The node's address. Files of earlier versions do not have it.
    #[serde(default)]
    pub url: String,
}

/// A node's UUID, and its address.
pub type Named<'n> = (&'n str, &'n str);

/// The pull list that a node was last sent. It is remembered only to ask what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentPulls {
    /// The id of its plan.
    pub plan: String,
    /// The node's number for the list; a plain keepstore gives none.
    pub list_id: Option<u64>,
}

/// Everything that was sent, by the UUIDs of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    servers: BTreeMap<String, SentToServer>,
    pulls: BTreeMap<String, SentPulls>,
    /// The last run whose lists were sent.
    pub last_run: Option<LastRun>,
    /// The epoch of the newest plan that was sent: an older one is not sent any more.
    pub epoch: u64,
    /// It was damaged once, and nobody has released a plan since: what there was is forgotten.
    pub damaged: bool,
}

/// What is known of the lists that nodes work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doomed {
    /// The trash entries of these plans, for these nodes, may be carried out at any time.
    Plans(Vec<DoomedPlan>),
    /// Nobody knows: clear every list, and wait until nothing is in hand.
    Unknown {
        /// Of which node, or why.
        why: String,
    },
}

/// What nodes may still carry out that are not asked any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// The lists that they have.
    pub plans: Vec<DoomedPlan>,
    /// The addresses of those whose lists nobody knows.
    pub unknown: Vec<String>,
}

/// The trash entries of one plan for some nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoomedPlan {
    /// The plan's id.
    pub plan: String,
    /// Its digest.
    pub digest: String,
    /// The UUIDs of the nodes that have its list.
    pub servers: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    epoch: u64,
    servers: BTreeMap<String, SentToServer>,
    #[serde(default)]
    pulls: BTreeMap<String, SentPulls>,
    last_run: Option<LastRun>,
    #[serde(default)]
    damaged: bool,
}

impl SentToServer {
    /// The node's address or, if that is not remembered, its UUID.
    fn shown<'s>(&'s self, uuid: &'s str) -> &'s str {
        if self.url.is_empty() { uuid } else { &self.url }
    }

    fn is_known(&self) -> bool {
        self.trash != SentTrash::Unknown && self.before != Some(SentTrash::Unknown)
    }
}

impl Sent {
    /// What the state directory remembers. A file that is absent, damaged or of another format remembers nothing: the
    /// next run then clears the lists of all nodes. That it was damaged, or is gone though there are plans, is remembered until
    /// a person has looked.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load(dir: &Path) -> Result<Sent, StateError> {
        let path = dir.join(FILE);
        let Some(bytes) = durable::read(&path, LENGTH_MAX)? else {
            // Before the first plan is written there, what was cleared for it is remembered.
            let damaged = Plans::are_in(dir);
            return Ok(Sent { damaged, ..Sent::default() });
        };
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(stored) if stored.format == FORMAT => {
                let Stored { epoch, servers, pulls, last_run, damaged, .. } = stored;
                Ok(Sent { servers, pulls, last_run, epoch, damaged })
            }
            Ok(_) | Err(_) => {
                tracing::warn!(path = %path.display(), "cannot be understood: the lists of all nodes will be cleared");
                Ok(Sent { damaged: true, ..Sent::default() })
            }
        }
    }

    /// Makes the state directory remember this, durably.
    ///
    /// # Errors
    /// Nothing is known then of what is on the disk: do not send.
    pub fn store(&self, dir: &Path) -> Result<(), StateError> {
        let stored = Stored {
            format: FORMAT,
            epoch: self.epoch,
            servers: self.servers.clone(),
            pulls: self.pulls.clone(),
            last_run: self.last_run.clone(),
            damaged: self.damaged,
        };
        let text = serde_json::to_vec_pretty(&stored).expect("names and numbers are JSON");
        durable::replace(&dir.join(FILE), &text)
    }

    /// What a node has.
    pub fn of(&self, server: &str) -> Option<&SentToServer> {
        self.servers.get(server)
    }

    /// Something is about to be sent to this node.
    pub fn sending(&mut self, server: Named<'_>, at: Timestamp) {
        let before = self.servers.remove(server.0).map(|sent| sent.trash);
        self.has(server, SentTrash::Unknown, at, before);
    }

    /// The node said that it has this list now.
    pub fn accepted(&mut self, server: Named<'_>, trash: SentTrash, at: Timestamp) {
        let before = self.servers.remove(server.0).and_then(|sent| match sent.trash {
            SentTrash::Unknown => sent.before,
            known @ (SentTrash::Cleared { .. } | SentTrash::Plan { .. }) => Some(known),
        });
        self.has(server, trash, at, before);
    }

    fn has(
        &mut self,
        (server, url): Named<'_>,
        trash: SentTrash,
        at: Timestamp,
        before: Option<SentTrash>,
    ) {
        let sent = SentToServer { trash, at: at.as_nanos(), before, url: url.to_owned() };
        self.servers.insert(server.to_owned(), sent);
    }

    /// The pull list that a node was last sent.
    pub fn pulls_of(&self, server: &str) -> Option<&SentPulls> {
        self.pulls.get(server)
    }

    /// The node took this pull list.
    pub fn accepted_pulls(&mut self, server: &str, pulls: SentPulls) {
        self.pulls.insert(server.to_owned(), pulls);
    }

    /// The node's list was cleared by an empty one, which it calls `list_id`, and nothing of any older one is in hand any more.
    pub fn idle(&mut self, server: Named<'_>, list_id: Option<u64>, at: Timestamp) {
        self.has(server, SentTrash::Cleared { list_id }, at, None);
    }

    /// What the nodes that are none of these `configured` UUIDs may still carry out, on devices that others see too. They are
    /// not asked what is in hand, so that the lists before their last count for ever.
    pub fn gone(&self, configured: &[&str]) -> Gone {
        let mut gone = Gone::default();
        for (server, sent) in &self.servers {
            if configured.contains(&server.as_str()) {
                continue;
            }
            let just_sent = Timestamp::from_nanos(sent.at);
            match self.doomed([(server.as_str(), sent.url.as_str())], just_sent) {
                Doomed::Plans(plans) => gone.plans.extend(plans),
                Doomed::Unknown { .. } => gone.unknown.push(sent.shown(server).to_owned()),
            }
        }
        gone
    }

    /// The list of this node cannot be known any more: its plan is lost.
    pub fn unknown(&mut self, server: &str) {
        if let Some(sent) = self.servers.get_mut(server) {
            sent.trash = SentTrash::Unknown;
        }
    }

    /// Somebody has looked, and means it: damage is forgotten, and so are the nodes that are none of these `configured` UUIDs
    /// and of whose lists nothing is known. The lists of the others stay in force.
    pub fn released_for(&mut self, configured: &[&str]) {
        self.damaged = false;
        self.servers
            .retain(|server, sent| configured.contains(&server.as_str()) || sent.is_known());
    }

    /// Forgets the node of this UUID or address: it was stopped for good. Whether there was one.
    pub fn forget(&mut self, node: &str) -> bool {
        let found = self.remembered().find(|(server, url)| *server == node || *url == node);
        let Some(server) = found.map(|(server, _)| server.to_owned()) else { return false };
        self.pulls.remove(&server);
        self.servers.remove(&server).is_some()
    }

    /// Every node that is remembered.
    pub fn remembered(&self) -> impl Iterator<Item = Named<'_>> {
        self.servers.iter().map(|(server, sent)| (server.as_str(), sent.shown(server)))
    }

    /// The ids of all plans whose lists some node may have.
    pub fn plans(&self) -> Vec<String> {
        let lists = self.servers.values().flat_map(|sent| sent.before.iter().chain([&sent.trash]));
        let plans = lists.filter_map(|trash| match trash {
            SentTrash::Plan { plan, .. } => Some(plan.clone()),
            SentTrash::Unknown | SentTrash::Cleared { .. } => None,
        });
        plans.collect()
    }

    /// Which entries may be carried out at any time by these nodes, as of `now`. Of each node its UUID, and its address.
    pub fn doomed<'a>(
        &self,
        servers: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: Timestamp,
    ) -> Doomed {
        let mut plans: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for (server, url) in servers {
            let Some(sent) = self.servers.get(server) else {
                return Doomed::Unknown { why: format!("nothing is known of {url}") };
            };
            // A clock that went back makes the span short, never long.
            let recent = now.since(Timestamp::from_nanos(sent.at)) < IN_HAND;
            let before = sent.before.as_ref().filter(|_| recent);
            for trash in std::iter::once(&sent.trash).chain(before) {
                match trash {
                    SentTrash::Unknown => {
                        let why = format!("the last list of {url} may or may not have arrived");
                        return Doomed::Unknown { why };
                    }
                    SentTrash::Cleared { .. } => {}
                    SentTrash::Plan { plan, digest, .. } => {
                        let names = plans.entry((plan.clone(), digest.clone())).or_default();
                        names.push(server.to_owned());
                    }
                }
            }
        }
        let plans = plans
            .into_iter()
            .map(|((plan, digest), servers)| DoomedPlan { plan, digest, servers })
            .collect();
        Doomed::Plans(plans)
    }
}
