//! What every node was last sent: without it nobody can say which replicas are about to go
//! (`spec/keep-balance.md` section 2.5, D7).
//!
//! Invariant: the file says `Unknown` of a node before anything is sent to it, and what it has only after it said so.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use keep_rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable::{self, StateError};
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
    /// None: it was cleared.
    Cleared,
    /// That of a plan.
    Plan {
        /// The plan's id.
        plan: String,
        /// The plan's digest.
        digest: String,
        /// The node's number for the list; a plain keepstore gives none.
        list_id: Option<u64>,
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
}

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
}

impl Sent {
    /// What the state directory remembers. A file that is absent, damaged or of another format remembers nothing: the
    /// next run then clears the lists of all nodes.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load(dir: &Path) -> Result<Sent, StateError> {
        let path = dir.join(FILE);
        let Some(bytes) = durable::read(&path, LENGTH_MAX)? else { return Ok(Sent::default()) };
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(stored) if stored.format == FORMAT => {
                let Stored { epoch, servers, pulls, last_run, .. } = stored;
                Ok(Sent { servers, pulls, last_run, epoch })
            }
            Ok(_) | Err(_) => {
                tracing::warn!(path = %path.display(), "cannot be understood: the lists of all nodes will be cleared");
                Ok(Sent::default())
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
        };
        let text = serde_json::to_vec_pretty(&stored).expect("names and numbers are JSON");
        durable::replace(&dir.join(FILE), &text)
    }

    /// What a node has.
    pub fn of(&self, server: &str) -> Option<&SentToServer> {
        self.servers.get(server)
    }

    /// Something is about to be sent to this node.
    pub fn sending(&mut self, server: &str, at: Timestamp) {
        let before = self.servers.remove(server).map(|sent| sent.trash);
        let sent = SentToServer { trash: SentTrash::Unknown, at: at.as_nanos(), before };
        self.servers.insert(server.to_owned(), sent);
    }

    /// The node said that it has this list now.
    pub fn accepted(&mut self, server: &str, trash: SentTrash, at: Timestamp) {
        let before = self.servers.remove(server).and_then(|sent| match sent.trash {
            SentTrash::Unknown => sent.before,
            known @ (SentTrash::Cleared | SentTrash::Plan { .. }) => Some(known),
        });
        self.servers.insert(server.to_owned(), SentToServer { trash, at: at.as_nanos(), before });
    }

    /// The pull list that a node was last sent.
    pub fn pulls_of(&self, server: &str) -> Option<&SentPulls> {
        self.pulls.get(server)
    }

    /// The node took this pull list.
    pub fn accepted_pulls(&mut self, server: &str, pulls: SentPulls) {
        self.pulls.insert(server.to_owned(), pulls);
    }

    /// The node's list was cleared, and nothing of any older one is in hand any more.
    pub fn idle(&mut self, server: &str, at: Timestamp) {
        let sent = SentToServer { trash: SentTrash::Cleared, at: at.as_nanos(), before: None };
        self.servers.insert(server.to_owned(), sent);
    }

    /// Which entries may be carried out at any time by these nodes, as of `now`.
    pub fn doomed<'a>(&self, servers: impl IntoIterator<Item = &'a str>, now: Timestamp) -> Doomed {
        let mut plans: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for server in servers {
            let Some(sent) = self.servers.get(server) else {
                return Doomed::Unknown { why: format!("nothing is known of {server}") };
            };
            // A clock that went back makes the span short, never long.
            let recent = now.since(Timestamp::from_nanos(sent.at)) < IN_HAND;
            let before = sent.before.as_ref().filter(|_| recent);
            for trash in std::iter::once(&sent.trash).chain(before) {
                match trash {
                    SentTrash::Unknown => {
                        let why = format!("the last list of {server} may or may not have arrived");
                        return Doomed::Unknown { why };
                    }
                    SentTrash::Cleared => {}
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn plan(name: &str) -> SentTrash {
        SentTrash::Plan { plan: name.to_owned(), digest: format!("{name}-digest"), list_id: None }
    }

    fn plans(doomed: Doomed) -> Vec<(String, Vec<String>)> {
        match doomed {
            Doomed::Plans(plans) => {
                plans.into_iter().map(|doomed| (doomed.plan, doomed.servers)).collect()
            }
            Doomed::Unknown { why } => panic!("{why}"),
        }
    }

    #[test]
    fn what_is_not_remembered_is_unknown() {
        let sent = Sent::default();
        assert!(matches!(sent.doomed(["a"], NOW), Doomed::Unknown { .. }));
        assert_eq!(sent.doomed([], NOW), Doomed::Plans(Vec::new()));
    }

    #[test]
    fn a_list_on_its_way_is_unknown_until_the_node_has_said_so() {
        let mut sent = Sent::default();
        sent.sending("a", NOW);
        assert!(matches!(sent.doomed(["a"], NOW), Doomed::Unknown { .. }));
        sent.accepted("a", plan("one"), NOW);
        assert_eq!(plans(sent.doomed(["a"], NOW)), [("one".to_owned(), vec!["a".to_owned()])]);
    }

    #[test]
    fn the_list_before_may_be_in_hand_for_a_while() {
        let mut sent = Sent::default();
        sent.accepted("a", plan("one"), NOW);
        sent.sending("a", NOW);
        sent.accepted("a", plan("two"), NOW);
        let names = |now| {
            plans(sent.doomed(["a"], now)).into_iter().map(|(plan, _)| plan).collect::<Vec<_>>()
        };
        assert_eq!(names(NOW), ["one", "two"]);
        assert_eq!(names(NOW.after(IN_HAND)), ["two"]);
    }

    #[test]
    fn a_send_that_was_lost_stays_unknown_until_the_node_is_idle() {
        let mut sent = Sent::default();
        sent.accepted("a", plan("one"), NOW);
        sent.sending("a", NOW);
        sent.sending("a", NOW);
        sent.accepted("a", plan("two"), NOW);
        assert!(matches!(sent.doomed(["a"], NOW), Doomed::Unknown { .. }));
        sent.idle("a", NOW);
        assert_eq!(plans(sent.doomed(["a"], NOW)), []);
    }

    #[test]
    fn it_survives_a_restart_and_damage_is_forgetting() {
        let dir = tempfile::tempdir().unwrap();
        let mut sent = Sent::load(dir.path()).unwrap();
        sent.accepted("a", plan("one"), NOW);
        sent.accepted("b", SentTrash::Cleared, NOW);
        sent.epoch = 7;
        sent.last_run = Some(LastRun { collections: 1, wanted_blocks: 2, ..LastRun::default() });
        sent.accepted_pulls("a", SentPulls { plan: "one".to_owned(), list_id: Some(7) });
        sent.store(dir.path()).unwrap();
        assert_eq!(Sent::load(dir.path()).unwrap(), sent);
        let file = dir.path().join(FILE);
        let text = fs::read(&file).unwrap();
        // What an earlier version wrote is understood.
        let old: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let mut old = old.as_object().unwrap().clone();
        old.remove("pulls");
        old["last_run"].as_object_mut().unwrap().remove("sources");
        fs::write(&file, serde_json::to_vec(&old).unwrap()).unwrap();
        let old = Sent::load(dir.path()).unwrap();
        assert_eq!((old.epoch, &old.last_run), (7, &sent.last_run));
        fs::write(&file, &text[..text.len() / 2]).unwrap();
        assert_eq!(Sent::load(dir.path()).unwrap(), Sent::default());
    }
}
