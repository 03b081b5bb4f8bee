//! Where lists are kept on the disk.

use std::path::{Path, PathBuf};

use keep_protocol::list::{PullRequest, Request, TrashRequest};
use keep_protocol::status::{ListName, ListStatus};
use list_store::{ListStore, Record, StoreError};

use super::code::End;
use crate::state_file;

/// The lists of a state directory.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(super) trash: Store<TrashRequest>,
    pub(super) pull: Store<PullRequest>,
}

/// One list of a state directory: the list that is stored, and the books of those before it.
#[derive(Debug)]
pub(crate) struct Store<R> {
    pub(super) lists: ListStore<R, End>,
    history: PathBuf,
}

impl<R> Clone for Store<R> {
    fn clone(&self) -> Self {
        Store { lists: self.lists.clone(), history: self.history.clone() }
    }
}

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the state directory {dir} cannot be used")]
pub struct StoresNotOpened {
    dir: String,
    source: StoreError,
}

impl Stores {
    /// Opens both lists. Damage does not stop the node: damaged files are put aside, and said so.
    ///
    /// # Errors
    /// [`StoresNotOpened`] if another process uses the directory, or the disk fails.
    pub(crate) fn open(dir: &Path) -> Result<Stores, StoresNotOpened> {
        Ok(Stores { trash: Store::open(dir)?, pull: Store::open(dir)? })
    }
}

impl<R: Record + Request> Store<R> {
    fn open(dir: &Path) -> Result<Store<R>, StoresNotOpened> {
        let opened = ListStore::open(dir).or_else(|error| {
            if !matches!(error, StoreError::Damaged { .. } | StoreError::Version { .. }) {
                return Err(error);
            }
            let error = crate::mounts::sentence(&error);
            tracing::error!(list = R::LIST.as_str(), error, "the stored list is put aside");
            ListStore::open_anew(dir)
        });
        let lists =
            opened.map_err(|source| StoresNotOpened { dir: dir.display().to_string(), source })?;
        Ok(Store { lists, history: history_file(dir, R::LIST) })
    }

    /// The books of the lists before the current one. What cannot be read is forgotten: it only informs.
    pub(super) fn past(&self) -> Vec<ListStatus> {
        match std::fs::read(&self.history) {
            Err(_absent_or_unreadable) => Vec::new(),
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(%error, "the history of lists cannot be read, and begins anew");
                Vec::new()
            }),
        }
    }

    /// Keeps the books of lists that are over.
    pub(super) fn keep_past(&self, past: &[ListStatus]) {
        let text = serde_json::to_vec(past).expect("plain data becomes JSON");
        if let Err(error) = state_file::write(&self.history, &text) {
            tracing::warn!(%error, "the history of lists cannot be written");
        }
    }
}

fn history_file(dir: &Path, list: ListName) -> PathBuf {
    dir.join(format!("{list}-history.json"))
}
