//! "What if": cases in a file, decided by the same code as a run. The format is that of `spec/balance-cases.json`.

use std::collections::BTreeMap;
use std::io::Read;

use keep_rules::balance::{
    Action, BlockFacts, Decider, Layout, LayoutError, MountFacts, Place, Policy, Replica,
    ServerAccess, ServerFacts, Sizes, Standing, WishBook, WishError,
};
use keep_rules::{BlockHash, ClassSet, Replication, StorageClass, Timestamp};
use serde::{Deserialize, Serialize};

use crate::layout::allows;

/// The longest file that is read.
const LENGTH_MAX: u64 = 256 << 20;

/// A file of cases. Keys that are not listed here are passed over.
#[derive(Debug, Deserialize)]
pub struct CaseFile {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    block: String,
    min_mtime: i64,
    servers: Vec<CaseServer>,
    mounts: Vec<CaseMount>,
    #[serde(default)]
    replicas: Vec<CaseReplica>,
    #[serde(default)]
    desired: BTreeMap<String, i64>,
}

#[derive(Debug, Deserialize)]
struct CaseServer {
    uuid: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    read_only: bool,
}

#[derive(Debug, Deserialize)]
struct CaseMount {
    uuid: String,
    server: String,
    #[serde(default)]
    device_id: String,
    allow_write: bool,
    allow_trash: bool,
    #[serde(default = "one")]
    replication: i64,
    classes: Vec<String>,
}

fn one() -> i64 {
    1
}

#[derive(Debug, Deserialize)]
struct CaseReplica {
    server: String,
    mount: String,
    mtime: i64,
    /// On the trash list that the server has now (D7).
    #[serde(default)]
    doomed: bool,
}

/// What is decided on a case.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CaseDecision {
    /// The case.
    pub id: String,
    /// Its block.
    pub block: String,
    /// How the block stands.
    pub category: &'static str,
    /// Replicas that stay.
    pub keep: Vec<Kept>,
    /// Replicas that go.
    pub trash: Vec<Trashed>,
    /// Copies to be made.
    pub pull: Vec<Pulled>,
    /// Whether copies are wanted and there is none.
    pub lost: bool,
}

/// A replica that stays.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The UUID of its server.
    pub server: String,
    /// The UUID of its mount.
    pub mount: String,
    /// Why, as a label.
    pub reason: &'static str,
    /// Why, as a sentence.
    pub why: &'static str,
}

/// A replica that goes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Trashed {
    /// The UUID of its server.
    pub server: String,
    /// The UUID of its mount.
    pub mount: String,
    /// Its mtime, in nanoseconds since 1970.
    pub mtime: i64,
    /// Why, as a label.
    pub reason: &'static str,
    /// Why, as a sentence.
    pub why: &'static str,
}

/// A copy to be made.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// The UUID of the server that pulls.
    pub server: String,
    /// The UUID of the mount it pulls to.
    pub mount: String,
    /// The UUIDs of the servers that have the block, best first.
    pub from_server_any_of: Vec<String>,
    /// Why, as a label.
    pub reason: &'static str,
    /// Why, as a sentence.
    pub why: &'static str,
}

/// Why a file of cases cannot be decided.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// It cannot be read.
    #[error("the cases cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It is too long.
    #[error("the cases are longer than {} MiB; cut the file", LENGTH_MAX >> 20)]
    TooLong,
    /// It is no file of cases.
    #[error("this is no file of cases: {0}")]
    Format(#[from] serde_json::Error),
    /// A case names something that is not there, or a number that cannot be.
    #[error("case {id}: {problem}")]
    Case {
        /// The case.
        id: String,
        /// What is wrong.
        problem: String,
    },
    /// Its servers and mounts cannot be.
    #[error("case {id}: {error}")]
    Layout {
        /// The case.
        id: String,
        /// Why.
        #[source]
        error: Box<LayoutError>,
    },
    /// What it wants cannot be noted.
    #[error("case {id}: {error}")]
    Wish {
        /// The case.
        id: String,
        /// Why.
        #[source]
        error: WishError,
    },
}

