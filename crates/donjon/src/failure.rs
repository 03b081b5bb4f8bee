use std::io;

use keep_protocol::client::ClientError;

use crate::exit::Exit;

/// Why a command ends without having done what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line, or what it points to, is wrong.
    #[error("{0}")]
    Usage(String),
    /// The node did not do it.
    #[error("{doing}: {}", with_advice(source))]
    Node {
        doing: String,
        #[source]
        source: ClientError,
    },
    /// A local file or stream failed.
    #[error("{doing}: {source}")]
    Local {
        doing: String,
        #[source]
        source: io::Error,
    },
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
    /// Whoever read our output has closed it.
    #[error("nobody reads the output any more")]
    ReaderLeft,
}

impl Failure {
    pub(crate) fn node(doing: impl Into<String>) -> impl FnOnce(ClientError) -> Failure {
        let doing = doing.into();
        move |source| Failure::Node { doing, source }
    }

    pub(crate) fn local(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        let doing = doing.into();
        move |source| Failure::Local { doing, source }
    }

    /// For writes to stdout.
    pub(crate) fn output(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::ReaderLeft;
        }
        Failure::Local { doing: "cannot write the output".to_owned(), source: error }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Node { source: ClientError::NotFound, .. } => Exit::NotFound,
            Failure::ReaderLeft => Exit::Done,
            Failure::Node { .. } | Failure::Local { .. } | Failure::Other(_) => Exit::Failed,
        }
    }
}

/// The error, with what to do about it.
pub(crate) fn with_advice(error: &ClientError) -> String {
    match advice(error) {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}

fn advice(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Refused { status, .. } if matches!(status.as_u16(), 401 | 403) => {
            Some("is it the right token? Give --token-file, DONJON_TOKEN or --data")
        }
        ClientError::Unreachable { .. } => {
            Some("does the node run at this address? See --url and --data")
        }
        ClientError::Refused { .. }
        | ClientError::NotFound
        | ClientError::Damaged { .. }
        | ClientError::Incomplete { .. }
        | ClientError::Malformed { .. }
        | ClientError::PlainKeepstore
        | ClientError::BadUrl { .. }
        | ClientError::BadToken => None,
    }
}
