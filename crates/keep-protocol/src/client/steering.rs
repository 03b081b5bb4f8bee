use http::Method;
use keep_rules::BlockHash;

use super::own::Absence;
use super::{ClientError, KeepClient};
use crate::paths::{self, ListAction};
use crate::status::{
    Freeze, FreezeRequest, ListName, ListSettings, ListStatus, Removed, SettingsChange,
};

impl KeepClient {
    /// Takes the waiting items of a block off a list. Needs the admin token. Items that a worker has are finished.
    ///
    /// # Errors
    /// [`ClientError::PlainKeepstore`] if the server's lists cannot be steered.
    pub async fn remove_item(
        &self,
        name: ListName,
        hash: BlockHash,
    ) -> Result<Removed, ClientError> {
        let path = paths::list_item(name, hash);
        self.own(Method::DELETE, &path, Absence::OfThePath, "answer to a removal").await
    }

    /// Pauses, resumes or cancels the current list. Needs the admin token. A pause lasts until it is resumed, also over
    /// new lists and restarts.
    ///
    /// # Errors
    /// As [`KeepClient::remove_item`].
    pub async fn act_on_list(
        &self,
        name: ListName,
        action: ListAction,
    ) -> Result<ListStatus, ClientError> {
        let path = paths::list_action(name, action);
        self.own(Method::POST, &path, Absence::OfThePath, "list status").await
    }

    /// Workers and rates of a list. Needs the admin token.
    ///
    /// # Errors
    /// As [`KeepClient::remove_item`].
    pub async fn list_settings(&self, name: ListName) -> Result<ListSettings, ClientError> {
        self.own(Method::GET, &paths::list_settings(name), Absence::OfThePath, "settings").await
    }

    /// Changes workers and rates of a list, at once and for good. Needs the admin token.
    ///
    /// # Errors
    /// Also [`ClientError::Refused`] with 400 for a value out of range; nothing is changed then.
    pub async fn change_list_settings(
        &self,
        name: ListName,
        change: &SettingsChange,
    ) -> Result<ListSettings, ClientError> {
        self.own_with(Method::PUT, &paths::list_settings(name), change, "settings").await
    }

    /// Lets a held list through, once: exactly the one of this id and digest. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 409 if it is not held, or the held list is another.
    pub async fn release_list(
        &self,
        name: ListName,
        id: u64,
        digest: &str,
    ) -> Result<ListStatus, ClientError> {
        let path = paths::list_release(name, id, digest);
        self.own(Method::POST, &path, Absence::OfTheThing, "list status").await
    }

    /// Whether trashing and emptying are stopped. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::PlainKeepstore`] if the server cannot be frozen.
    pub async fn freeze_status(&self) -> Result<Freeze, ClientError> {
        self.own(Method::GET, paths::FREEZE, Absence::OfThePath, "freeze").await
    }

    /// Stops trashing and emptying on all volumes, until [`KeepClient::unfreeze`]. Needs the admin token.
    ///
    /// # Errors
    /// As [`KeepClient::freeze_status`].
    pub async fn freeze(&self, request: &FreezeRequest) -> Result<Freeze, ClientError> {
        self.own_with(Method::PUT, paths::FREEZE, request, "freeze").await
    }

    /// Lifts a freeze. Needs the admin token. No error if there was none.
    ///
    /// # Errors
    /// As [`KeepClient::freeze_status`].
    pub async fn unfreeze(&self) -> Result<Freeze, ClientError> {
        self.own(Method::DELETE, paths::FREEZE, Absence::OfThePath, "freeze").await
    }
}
