use std::error::Error as StdError;
use std::time::Duration;

use http::StatusCode;
use keep_rules::BlockHash;

/// What a request may end in, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node says that it does not have it. Another node may.
    #[error("not found")]
    NotFound,
    /// The node understood the request and declined it. Asking again in the same way will not help, unless the status
    /// says so (503, 504).
    #[error("the server answered {status}{}", reason(*status, text))]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its reason: at most 4096 bytes, without control characters and without the token that was shown.
        text: String,
    },
    /// No answer: not listening, not reachable, or silent for too long. Another try may succeed.
    #[error("the server cannot be reached: {doing}{}", because(source.as_deref()))]
    Unreachable {
        /// What could not be done.
        doing: String,
        /// What the system said.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// The data are not the block that was asked for. What was handed out before is not to be used.
    #[error("block {hash} is damaged: {detail}")]
    Damaged {
        /// The block that was asked for.
        hash: BlockHash,
        /// What is wrong with the data.
        detail: String,
    },
    /// The answer ended before its end. What was handed out before is right, but not all.
    #[error("{what} ended early, after {received} bytes{}", because(source.as_deref()))]
    Incomplete {
        /// What was being received.
        what: &'static str,
        /// Bytes received.
        received: u64,
        /// What the connection said, if it was the connection.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// The answer is none that the protocol knows.
    #[error("the server's {what} cannot be understood: {detail}")]
    Malformed {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The server speaks the plain Keep protocol only: what was asked is Donjon's own.
    #[error(
        "this server is a plain keepstore: it keeps no books of its lists and has no status page"
    )]
    PlainKeepstore,
    /// The URL names no server.
    #[error("this is no URL of a node: {problem}")]
    BadUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The token holds characters that a header cannot.
    #[error("the token cannot be sent: it holds a line break or another control character")]
    BadToken,
}

/// What the text adds to the status. Servers that have no more to say repeat the phrase of the status.
fn reason(status: StatusCode, text: &str) -> String {
    let phrase = status.canonical_reason().unwrap_or_default();
    if text.is_empty() || text.eq_ignore_ascii_case(phrase) {
        return String::new();
    }
    format!(": {text}")
}

/// The deepest cause: "connecting failed" alone helps nobody, "Connection refused" does.
fn because(source: Option<&(dyn StdError + Send + Sync + 'static)>) -> String {
    let Some(source) = source else { return String::new() };
    let mut cause: &dyn StdError = source;
    while let Some(next) = cause.source() {
        cause = next;
    }
    format!(": {cause}")
}

impl ClientError {
    /// Whether the same request to the same node may succeed a little later (`spec/keep-protocol.md` section 10): it was not
    /// answered to its end, or the node says so by its status.
    pub fn may_pass(&self) -> bool {
        match self {
            ClientError::Unreachable { .. } | ClientError::Incomplete { .. } => true,
            ClientError::Refused { status, .. } => {
                status.is_server_error() && *status != StatusCode::INSUFFICIENT_STORAGE
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            ClientError::NotFound
            | ClientError::Damaged { .. }
            | ClientError::Malformed { .. }
            | ClientError::PlainKeepstore
            | ClientError::BadUrl { .. }
            | ClientError::BadToken => false,
        }
    }

    /// A request that got no answer. The URL is dropped: it may hold a signature.
    pub(super) fn unsent(error: reqwest::Error) -> Self {
        let doing =
            if error.is_connect() { "connecting failed" } else { "the connection was lost" };
        ClientError::Unreachable {
            doing: doing.to_owned(),
            source: Some(Box::new(error.without_url())),
        }
    }

    pub(super) fn silent(patience: Duration) -> Self {
        ClientError::Unreachable {
            doing: format!("it was silent for {} s", patience.as_secs()),
            source: None,
        }
    }

    /// An answer that broke off.
    pub(super) fn broken_off(what: &'static str, received: u64, error: reqwest::Error) -> Self {
        ClientError::Incomplete { what, received, source: Some(Box::new(error.without_url())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: StatusCode, text: &str, expected: &str) {
        let refused = ClientError::Refused { status, text: text.to_owned() };
        assert_eq!(refused.to_string(), format!("the server answered {expected}"));
    }

    #[test]
    fn a_full_volume_stays_full_and_a_busy_node_does_not_stay_busy() {
        let refused = |status| ClientError::Refused { status, text: String::new() }.may_pass();
        for passes in [408, 429, 500, 502, 503, 504] {
            assert!(refused(StatusCode::from_u16(passes).unwrap()), "{passes}");
        }
        for stays in [400, 401, 403, 404, 405, 413, 422, 507] {
            assert!(!refused(StatusCode::from_u16(stays).unwrap()), "{stays}");
        }
        assert!(ClientError::silent(Duration::ZERO).may_pass());
        assert!(!ClientError::NotFound.may_pass());
    }

    #[test]
    fn what_the_system_said_is_told() {
        let cause = std::io::Error::other(std::io::Error::other("no route to host"));
        let lost = |source| ClientError::Unreachable { doing: "connecting failed".into(), source };
        let text = lost(Some(cause.into())).to_string();
        assert_eq!(text, "the server cannot be reached: connecting failed: no route to host");
        let text = lost(None).to_string();
        assert_eq!(text, "the server cannot be reached: connecting failed");
    }

    #[test]
    fn the_phrase_of_a_status_is_told_once() {
        check(StatusCode::FORBIDDEN, "Forbidden", "403 Forbidden");
        check(StatusCode::FORBIDDEN, "forbidden", "403 Forbidden");
        check(StatusCode::SERVICE_UNAVAILABLE, "", "503 Service Unavailable");
    }

    #[test]
    fn what_a_server_has_to_say_is_told() {
        check(StatusCode::BAD_REQUEST, "byte 5: no hash", "400 Bad Request: byte 5: no hash");
    }
}
