//! What nodes said, for people.

use keep_protocol::client::ClientError;

/// A node did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{server}: {error}{}", meaning(error))]
pub struct NodeFailure {
    /// The node's address.
    pub server: String,
    /// What it said, or what became of the connection.
    pub error: ClientError,
}

/// What a status means, where its phrase does not say.
fn meaning(error: &ClientError) -> &'static str {
    match error {
        ClientError::Refused { status, .. } if status.as_u16() == 507 => {
            " (its volumes are full, read-only, or of other storage classes)"
        }
        ClientError::Refused { .. }
        | ClientError::NotFound
        | ClientError::Unreachable { .. }
        | ClientError::Damaged { .. }
        | ClientError::Incomplete { .. }
        | ClientError::Malformed { .. }
        | ClientError::PlainKeepstore
        | ClientError::BadUrl { .. }
        | ClientError::BadToken => "",
    }
}

/// Some of these, one after the other.
pub(crate) fn list(failures: &[NodeFailure]) -> String {
    if failures.is_empty() {
        return "no node is left to ask".to_owned();
    }
    failures.iter().map(NodeFailure::to_string).collect::<Vec<_>>().join("; ")
}
