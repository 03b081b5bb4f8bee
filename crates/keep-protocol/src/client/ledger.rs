use http::Method;
use keep_rules::BlockHash;
use reqwest::Response;
use serde::{Deserialize, Serialize};

use super::own::Absence;
use super::{ClientError, KeepClient, answer};
use crate::paths::{self, LedgerQuery};
use crate::status::{BlockExplained, LedgerEntry, UntrashOutcome};

/// The longest line of a ledger. Its entries are of a few hundred bytes.
const LINE_MAX: usize = 64 << 10;

/// What a look through the whole ledger found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCheck {
    /// Files that were read.
    pub files: u64,
    /// Records in them.
    pub records: u64,
    /// The chain value before the first record, in hex; absent if there is none.
    #[serde(default)]
    pub first_chain: Option<String>,
    /// The chain value after the last record, in hex. Noted down, it is a witness that nothing before it was changed.
    #[serde(default)]
    pub last_chain: Option<String>,
    /// What is wrong, in the order of the files. None: the chain is whole.
    pub problems: Vec<LedgerProblem>,
}

/// One thing that is wrong with the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerProblem {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    #[serde(default)]
    pub line: Option<u64>,
    /// The first byte of that line.
    #[serde(default)]
    pub byte: Option<u64>,
    /// A sentence.
    pub what: String,
}

/// Records of a ledger as they arrive, oldest first.
pub struct LedgerStream {
    /// Taken when it has ended, rightly or not.
    response: Option<Response>,
    /// What has arrived; lines before `read` were handed out.
    buffer: Vec<u8>,
    read: usize,
    received: usize,
    silence_max: std::time::Duration,
}

impl KeepClient {
    /// Reads records of the ledger, oldest first. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::PlainKeepstore`] if the server keeps no ledger.
    pub async fn ledger(&self, query: LedgerQuery<'_>) -> Result<LedgerStream, ClientError> {
        let response =
            self.own_response(Method::GET, &paths::ledger(query), Absence::OfThePath).await?;
        Ok(LedgerStream {
            response: Some(response),
            buffer: Vec::new(),
            read: 0,
            received: 0,
            silence_max: self.silence_max,
        })
    }

    /// Has the node verify the chain of its ledger, from the first record to the last. Needs the admin token. With
    /// `head`, a chain value that was noted down before, the chain must lead through it.
    ///
    /// # Errors
    /// As [`KeepClient::ledger`]. What is wrong with the ledger is no error but in [`LedgerCheck::problems`].
    pub async fn verify_ledger(&self, head: Option<&str>) -> Result<LedgerCheck, ClientError> {
        // A ledger of years takes longer than any single answer should: as long as an upload may.
        let patient = self.with_silence_max(super::UPLOAD_MAX.max(self.silence_max));
        let path = paths::ledger_verify(head);
        patient.own(Method::GET, &path, Absence::OfThePath, "verification").await
    }

    /// What is known of a block. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::PlainKeepstore`] if the server cannot explain blocks.
    pub async fn explain_block(&self, hash: BlockHash) -> Result<BlockExplained, ClientError> {
        let path = paths::block_explained(hash);
        self.own(Method::GET, &path, Absence::OfThePath, "explanation").await
    }

    /// Untrashes a block on one mount, or on every writable one, and says what was done on each. Needs the admin token.
    /// Harmless when repeated: it renews mtimes, and does no more.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if there is no such mount.
    pub async fn untrash_on(
        &self,
        hash: BlockHash,
        mount_uuid: Option<&str>,
    ) -> Result<UntrashOutcome, ClientError> {
        let path = paths::block_untrash(hash, mount_uuid);
        self.own(Method::POST, &path, Absence::OfTheThing, "answer to an untrash").await
    }
}

impl LedgerStream {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// [`ClientError::Incomplete`] if the answer broke off, [`ClientError::Malformed`] if a line is no record. After an
    /// error there is nothing more.
    ///
    /// # Cancel safety
    /// Dropping the future loses no record.
    pub async fn next(&mut self) -> Option<Result<LedgerEntry, ClientError>> {
        let next = self.read_next().await.transpose();
        if let Some(Err(_)) = &next {
            self.response = None;
            self.buffer.clear();
            self.read = 0;
        }
        next
    }

    async fn read_next(&mut self) -> Result<Option<LedgerEntry>, ClientError> {
        loop {
            let rest = &self.buffer[self.read..];
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                let entry = entry(&rest[..length]);
                self.read += length + 1;
                return entry.map(Some);
            }
            if rest.len() > LINE_MAX {
                return Err(malformed(format!("a line is longer than {LINE_MAX} bytes")));
            }
            let Some(response) = &mut self.response else {
                return Ok(None);
            };
            match answer::next_piece(response, self.silence_max, "the ledger", self.received)
                .await?
            {
                Some(piece) => {
                    self.received += piece.len();
                    self.buffer.drain(..self.read);
                    self.read = 0;
                    self.buffer.extend_from_slice(&piece);
                }
                None if self.buffer.len() > self.read => {
                    return Err(ClientError::Incomplete {
                        what: "the ledger",
                        received: self.received as u64,
                        source: None,
                    });
                }
                None => self.response = None,
            }
        }
    }
}

fn entry(line: &[u8]) -> Result<LedgerEntry, ClientError> {
    serde_json::from_slice(line).map_err(|error| malformed(error.to_string()))
}

fn malformed(detail: String) -> ClientError {
    ClientError::Malformed { what: "ledger", detail }
}

impl std::fmt::Debug for LedgerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerStream").field("received", &self.received).finish_non_exhaustive()
    }
}
