use http::Method;
use http::header::CONTENT_TYPE;

use super::own::Absence;
use super::{Body, ClientError, KeepClient, ListReceipt};
use crate::paths;
use crate::status::{ListName, ListStatus, Outcomes, WaitingItems};

/// How a list is to be taken. The default is as keep-balance sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListIntake {
    /// The sender's epoch: the node refuses a list with a lower one than the last that it took.
    pub epoch: Option<u64>,
    /// Whether it is to be carried out.
    pub mode: IntakeMode,
}

/// Whether a list is to be carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntakeMode {
    /// It takes the place of the current list.
    #[default]
    Real,
    /// Every item is decided as in a real list, nothing is touched, and the current list stays.
    DryRun,
}

impl KeepClient {
    /// Replaces a work list by `body`, a JSON array, which may be a stream. Needs the admin token. Gives the receipt; a
    /// plain keepstore has none.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 400 if the list is malformed; the old list then stays. A plain keepstore says 500.
    /// 507 if there is no room to keep it.
    ///
    /// # Cancel safety
    /// Dropping the future may leave either list in force, never a mixture.
    pub async fn put_list(
        &self,
        name: ListName,
        body: impl Into<Body>,
    ) -> Result<Option<ListReceipt>, ClientError> {
        self.send_list(name, ListIntake::default(), body.into()).await
    }

    /// As [`KeepClient::put_list`], with an epoch or as a dry run. A plain keepstore would take a dry run for real, so
    /// the server is first asked something that only a node of ours knows.
    ///
    /// # Errors
    /// Also [`ClientError::PlainKeepstore`]: nothing was sent. [`ClientError::Refused`] with 409 if the epoch is lower
    /// than the last one.
    pub async fn put_list_as(
        &self,
        name: ListName,
        intake: ListIntake,
        body: impl Into<Body>,
    ) -> Result<Option<ListReceipt>, ClientError> {
        if intake != ListIntake::default() {
            self.list_settings(name).await?;
        }
        self.send_list(name, intake, body.into()).await
    }

    async fn send_list(
        &self,
        name: ListName,
        intake: ListIntake,
        body: Body,
    ) -> Result<Option<ListReceipt>, ClientError> {
        let path = match intake.mode {
            IntakeMode::Real => paths::list(name),
            IntakeMode::DryRun => paths::list_dry_run(name),
        };
        let mut request =
            self.request(Method::PUT, path).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(epoch) = intake.epoch {
            request = request.header("X-Donjon-Epoch", epoch);
        }
        let response = self.upload(request).await?;
        Ok(ListReceipt::read(response.headers()))
    }

    /// The books of the current list. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::PlainKeepstore`] if the server keeps no such books.
    pub async fn list_status(&self, name: ListName) -> Result<ListStatus, ClientError> {
        self.list_books(paths::list_status(name), Absence::OfThePath).await
    }

    /// The books of a list by its id, also of one that was replaced. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if the node does not remember such a list; it remembers the last hundred.
    pub async fn list_by_id(&self, name: ListName, id: u64) -> Result<ListStatus, ClientError> {
        self.list_books(&paths::list_by_id(name, id), Absence::OfTheThing).await
    }

    /// The books of the last dry run, and whether the guard would hold the list: it is still counting as long as the state
    /// is [`ListState::Checking`](crate::status::ListState::Checking). Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if there was none since the node's start.
    pub async fn dry_run_status(&self, name: ListName) -> Result<ListStatus, ClientError> {
        self.list_books(&paths::dry_run_status(name), Absence::OfTheThing).await
    }

    async fn list_books(&self, path: &str, absence: Absence) -> Result<ListStatus, ClientError> {
        self.own(Method::GET, path, absence, "list status").await
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
        let path = paths::list_items(name, offset, limit);
        self.own(Method::GET, &path, Absence::OfThePath, "waiting items").await
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
        let path = paths::list_outcomes(name, after, limit);
        self.own(Method::GET, &path, Absence::OfThePath, "outcomes").await
    }

    /// As [`KeepClient::list_outcomes`], of the last dry run.
    ///
    /// # Errors
    /// As [`KeepClient::dry_run_status`].
    pub async fn dry_run_outcomes(
        &self,
        name: ListName,
        after: u64,
        limit: u64,
    ) -> Result<Outcomes, ClientError> {
        let path = paths::dry_run_outcomes(name, after, limit);
        self.own(Method::GET, &path, Absence::OfTheThing, "outcomes").await
    }
}
