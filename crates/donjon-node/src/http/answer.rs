//! Answers, and the one place where a failure becomes a status.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use keep_rules::AdminRefusal;
use keep_volume::Error as VolumeError;

use super::{Body, IncomingError};

/// An answer on its way out.
pub(crate) type Answer = Response<Body>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An empty answer.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// A line of text.
pub(crate) fn text(status: StatusCode, line: &str) -> Answer {
    with_type(status, TEXT, format!("{line}\n"))
}

/// A JSON document and a line feed.
pub(crate) fn json(status: StatusCode, document: &impl serde::Serialize) -> Answer {
    let mut body = serde_json::to_vec(document).expect("plain data becomes JSON");
    body.push(b'\n');
    with_type(status, JSON, body)
}

/// A body of a given type.
pub(crate) fn with_type(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Answer {
    let mut answer = Response::new(Body::whole(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// Why a request was not carried out: a status, and a text that tells no secrets and no server paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Failure {
    /// The status of the answer.
    pub status: StatusCode,
    /// The line in its body.
    pub text: String,
}

impl Failure {
    /// A failure with this status and text.
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Failure {
        Failure { status, text: text.into() }
    }

    /// The block is on none of the mounts, and all of them were asked.
    pub(crate) fn not_found() -> Failure {
        VolumeError::NotFound.into()
    }

    /// The answer.
    pub(crate) fn answer(&self) -> Answer {
        text(self.status, &self.text)
    }
}

/// The only place where a volume's failure becomes a status (spec sections 2.1, 2.3, 2.5).
impl From<VolumeError> for Failure {
    fn from(error: VolumeError) -> Failure {
        let (status, text) = match &error {
            VolumeError::NotFound => (StatusCode::NOT_FOUND, error.to_string()),
            VolumeError::Changed { .. } => (StatusCode::CONFLICT, error.to_string()),
            VolumeError::Full => (StatusCode::INSUFFICIENT_STORAGE, "insufficient storage".into()),
            VolumeError::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "request entity too large".into())
            }
            VolumeError::WrongRoot { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "volume unavailable".into())
            }
            VolumeError::Device { source, .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}: {}", source.kind()))
            }
            VolumeError::Halted | _ => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        Failure { status, text }
    }
}

impl From<IncomingError> for Failure {
    fn from(error: IncomingError) -> Failure {
        let status = match &error {
            IncomingError::Stalled(_) => StatusCode::REQUEST_TIMEOUT,
            IncomingError::Broken(_) => StatusCode::BAD_REQUEST,
            IncomingError::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Failure::new(status, error.to_string())
    }
}

/// The node's own state cannot be written. No path: the log has it.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        tracing::error!(%error, "cannot write the node's state");
        let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
        let status = if full.contains(&error.kind()) {
            StatusCode::INSUFFICIENT_STORAGE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Failure::new(
            status,
            format!(
                "cannot write the node's state ({}), the log says where; nothing was changed",
                error.kind()
            ),
        )
    }
}

impl From<AdminRefusal> for Failure {
    fn from(refusal: AdminRefusal) -> Failure {
        let status = match refusal {
            AdminRefusal::NoToken => StatusCode::UNAUTHORIZED,
            AdminRefusal::NoneMatches => StatusCode::FORBIDDEN,
        };
        Failure::new(status, refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absence_is_not_found() {
        let eio = || std::io::Error::from_raw_os_error(5);
        let check = |error: VolumeError, status: u16| {
            assert_eq!(Failure::from(error).status.as_u16(), status)
        };
        check(VolumeError::NotFound, 404);
        check(VolumeError::Full, 507);
        check(VolumeError::TooLarge { size: 1 }, 413);
        check(VolumeError::WrongRoot { detail: "gone" }, 503);
        check(VolumeError::Device { doing: "open the file", source: eio() }, 500);
    }
}
