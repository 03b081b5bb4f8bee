use std::collections::VecDeque;
use std::time::Duration;

use http::Method;
use keep_rules::{HashPrefix, Timestamp};
use reqwest::Response;

use super::{ClientError, KeepClient, answer};
use crate::index::{IndexError, IndexLine, IndexProblem, IndexReader};
use crate::mounts::MountDescription;
use crate::paths;

/// Whose blocks to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexScope<'a> {
    /// Every mount's; a block on two mounts is listed twice.
    Node,
    /// Those of the mount with this UUID.
    Mount(&'a str),
}

/// The mounts of a node, and when it described them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatedMounts {
    /// Its mounts.
    pub mounts: Vec<MountDescription>,
    /// What its clock showed, to the second: the answer's `Date`. `None` if it gave none.
    pub clock: Option<Timestamp>,
}

/// An index as it arrives. Only its end without an error says that it was complete.
pub struct IndexStream {
    response: Response,
    /// Taken when the index has ended, rightly or not.
    reader: Option<IndexReader>,
    read: VecDeque<IndexLine>,
    /// What was wrong after the lines in `read`.
    problem: Option<ClientError>,
    received: usize,
    silence_max: Duration,
}

impl KeepClient {
    /// Lists the blocks of `scope` whose hash begins with `prefix`. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if there is no such mount.
    pub async fn index(
        &self,
        scope: IndexScope<'_>,
        prefix: HashPrefix,
    ) -> Result<IndexStream, ClientError> {
        let path = match scope {
            IndexScope::Node => paths::index(prefix),
            IndexScope::Mount(uuid) => paths::mount_blocks(uuid, prefix),
        };
        Ok(IndexStream {
            response: self.ask(Method::GET, &path).await?,
            reader: Some(IndexReader::new(prefix)),
            read: VecDeque::new(),
            problem: None,
            received: 0,
            silence_max: self.silence_max,
        })
    }

    /// Describes the mounts of the node. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 401 or 403 for a missing or wrong token.
    pub async fn mounts(&self) -> Result<Vec<MountDescription>, ClientError> {
        self.dated_mounts().await.map(|answer| answer.mounts)
    }

    /// As [`KeepClient::mounts`], with the time that the node's clock showed.
    ///
    /// # Errors
    /// As [`KeepClient::mounts`].
    pub async fn dated_mounts(&self) -> Result<DatedMounts, ClientError> {
        let response = self.ask(Method::GET, paths::MOUNTS).await?;
        let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        let clock = date.and_then(|date| httpdate::parse_http_date(date).ok()).map(Into::into);
        let mounts = answer::json(response, self.silence_max, "description of its mounts").await?;
        Ok(DatedMounts { mounts, clock })
    }
}

impl IndexStream {
    /// The next block; `None` once the index has ended and was found complete.
    ///
    /// # Errors
    /// [`ClientError::Incomplete`] if the index ended without its end mark, [`ClientError::Malformed`] if a line is none.
    /// After an error there is nothing more.
    ///
    /// # Cancel safety
    /// Dropping the future loses no line.
    pub async fn next(&mut self) -> Option<Result<IndexLine, ClientError>> {
        loop {
            if let Some(line) = self.read.pop_front() {
                return Some(Ok(line));
            }
            if let Some(problem) = self.problem.take() {
                return Some(Err(problem));
            }
            let reader = self.reader.as_mut()?;
            match answer::next_piece(
                &mut self.response,
                self.silence_max,
                "the index",
                self.received,
            )
            .await
            {
                Ok(Some(piece)) => {
                    self.received += piece.len();
                    if let Err(error) = reader.feed(&piece, |line| self.read.push_back(line)) {
                        self.stop_with(error);
                    }
                }
                Ok(None) => {
                    if let Err(error) = self.reader.take()?.finish() {
                        self.stop_with(error);
                    }
                }
                Err(error) => {
                    self.reader = None;
                    self.problem = Some(error);
                }
            }
        }
    }

    /// Bytes of the answer that have arrived, the end mark included once it has.
    pub fn received(&self) -> u64 {
        self.received as u64
    }

    fn stop_with(&mut self, error: IndexError) {
        self.reader = None;
        self.problem = Some(match error.problem {
            IndexProblem::Incomplete => ClientError::Incomplete {
                what: "the index",
                received: self.received as u64,
                source: Some(Box::new(error)),
            },
            IndexProblem::BadLine(_)
            | IndexProblem::LineTooLong
            | IndexProblem::OtherPrefix
            | IndexProblem::TextAfterEnd => {
                ClientError::Malformed { what: "index", detail: error.to_string() }
            }
        });
    }
}

impl std::fmt::Debug for IndexStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexStream").field("received", &self.received).finish_non_exhaustive()
    }
}
