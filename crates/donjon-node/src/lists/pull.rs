//! The pull worker (spec section 5.3): fetches a block from one of the servers that have it, verifies and stores it.

use std::sync::Arc;

use bytes::Bytes;
use keep_protocol::list::{PullRequest, SizeHint};
use keep_protocol::status::{ListName, OutcomeKind};
use keep_rules::pull::{PULL_TOKEN, SkipReason, choose_mount, sort_servers};
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, ClassSet, MountUuid};

use ledger::{ListId, Operation, Outcome, Reason, Record};

use super::crew::{Carried, Job};
use super::locator::{locator_text, size_of_block};
use super::work::{Held, WorkList};
use super::{Ending, Failed};
use crate::block::{Source, store};
use crate::http::Failure;
use crate::mounts::Mount;
use crate::node::Node;
use crate::peers::{self, PeerFailure};

/// Works off the pull list.
pub(crate) enum Pulling {}

impl Job for Pulling {
    type Request = PullRequest;
    const LIST: ListName = ListName::Pull;

    fn list(node: &Node) -> &WorkList<PullRequest> {
        &node.pull_list
    }

    fn bytes(request: &PullRequest) -> u64 {
        size_of_block(request.size())
    }

    async fn carry_out(node: &Arc<Node>, item: &Held<PullRequest>) -> Carried {
        carry_out(node, item).await
    }
}

async fn carry_out(node: &Arc<Node>, item: &Held<PullRequest>) -> Carried {
    let (mount, ending) = match prepare(node, item) {
        Err(reason) => (None, Ending::PullSkipped(reason)),
        Ok(Order { mount, size, servers }) => {
            let ending = pull(node, item.hash(), &mount, size, &servers).await;
            node.books.record(&Record {
                size: Some(size_of_block(Ok(size))).filter(|bytes| *bytes > 0),
                mount: Some(mount.uuid.clone()),
                list: Some(ListId(item.list_id())),
                ..record(node, item.hash(), &ending)
            });
            (Some(mount), ending)
        }
    };
    let locator = locator_text(item.hash(), item.request().size(), &item.names);
    report(&locator, mount.as_deref(), &ending);
    item.note(&locator, mount.as_ref().map(|mount| &mount.uuid), &ending);
    Carried::Ended(ending)
}

/// What is put on record of a pull.
fn record(node: &Node, hash: BlockHash, ending: &Ending) -> Record {
    let outcome = match ending.kind() {
        OutcomeKind::Done => Outcome::Done,
        OutcomeKind::Skipped => Outcome::Skipped,
        OutcomeKind::Failed => Outcome::Failed,
    };
    let reason = (outcome != Outcome::Done).then(|| Reason::label(ending.reason()));
    Record { reason, ..Record::new(node.clock.now(), Operation::Pull, hash, outcome) }
}

/// Whether an item would be pulled now. No server is asked.
pub(super) fn decide_only(node: &Node, item: &Held<PullRequest>) -> Ending {
    let (mount, ending) = match prepare(node, item) {
        Err(reason) => (None, Ending::PullSkipped(reason)),
        Ok(Order { mount, .. }) => (Some(mount), Ending::Done),
    };
    let locator = locator_text(item.hash(), item.request().size(), &item.names);
    item.note(&locator, mount.as_ref().map(|mount| &mount.uuid), &ending);
    ending
}

/// What has to be fetched, and where it goes.
struct Order {
    mount: Arc<Mount>,
    size: SizeHint,
    servers: Vec<String>,
}

fn prepare(node: &Node, item: &Held<PullRequest>) -> Result<Order, SkipReason> {
    let request = item.request();
    let size = request.size().map_err(|_bad| SkipReason::BadLocator)?;
    let mounts = node.mounts.in_read_order(item.hash());
    let named: Option<MountUuid> =
        request.mount().and_then(|name| item.names.mount(name).parse().ok());
    let chosen =
        choose_mount(named.as_ref(), mounts.iter().map(|mount| (&mount.uuid, mount.access)))?;
    let mut servers: Vec<String> =
        item.names.servers(request.servers()).iter().map(|url| url.to_string()).collect();
    sort_servers(item.hash(), &mut servers)?;
    Ok(Order { mount: mounts[chosen].clone(), size, servers })
}

