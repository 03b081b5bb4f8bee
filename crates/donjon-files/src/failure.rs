//! What nodes said, for people.

use std::error::Error as _;
use std::fmt;

use keep_protocol::client::ClientError;

/// A node did not do what it was asked.
#[derive(Debug)]
pub struct NodeFailure {
    /// The node's address.
    pub server: String,
    /// What it said, or what became of the connection.
    pub error: ClientError,
}

/// With the deepest cause: `connecting failed` alone helps nobody.
impl fmt::Display for NodeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.error)?;
        let Some(mut cause) = self.error.source() else { return Ok(()) };
        while let Some(next) = cause.source() {
            cause = next;
        }
        write!(f, ": {cause}")
    }
}

/// Some of these, one after the other.
pub(crate) fn list(failures: &[NodeFailure]) -> String {
    if failures.is_empty() {
        return "no node is left to ask".to_owned();
    }
    failures.iter().map(NodeFailure::to_string).collect::<Vec<_>>().join("; ")
}

/// Whether asking the same node again may help (spec/keep-protocol.md section 10).
pub(crate) fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Incomplete { .. } => true,
        ClientError::Refused { status, .. } => {
            let status = status.as_u16();
            matches!(status, 408 | 429) || (status >= 500 && status != 507)
        }
        ClientError::NotFound
        | ClientError::Damaged { .. }
        | ClientError::Malformed { .. }
        | ClientError::PlainKeepstore
        | ClientError::BadUrl { .. }
        | ClientError::BadToken => false,
    }
}
