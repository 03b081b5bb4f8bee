use http::Method;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::{Body, ClientError, KeepClient, answer};
use crate::paths;
use crate::status::{ListName, ListStatus, NodeStatus, Outcomes, WaitingItems};

impl KeepClient {
    /// Replaces a work list by `body`, a JSON array, which may be a stream. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 400 if the list is malformed; the old list then stays. A plain keepstore says 500.
    ///
    /// # Cancel safety
    /// Dropping the future may leave either list in force, never a mixture.
    pub async fn put_list(&self, name: ListName, body: impl Into<Body>) -> Result<(), ClientError> {
        let request = self
            .request(Method::PUT, paths::list(name))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.upload(request).await.map(drop)
    }

    /// The books of a list. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::PlainKeepstore`] if the server keeps no such books.
    pub async fn list_status(&self, name: ListName) -> Result<ListStatus, ClientError> {
        self.ask_donjon(paths::list_status(name), "list status").await
    }

    /// At most `limit` waiting items, from number `offset` on, oldest first. Needs the admin token.
    ///
    /// # Errors
    /// As [`KeepClient::list_status`].
    pub async fn list_items(
        &self,
        name: ListName,
        offset: u64,
        limit: u64,
    ) -> Result<WaitingItems, ClientError> {
        self.ask_donjon(&paths::list_items(name, offset, limit), "waiting items").await
    }

    /// At most `limit` outcomes with numbers above `after`, oldest first. Needs the admin token.
    ///
    /// # Errors
    /// As [`KeepClient::list_status`].
    pub async fn list_outcomes(
        &self,
        name: ListName,
        after: u64,
        limit: u64,
    ) -> Result<Outcomes, ClientError> {
        self.ask_donjon(&paths::list_outcomes(name, after, limit), "outcomes").await
    }

    /// The node at one glance. Needs the admin token.
    ///
    /// # Errors
    /// As [`KeepClient::list_status`].
    pub async fn node_status(&self) -> Result<NodeStatus, ClientError> {
        self.ask_donjon(paths::STATUS, "status").await
    }

    /// A keepstore answers 400 to every path that it does not know (spec section 2.1).
    async fn ask_donjon<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &'static str,
    ) -> Result<T, ClientError> {
        match self.ask(Method::GET, path).await {
            Ok(response) => answer::json(response, self.silence_max, what).await,
            Err(ClientError::NotFound) => Err(ClientError::PlainKeepstore),
            Err(ClientError::Refused { status, .. }) if matches!(status.as_u16(), 400 | 405) => {
                Err(ClientError::PlainKeepstore)
            }
            Err(other) => Err(other),
        }
    }
}
