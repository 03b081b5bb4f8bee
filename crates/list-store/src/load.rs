//! What is given back after a restart.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use keep_rules::{BlockHash, Timestamp};

use crate::code::Code;
use crate::contents::Contents;
use crate::error::StoreError;
use crate::layout::Header;
use crate::place::Place;
use crate::progress::{Progress, Salt};
use crate::receipt::Receipt;
use crate::record::Record;
use crate::replay::{Repair, Replay};
use crate::standing::Standing;
use crate::state::Current;
use crate::store::{ListStore, Now};
use crate::stored::StoredList;

/// What the store holds.
#[derive(Debug)]
pub enum Load<T, E> {
    /// No list.
    Nothing,
    /// A list that was too old. It is stored no more.
    Dropped(Receipt),
    /// A list to go on with.
    Resumed(Loaded<T, E>),
}

/// A list to go on with.
///
/// Its books balance: the receipt's count is the items that wait, those that ended and those that were removed.
#[derive(Debug)]
pub struct Loaded<T, E> {
    /// The list, to take down what becomes of its items from now on.
    pub list: StoredList<E>,
    /// What was ordered about it.
    pub standing: Standing,
    /// What neither ended nor was removed, in the order of the list.
    pub waiting: Vec<T>,
    /// How many items ended how.
    pub ended: BTreeMap<E, u64>,
    /// Items that were taken off, or had not ended when the list was cancelled.
    pub removed: u64,
    /// What of the progress was lost. To be told to the operator, if it is not none.
    pub repair: Repair,
}

/// An item that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<R> {
    /// Its place on the list, from 0.
    pub index: u32,
    /// Its block.
    pub hash: BlockHash,
    /// What stands beside the hash.
    pub record: R,
}

impl<R: Record, E: Code> ListStore<R, E> {
    /// What is stored. A list that is older than `max_age` at `now` is dropped, durably, instead of resumed.
    ///
    /// `make` turns each item into what the caller keeps of it, so that no second copy of the list is made; after an error
    /// nothing that it made counts. An item whose end was not taken down before a crash waits again.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Version`] and [`StoreError::UnknownCode`] if a file cannot be believed:
    /// nothing of the list is given out, and it stays where it is until it is discarded or replaced.
    /// [`StoreError::Full`] and [`StoreError::Io`].
    pub fn load<T>(
        &self,
        now: Timestamp,
        max_age: Duration,
        make: impl FnMut(Item<R>) -> T,
    ) -> Result<Load<T, E>, StoreError> {
        let shared = self.shared();
        let mut stored = shared.now();
        let Some(current) = stored.state().current.clone() else {
            return Ok(Load::Nothing);
        };
        let contents = Contents::<R>::open(&shared.place, current.generation)?;
        if now.since(contents.receipt.received_at) > max_age {
            shared.discard(&mut stored)?;
            return Ok(Load::Dropped(contents.receipt));
        }
        let (progress, repair) = progress(&mut stored, &shared.place, &contents.header)?;
        let mut replay = Replay::<E>::read(&progress)?;
        replay.repair.file_was_missing = repair.file_was_missing;
        let waiting = waiting(&contents, &current, &replay, make)?;
        drop(stored);
        let ended = replay.total();
        Ok(Load::Resumed(Loaded {
            removed: contents.receipt.count - ended - waiting.len() as u64,
            list: StoredList::new(shared.clone(), Arc::new(contents.receipt), progress),
            standing: current.standing,
            waiting,
            ended: replay.counts,
            repair: replay.repair,
        }))
    }
}

/// The items that neither ended nor were removed.
fn waiting<R: Record, E: Code, T>(
    contents: &Contents<R>,
    current: &Current,
    replay: &Replay<E>,
    mut make: impl FnMut(Item<R>) -> T,
) -> Result<Vec<T>, StoreError> {
    if current.standing == Standing::Cancelled {
        return Ok(Vec::new());
    }
    let left = contents.receipt.count - replay.total();
    let mut waiting = Vec::with_capacity(usize::try_from(left).expect("an address space"));
    contents.each(|item| {
        if !replay.ended.get(item.index) && !current.removed.contains(&item.hash) {
            waiting.push(make(item));
        }
    })?;
    Ok(waiting)
}

/// The progress of the current list: the one that is open, or its file.
fn progress(
    now: &mut Now,
    place: &Place,
    header: &Header,
) -> Result<(Arc<Progress>, Repair), StoreError> {
    let mut repair = Repair::default();
    if let Some(progress) = &now.progress {
        return Ok((progress.clone(), repair));
    }
    let path = place.progress(header.generation);
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = match options.open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            repair.file_was_missing = true;
            options.create(true).truncate(false).open(&path)
        }
        other => other,
    };
    let file = file.map_err(|error| StoreError::failed("open", &path, error))?;
    let salt = Salt::of(header.identity());
    let progress = Arc::new(Progress::new(file, path, salt, header.items));
    now.progress = Some(progress.clone());
    Ok((progress, repair))
}