/// Tries one server after the other.
async fn pull(
    node: &Arc<Node>,
    hash: BlockHash,
    mount: &Arc<Mount>,
    size: SizeHint,
    servers: &[String],
) -> Ending {
    let mut last = Ending::Failed(Failed::AbsentAtSource, None);
    for server in servers {
        match pull_from(node, hash, mount, size, server).await {
            Ok(()) => return Ending::Done,
            Err(ending) => {
                tracing::warn!(mount = %mount.uuid, locator = %hash, server, reason = ending.reason(), "cannot pull from here");
                // That one server lacks the block says less than what went wrong with another.
                if !matches!(ending, Ending::Failed(Failed::AbsentAtSource, _)) {
                    last = ending;
                }
            }
        }
    }
    last
}

async fn pull_from(
    node: &Arc<Node>,
    hash: BlockHash,
    mount: &Arc<Mount>,
    size: SizeHint,
    server: &str,
) -> Result<(), Ending> {
    let locator = match size {
        SizeHint::Bytes(bytes) => format!("{hash}+{bytes}"),
        SizeHint::Missing | SizeHint::Impossible => hash.to_string(),
    };
    let signed = match node.signing.key() {
        Some(key) => {
            let expiry = node.clock.now().after(node.signing.ttl);
            key.sign(&locator, hash, &PULL_TOKEN, expiry, node.signing.ttl)
        }
        None => locator,
    };
    let response = node.peers.get(server, &signed, &PULL_TOKEN).await.map_err(source_failed)?;
    let declared = response.declared_length();
    let right_length = match size {
        SizeHint::Bytes(bytes) => declared.is_none_or(|length| length == u64::from(bytes)),
        SizeHint::Missing | SizeHint::Impossible => {
            declared.is_none_or(|length| length <= BLOCK_SIZE_MAX)
        }
    };
    if !right_length {
        let said = format!("the server offers {} bytes", declared.unwrap_or_default());
        return Err(Ending::Failed(Failed::SourceDamaged, Some(said)));
    }
    let mut broken = None;
    let source = PeerBody { response, broken: &mut broken };
    let stored = store(node, hash, ClassSet::none(), vec![mount.clone()], source).await;
    match (broken, stored) {
        (Some(failure), _) => Err(source_failed(failure)),
        (None, Ok(_)) => Ok(()),
        (None, Err(failure)) => Err(not_stored(&failure)),
    }
}

fn source_failed(failure: PeerFailure) -> Ending {
    match failure {
        PeerFailure::Absent => Ending::Failed(Failed::AbsentAtSource, None),
        PeerFailure::Refused(_) | PeerFailure::Unreachable(_) => {
            Ending::Failed(Failed::SourceUnreachable, Some(failure.to_string()))
        }
    }
}

fn not_stored(failure: &Failure) -> Ending {
    let reason = match failure.status.as_u16() {
        400 | 413 => Failed::SourceDamaged,
        507 => Failed::Full,
        _other => Failed::Volume,
    };
    Ending::Failed(reason, Some(failure.text.clone()))
}

/// A peer's answer as the source of an upload. What broke it is kept aside, because the upload only knows statuses.
struct PeerBody<'p> {
    response: peers::Incoming,
    broken: &'p mut Option<PeerFailure>,
}

impl Source for PeerBody<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match self.response.next().await {
            Ok(data) => Ok(data),
            Err(failure) => {
                let answer = Failure::new(http::StatusCode::BAD_GATEWAY, failure.to_string());
                *self.broken = Some(failure);
                Err(answer)
            }
        }
    }
}

fn report(locator: &str, mount: Option<&Mount>, ending: &Ending) {
    let mount = mount.map_or("", |mount| mount.uuid.as_str());
    match ending {
        Ending::Done => tracing::debug!(mount, locator, "pulled"),
        Ending::Failed(reason, said) => {
            let error = said.as_deref().unwrap_or_default();
            tracing::warn!(mount, locator, reason = reason.as_str(), error, "cannot pull");
        }
        Ending::TrashSkipped(_) | Ending::PullSkipped(_) => {
            tracing::warn!(mount, locator, reason = ending.reason(), "not pulled");
        }
    }
}
