//! Blocks of a collection that was removed and is there again: whether they are there too.
//!
//! A trash list that was made while nobody wanted them may be in force, or worked off already. So each block is looked for on
//! every node, and made young where it is, as [`crate::Put::renew`] does it: a list skips what is younger than it says. Where
//! nobody can trash it, it need not be young.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use futures_util::{StreamExt as _, future, stream};
use keep_manifest::BlockRef;
use keep_protocol::client::ClientError;
use keep_protocol::mounts::MountDescription;
use keep_rules::Timestamp;

use crate::failure::NodeFailure;
use crate::get::Locate;
use crate::node::Node;
use crate::nodes::Nodes;
use crate::permanence::permanent;
use crate::renewal::{Again, Readable, Unsent};

/// Blocks that are looked for at once: the requests are small.
const AT_ONCE: usize = 16;

/// What became of blocks that were looked for. All is well if nothing is missing and nothing in doubt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revived {
    /// Blocks of which a node has a copy that is young now.
    pub young: u64,
    /// Other blocks of which a node has a copy that it can read, and that nobody can trash.
    pub permanent: u64,
    /// Blocks of which every node says that it has none.
    pub missing: BTreeSet<BlockRef>,
    /// Blocks of which it is not known whether a copy is there and stays; and what the nodes said.
    pub in_doubt: BTreeMap<BlockRef, String>,
    /// Whether any node answered.
    pub anybody_answered: bool,
}

/// How blocks are looked for.
#[derive(Clone)]
pub struct ReviveOptions {
    /// How a block is asked for where it can only be read.
    pub locate: Locate,
    /// The classes into which a block is sent where it cannot be touched.
    pub classes: Vec<String>,
    /// What each node says of its mounts, in the order of the nodes; `None`, or nothing, of one that does not say. It tells
    /// where nobody can trash a copy.
    pub mounts: Vec<Option<Vec<MountDescription>>>,
    /// Is told of each block that was looked for.
    pub on_block: OnBlock,
}

/// Is told of each block that is done with, as it is.
pub type OnBlock = Arc<dyn Fn() + Send + Sync>;

impl fmt::Debug for ReviveOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReviveOptions").field("classes", &self.classes).finish_non_exhaustive()
    }
}

/// What became of one block.
enum Became {
    Young,
    Permanent,
    Missing,
    InDoubt(String),
}

/// Looks for blocks, and makes them young. A node that does not answer twice in a row is not asked again.
///
/// # Cancel safety
/// Dropping the future stops it. Blocks may have been made young, which does no harm.
pub async fn revive<N: Node>(
    nodes: &Nodes<N>,
    blocks: &BTreeSet<BlockRef>,
    options: &ReviveOptions,
    clock: impl Fn() -> Timestamp,
) -> Revived {
    let silent = nodes.servers().iter().map(|_| OnceLock::new()).collect();
    let mounts: Vec<_> = (0..nodes.servers().len())
        .map(|server| options.mounts.get(server).and_then(Option::as_deref))
        .collect();
    let again = Again::new(nodes, &options.classes);
    let search = Search { nodes, options, again, permanent: permanent(&mounts), silent };
    let (search, clock) = (&search, &clock);
    let looking = stream::iter(blocks)
        .map(|block| async move { (*block, search.look(*block, clock()).await) });
    let mut looking = std::pin::pin!(looking.buffer_unordered(AT_ONCE));
    let mut revived = Revived::default();
    while let Some((block, became)) = looking.next().await {
        (options.on_block)();
        match became {
            Became::Young => revived.young += 1,
            Became::Permanent => revived.permanent += 1,
            Became::Missing => drop(revived.missing.insert(block)),
            Became::InDoubt(why) => drop(revived.in_doubt.insert(block, why)),
        }
    }
    revived.anybody_answered = search.silent.iter().any(|silent| silent.get().is_none());
    revived
}

struct Search<'a, N> {
    nodes: &'a Nodes<N>,
    options: &'a ReviveOptions,
    again: Again<'a, N>,
    /// Of each node: whether surely nobody can trash its copies.
    permanent: Vec<bool>,
    /// Of each node: what became of the connection, if it does not answer.
    silent: Vec<OnceLock<String>>,
}

impl<N: Node> Search<'_, N> {
    async fn look(&self, block: BlockRef, now: Timestamp) -> Became {
        let servers = 0..self.nodes.servers().len();
        let touched = future::join_all(servers.map(|server| self.touch(server, block))).await;
        if touched.iter().any(Result::is_ok) {
            return Became::Young;
        }
        let (mut data, mut doubts) = (None, Vec::new());
        for (server, not_touched) in touched.into_iter().enumerate() {
            let doubt = match not_touched {
                // Not on a volume that may be written, or we may not touch it: it may be there all the same.
                Err(NotTouched::Declined) => self.renew(server, block, &mut data, now).await,
                Err(NotTouched::Doubt(doubt)) => Err(doubt),
                Ok(()) => return Became::Young,
            };
            match doubt {
                Ok(Found::Young) => return Became::Young,
                Ok(Found::Permanent) => return Became::Permanent,
                Ok(Found::Nothing) => {}
                Err(doubt) => doubts.push(doubt),
            }
        }
        if doubts.is_empty() { Became::Missing } else { Became::InDoubt(doubts.join("; ")) }
    }

    async fn touch(&self, server: usize, block: BlockRef) -> Result<(), NotTouched> {
        let silent = &self.silent[server];
        if let Some(why) = silent.get() {
            return Err(NotTouched::Doubt(why.clone()));
        }
        let mut touched = self.again.touch(server, block).await;
        if matches!(touched, Err(ClientError::Unreachable { .. })) {
            touched = self.again.touch(server, block).await;
        }
        touched.map_err(|error| {
            if matches!(error, ClientError::NotFound | ClientError::Refused { .. }) {
                return NotTouched::Declined;
            }
            let is_silent = matches!(error, ClientError::Unreachable { .. });
            let why = self.failed(server, error);
            if is_silent {
                // Others may have found it so meanwhile.
                silent.get_or_init(|| why.clone());
            }
            NotTouched::Doubt(why)
        })
    }

    /// Looks whether a node has the block, and sends it there if so: that makes it young too. Where it stays anyway, that is
    /// enough.
    async fn renew(
        &self,
        server: usize,
        block: BlockRef,
        data: &mut Option<bytes::Bytes>,
        now: Timestamp,
    ) -> Result<Found, String> {
        let locator = (self.options.locate)(block);
        match self.nodes.servers()[server].node.check(&locator).await {
            Ok(()) if self.permanent[server] => return Ok(Found::Permanent),
            Ok(()) => {}
            Err(ClientError::NotFound) => return Ok(Found::Nothing),
            Err(error) => return Err(self.failed(server, error)),
        }
        match self.again.send(server, Readable { block, locator: &locator }, data, now).await {
            Ok(()) => Ok(Found::Young),
            Err(Unsent::Lost(lost)) => Err(lost.to_string()),
            Err(Unsent::Refused(error)) => {
                let said = self.failed(server, error);
                Err(format!(
                    "it can be read there, but not be made young, and it is not certain that nobody can trash it: {said}"
                ))
            }
        }
    }

    fn failed(&self, server: usize, error: ClientError) -> String {
        NodeFailure { server: self.nodes.servers()[server].name.clone(), error }.to_string()
    }
}

enum NotTouched {
    /// The node answered that it does not.
    Declined,
    /// Nobody knows.
    Doubt(String),
}

enum Found {
    Young,
    Permanent,
    Nothing,
}