/// Reads a file of cases.
///
/// # Errors
/// [`CaseError::Io`], [`CaseError::TooLong`], [`CaseError::Format`] with line and column.
pub fn read(from: impl Read) -> Result<CaseFile, CaseError> {
    let mut text = Vec::new();
    from.take(LENGTH_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LENGTH_MAX {
        return Err(CaseError::TooLong);
    }
    Ok(serde_json::from_slice(&text)?)
}

/// Decides every case, in the order of the file.
///
/// # Errors
/// The first case that cannot be.
pub fn decide(file: CaseFile, policy: Policy) -> Result<Vec<CaseDecision>, CaseError> {
    file.cases.into_iter().map(|case| decide_one(case, policy)).collect()
}

fn decide_one(case: Case, policy: Policy) -> Result<CaseDecision, CaseError> {
    let id = case.id.clone();
    let wrong = |problem: String| CaseError::Case { id: id.clone(), problem };
    let hash = case.block.split('+').next().unwrap_or_default();
    let hash: BlockHash =
        hash.parse().map_err(|_bad| wrong(format!("{:?} is not hash+size", case.block)))?;
    let layout = layout(&case)?;
    let mut book = WishBook::new(&layout);
    let mut wanted = Vec::new();
    for (class, copies) in &case.desired {
        let class: StorageClass =
            class.parse().map_err(|_bad| wrong(format!("{class:?} is no storage class")))?;
        let copies = u32::try_from(*copies)
            .map_err(|_bad| wrong(format!("{copies} copies cannot be wanted")))?;
        wanted.push((class, copies));
    }
    let wanted = wanted.iter().map(|(class, copies)| (class, *copies));
    let wish = book.intern(wanted).map_err(|error| CaseError::Wish { id: id.clone(), error })?;
    let mut replicas = Vec::new();
    for replica in &case.replicas {
        let Some(mount) = layout.find_mount(&replica.server, &replica.mount) else {
            // A view that the clean-up left out: its device is seen through another.
            if case.mounts.iter().any(|mount| mount.uuid == replica.mount) {
                continue;
            }
            return Err(wrong(format!(
                "there is no mount {} on {}",
                replica.mount, replica.server
            )));
        };
        replicas.push(Replica {
            place: Place::Mount(mount),
            mtime: Timestamp::from_nanos(replica.mtime),
            standing: if replica.doomed { Standing::Doomed } else { Standing::Sound },
        });
    }
    let facts = BlockFacts {
        hash,
        replicas: &replicas,
        sizes: Sizes::Agree,
        wish: book.wish(wish),
        min_mtime: Timestamp::from_nanos(case.min_mtime),
    };
    let mut decider = Decider::new(&layout, policy);
    Ok(shown(&layout, case.id, case.block, &replicas, decider.decide(&facts)))
}

fn layout(case: &Case) -> Result<Layout, CaseError> {
    let mut servers = Vec::new();
    for server in &case.servers {
        let mut mounts = Vec::new();
        for mount in case.mounts.iter().filter(|mount| mount.server == server.uuid) {
            mounts.push(mount_facts(case, mount)?);
        }
        servers.push(ServerFacts {
            uuid: server.uuid.clone(),
            url: if server.url.is_empty() { server.uuid.clone() } else { server.url.clone() },
            access: if server.read_only { ServerAccess::ReadOnly } else { ServerAccess::ReadWrite },
            mounts,
        });
    }
    Layout::new(servers)
        .map_err(|error| CaseError::Layout { id: case.id.clone(), error: Box::new(error) })
}

fn mount_facts(case: &Case, mount: &CaseMount) -> Result<MountFacts, CaseError> {
    let wrong =
        |problem: &str| CaseError::Case { id: case.id.clone(), problem: problem.to_owned() };
    let mut classes = Vec::new();
    for class in &mount.classes {
        classes.push(class.parse().map_err(|_empty| wrong("a mount has a class without a name"))?);
    }
    Ok(MountFacts {
        uuid: mount.uuid.parse().map_err(|_empty| wrong("a mount has no UUID"))?,
        device_id: mount.device_id.parse().ok(),
        allows: allows((mount.allow_write, mount.allow_trash)),
        replication: Replication::from_config(mount.replication),
        classes: ClassSet::from_iter(classes),
    })
}

fn shown(
    layout: &Layout,
    id: String,
    block: String,
    replicas: &[Replica],
    decision: &keep_rules::balance::Decision,
) -> CaseDecision {
    let server_of = |mount| layout.server(layout.mount(mount).server()).uuid().to_owned();
    let uuid_of = |mount| layout.mount(mount).uuid().to_string();
    let mut shown = CaseDecision {
        id,
        block,
        category: decision.category().as_str(),
        keep: Vec::new(),
        trash: Vec::new(),
        pull: Vec::new(),
        lost: decision.is_lost(),
    };
    for (replica, action) in replicas.iter().zip(decision.actions()) {
        let why = action.sentence();
        match (*action, replica.place) {
            (Action::Keep(reason), Place::Mount(mount)) => shown.keep.push(Kept {
                server: server_of(mount),
                mount: uuid_of(mount),
                reason: reason.as_str(),
                why,
            }),
            (Action::Keep(_), Place::Device(_)) => {}
            (Action::Trash { mount, reason }, _) => shown.trash.push(Trashed {
                server: server_of(mount),
                mount: uuid_of(mount),
                mtime: replica.mtime.as_nanos(),
                reason: reason.as_str(),
                why,
            }),
        }
    }
    let sources: Vec<String> =
        decision.sources().iter().map(|server| layout.server(*server).uuid().to_owned()).collect();
    shown.pull.extend(decision.pulls().iter().map(|pull| Pulled {
        server: server_of(pull.mount),
        mount: uuid_of(pull.mount),
        from_server_any_of: sources.clone(),
        reason: pull.reason.as_str(),
        why: pull.reason.sentence(),
    }));
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const CASES: &str = include_str!("../../keep-rules/tests/vectors/balance-cases.json");

    /// Server and mount of each entry, sorted.
    fn places(list: &Value) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let entries = list.as_array().unwrap().iter();
        let mut places: Vec<_> =
            entries.map(|entry| (text(&entry["server"]), text(&entry["mount"]))).collect();
        places.sort();
        places
    }

    #[test]
    fn every_case_is_decided_as_recommended() {
        let vectors: Value = serde_json::from_str(CASES).unwrap();
        let decided = decide(read(CASES.as_bytes()).unwrap(), Policy::ServerFirst).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        assert_eq!(decided.len(), cases.len());
        for (case, decision) in cases.iter().zip(&decided) {
            let wanted = &case["recommended"];
            let found = serde_json::to_value(decision).unwrap();
            assert_eq!(found["lost"], wanted["lost"], "{}", decision.id);
            for list in ["trash", "pull"] {
                assert_eq!(
                    places(&found[list]),
                    places(&wanted[list]),
                    "{list} of {}",
                    decision.id
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let decided = read(text.as_bytes()).and_then(|file| decide(file, Policy::ServerFirst));
            let error = decided.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        check("{}", "missing field `cases`");
        check("{\"cases\": [", "line 1");
        let case = |block: &str, rest: &str| {
            format!(
                "{{\"cases\":[{{\"id\":\"x\",\"block\":\"{block}\",\"min_mtime\":1,\"servers\":[{{\"uuid\":\"a\"}}],\
                 \"mounts\":[{{\"uuid\":\"m\",\"server\":\"a\",\"allow_write\":true,\"allow_trash\":true,\
                 \"classes\":[\"default\"]}}]{rest}}}]}}"
            )
        };
        let block = "acbd18db4cc2f85cedef654fccc4a4d8+3";
        check(&case("zz", ""), "case x: \"zz\" is not hash+size");
        check(&case(block, ",\"desired\":{\"default\":-1}"), "-1 copies cannot be wanted");
        check(
            &case(block, ",\"replicas\":[{\"server\":\"b\",\"mount\":\"n\",\"mtime\":1}]"),
            "there is no mount n on b",
        );
    }
}
