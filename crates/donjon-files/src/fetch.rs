//! One block, from whichever node has it.

use keep_manifest::BlockRef;
use keep_protocol::client::ClientError;
use keep_rules::Locator;

use crate::failure::{self, NodeFailure};
use crate::node::Node;
use crate::nodes::Nodes;

/// How often all nodes are asked, if some did not answer.
const ROUNDS: u64 = 3;

/// A block that no node gave, whole and right.
#[derive(Debug, thiserror::Error)]
#[error("block {block} cannot be read: {}", failure::list(failures))]
pub struct NotFetched {
    /// The block.
    pub block: BlockRef,
    /// What each node said, the last time.
    pub failures: Vec<NodeFailure>,
}

impl NotFetched {
    /// Whether a node did not let us read: it wants a signature, or another token (`spec/keep-protocol.md` section 3).
    pub fn is_forbidden(&self) -> bool {
        self.failures.iter().any(|failure| {
            matches!(&failure.error, ClientError::Refused { status, .. }
                if matches!(status.as_u16(), 400 | 401 | 403))
        })
    }

    /// Whether no node could even be reached: then asking for other blocks is in vain too.
    pub fn nobody_answers(&self) -> bool {
        self.failures.iter().all(|failure| matches!(failure.error, ClientError::Unreachable { .. }))
    }
}

/// Reads a block: its hash and size are as the manifest says.
pub(crate) async fn fetch<N: Node>(
    nodes: &Nodes<N>,
    block: BlockRef,
    locator: &Locator,
) -> Result<Vec<u8>, NotFetched> {
    let mut ask = nodes.order(block.hash());
    let mut for_good = Vec::new();
    for round in 1..=ROUNDS {
        let mut again = Vec::new();
        for server in ask {
            let named = &nodes.servers()[server];
            let error = match read(&named.node, block, locator).await {
                Ok(data) => return Ok(data),
                Err(error) => error,
            };
            let failure = NodeFailure { server: named.name.clone(), error };
            if failure.error.may_pass() && round < ROUNDS {
                again.push((server, failure));
            } else {
                for_good.push(failure);
            }
        }
        if again.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(round)).await;
        ask = again.into_iter().map(|(server, _)| server).collect();
    }
    Err(NotFetched { block, failures: for_good })
}

/// Reads a block from one node. A copy that is damaged is said to be.
async fn read<N: Node>(
    node: &N,
    block: BlockRef,
    locator: &Locator,
) -> Result<Vec<u8>, ClientError> {
    let damaged = |detail| ClientError::Damaged { hash: block.hash(), detail };
    match node.get(locator).await {
        Ok(data) if data.len() as u64 == u64::from(block.size()) => Ok(data),
        Ok(data) => Err(damaged(format!("it has {} bytes, not {}", data.len(), block.size()))),
        Err(error) if is_mismatch(&error) => Err(damaged(DAMAGED.to_owned())),
        // A node that finds a long block damaged while it sends it can only hang up. Asked to check it, it says why.
        Err(broken_off @ ClientError::Incomplete { .. }) => match node.check(locator).await {
            // An answer to HEAD has no text.
            Err(ClientError::Refused { status, .. }) if status.as_u16() == 502 => {
                Err(damaged(DAMAGED.to_owned()))
            }
            Err(ClientError::NotFound) => Err(ClientError::NotFound),
            Ok(()) | Err(_) => Err(broken_off),
        },
        Err(error) => Err(error),
    }
}

const DAMAGED: &str = "the node's own copy does not match the block's hash";

/// Whether a node says that its copy does not match its hash (spec/keep-protocol.md section 2.3).
fn is_mismatch(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { status, text }
        if status.as_u16() == 502 && text.to_ascii_lowercase().contains("checksum"))
}
