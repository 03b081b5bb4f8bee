use std::io;
use std::time::Duration;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Nobody took the connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The server closed the connection before the first byte of an answer.
    #[error("the connection was closed without an answer")]
    NoAnswer,
    /// The answer is not HTTP/1.1.
    #[error("the answer is not HTTP/1.1: {0}")]
    Malformed(String),
    /// The answer is longer than this client reads.
    #[error("the answer's {part} is longer than {limit} bytes")]
    TooLarge {
        /// `head` or `body`.
        part: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer took too long.
    #[error("no complete answer within {0:?}")]
    TimedOut(Duration),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}
