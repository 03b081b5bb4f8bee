//! Asking for what is Donjon's own, and noticing a server that has none of it.

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use reqwest::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ClientError, KeepClient, answer};
use crate::paths;
use crate::status::NodeStatus;

/// What a keepstore says of every path and method that it does not know (spec section 2.1, layer 11).
const UNKNOWN_TO_KEEPSTORE: &str = "Bad Request";

/// What a 404 of a node means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// Every node of ours has this path: the server is another.
    OfThePath,
    /// The path names something that may be absent.
    OfTheThing,
}

impl KeepClient {
    /// The node at one glance. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::PlainKeepstore`] if the server has no such page.
    pub async fn node_status(&self) -> Result<NodeStatus, ClientError> {
        self.own(Method::GET, paths::STATUS, Absence::OfThePath, "status").await
    }

    /// Sends a request without a body to a path of our own, and reads the answer.
    pub(super) async fn own<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        absence: Absence,
        what: &'static str,
    ) -> Result<T, ClientError> {
        let response = self.own_response(method, path, absence).await?;
        answer::json(response, self.silence_max, what).await
    }

    /// As [`KeepClient::own`], with a JSON body, to a path that every node of ours has.
    pub(super) async fn own_with<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        what: &'static str,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).expect("texts and numbers can be written as JSON");
        let request =
            self.request(method, path).header(CONTENT_TYPE, "application/json").body(body);
        let response = self
            .send(request, self.silence_max)
            .await
            .map_err(|error| recognised(error, Absence::OfThePath))?;
        answer::json(response, self.silence_max, what).await
    }

    /// The answer itself, for what is read piece by piece.
    pub(super) async fn own_response(
        &self,
        method: Method,
        path: &str,
        absence: Absence,
    ) -> Result<Response, ClientError> {
        self.ask(method, path).await.map_err(|error| recognised(error, absence))
    }
}

/// Tells a server that does not know the path from one that declines the request.
fn recognised(error: ClientError, absence: Absence) -> ClientError {
    let is_plain = match &error {
        ClientError::NotFound => absence == Absence::OfThePath,
        ClientError::Refused { status: StatusCode::METHOD_NOT_ALLOWED, .. } => true,
        ClientError::Refused { status: StatusCode::BAD_REQUEST, text } => {
            text == UNKNOWN_TO_KEEPSTORE
        }
        ClientError::Refused { .. }
        | ClientError::Unreachable { .. }
        | ClientError::Damaged { .. }
        | ClientError::Incomplete { .. }
        | ClientError::Malformed { .. }
        | ClientError::PlainKeepstore
        | ClientError::BadUrl { .. }
        | ClientError::BadToken => false,
    };
    if is_plain { ClientError::PlainKeepstore } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: ClientError, absence: Absence, expected: &str) {
        let recognised = recognised(error, absence);
        assert!(format!("{recognised:?}").starts_with(expected), "{recognised:?}");
    }

    fn refused(status: StatusCode, text: &str) -> ClientError {
        ClientError::Refused { status, text: text.to_owned() }
    }

    #[test]
    fn a_path_that_every_node_has_cannot_be_absent() {
        check(ClientError::NotFound, Absence::OfThePath, "PlainKeepstore");
        check(ClientError::NotFound, Absence::OfTheThing, "NotFound");
    }

    #[test]
    fn a_reason_of_its_own_tells_a_node_from_a_keepstore() {
        let bad = StatusCode::BAD_REQUEST;
        check(refused(bad, "Bad Request"), Absence::OfThePath, "PlainKeepstore");
        check(refused(bad, "workers: must be at least 1"), Absence::OfThePath, "Refused");
        check(refused(StatusCode::CONFLICT, "not held"), Absence::OfThePath, "Refused");
        check(refused(StatusCode::METHOD_NOT_ALLOWED, ""), Absence::OfTheThing, "PlainKeepstore");
    }
}
